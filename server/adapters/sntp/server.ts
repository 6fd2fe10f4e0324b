import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { type TimeSample, type TimeServer, TimeServerProblem } from '../../ports/time.ts';
import { answers, distanceOf, NONCE_BYTES, readAnswer, writeRequest } from './packet.ts';

export interface SntpOptions {
  readonly host: string;
  readonly port: number;
  /** for name and answer together */
  readonly timeoutMs: number;
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
}

/** A time server that is asked over UDP. Its name is looked up each time: pools move. */
export function sntpServer(options: SntpOptions): TimeServer {
  return {
    async ask(stopping) {
      const late = new AbortController();
      // A busy process finds the timer and the answer both there: the answer is read first.
      const timer = setTimeout(() => setImmediate(() => late.abort()), options.timeoutMs);
      try {
        return await askOnce(options, AbortSignal.any([stopping, late.signal]));
      } catch (error) {
        // Too few file descriptors, a policy that forbids sending: to whoever asks it is as if nobody answered.
        throw error instanceof TimeServerProblem
          ? error
          : new TimeServerProblem('silent', 'could not ask', { cause: error });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

async function askOnce(
  { host, port, wallMs, monotonicMs }: SntpOptions,
  end: AbortSignal,
): Promise<TimeSample> {
  const { address, family } = await addressOf(host, end);
  const nonce = randomBytes(NONCE_BYTES);
  const { bytes, sentMs, receivedMs } = await exchange({ address, port, family, nonce, monotonicMs, end });
  const read = readAnswer(bytes, wallMs());
  if ('fault' in read) throw new TimeServerProblem(read.fault, read.why);
  // Without the server's own part; a server that claims a longer one than we waited gains nothing (distanceOf).
  const delayMs = receivedMs - sentMs - (read.sentMs - read.receivedMs);
  return {
    epochMs: (read.receivedMs + read.sentMs) / 2 - (sentMs + receivedMs) / 2,
    distanceMs: distanceOf(delayMs, read.rootDelayMs, read.rootDispersionMs),
    from: `${address} ${port}`,
  };
}

interface Exchange {
  readonly address: string;
  readonly port: number;
  readonly family: number;
  readonly nonce: Uint8Array;
  readonly monotonicMs: () => number;
  readonly end: AbortSignal;
}

interface Exchanged {
  readonly bytes: Uint8Array;
  readonly sentMs: number;
  readonly receivedMs: number;
}

/**
 * A socket of its own for each question, so its port is chosen anew, connected, so the system passes on nothing that
 * comes from another address or port. What does not answer our question is passed over: it may be anybody's.
 */
function exchange({ address, port, family, nonce, monotonicMs, end }: Exchange): Promise<Exchanged> {
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  return new Promise<Exchanged>((resolve, reject) => {
    let sentMs = 0;
    const fail = (error: Error): void =>
      reject(new TimeServerProblem('silent', 'no answer', { cause: error }));
    const onEnd = (): void => reject(new TimeServerProblem('silent', 'no answer in time'));
    if (end.aborted) return onEnd();
    end.addEventListener('abort', onEnd, { once: true });
    socket.on('error', fail);
    socket.on('message', (bytes) => {
      const receivedMs = monotonicMs();
      if (answers(bytes, nonce)) resolve({ bytes, sentMs, receivedMs });
    });
    // Given as a callback it would be called for an error too.
    socket.on('connect', () => {
      if (end.aborted) return;
      sentMs = monotonicMs();
      socket.send(writeRequest(nonce), (error) => error && fail(error));
    });
    socket.connect(port, address);
  }).finally(() => socket.close());
}

async function addressOf(host: string, end: AbortSignal): Promise<{ address: string; family: number }> {
  let stop = (): void => {};
  const ended = new Promise<never>((_, reject) => {
    stop = () => reject(new TimeServerProblem('silent', 'name not found in time'));
    end.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([lookup(host), ended]);
  } finally {
    end.removeEventListener('abort', stop);
  }
}
