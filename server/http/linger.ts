import type { IncomingMessage } from 'node:http';

/** What is left of a refused body is read and thrown away for so long, so that the answer is seen; then the line is cut. */
const LINGER_MS = 1_000;

/** A body that nobody reads any more must not stand before the next request on its connection, nor come in for ever. */
export function readAway(raw: IncomingMessage): void {
  raw.resume();
  setTimeout(() => {
    if (!raw.complete) raw.destroy();
  }, LINGER_MS).unref();
}
