import { parentPort, workerData } from 'node:worker_threads';
import { isHarmless, isStorageFailure } from './connection.ts';
import { type Methods, openMethods } from './methods.ts';
import type { Answer, Failure, Request, WriterOptions } from './protocol.ts';

/*
 * The thread that owns the writing connection. It takes one request after the other; between them, where none waits,
 * it merges a piece of the look-up.
 */
const { path, slice, stamper } = workerData as WriterOptions;
const port = parentPort!;

let methods: Methods | undefined;
let tidying: NodeJS.Immediate | undefined;

/** Opened at the first request, and again after a failure that may have left the connection in doubt. */
const open = (): Methods => (methods ??= openMethods(path, slice, stamper));

function abandon(): void {
  const doubtful = methods;
  methods = undefined;
  try {
    doubtful?.close();
  } catch {
    // Its file may be gone: the next request opens it again, or says why it cannot.
  }
}

function failureOf(error: unknown): Failure {
  const isStorage = isStorageFailure(error);
  if (isStorage && !isHarmless(error)) abandon();
  return { isStorage, error };
}

function handle(request: Request): Answer {
  const { n } = request;
  try {
    if ('group' in request) {
      const value = open().group(Buffer.from(request.group), request.count);
      return { n, value, buffer: request.group };
    }
    if (request.name === 'close') {
      clearImmediate(tidying);
      abandon();
      return { n, value: undefined };
    }
    const verb = open()[request.name] as (...args: readonly unknown[]) => unknown;
    return { n, value: verb(...request.args) };
  } catch (error) {
    return { n, failure: failureOf(error) };
  }
}

/** Comes after every request that already waits, one piece at a time. */
function tidyLater(): void {
  tidying ??= setImmediate(() => {
    tidying = undefined;
    try {
      if (methods?.tidy()) tidyLater();
    } catch (error) {
      // A full disk: the same piece is tried again after the next request.
      failureOf(error);
    }
  });
}

port.on('message', (request: Request) => {
  const answer = handle(request);
  port.postMessage(answer, transfers(answer));
  tidyLater();
});

function transfers({ buffer, value }: Answer): ArrayBuffer[] {
  const leaves = (value as { leaves?: Uint8Array<ArrayBuffer> } | undefined)?.leaves;
  return [...(buffer ? [buffer] : []), ...(leaves ? [leaves.buffer] : [])];
}
