import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3Address } from './address.ts';
import { unavailable } from './failures.ts';

export interface S3Limits {
  /** A connection comes about within this time, or is tried again. */
  readonly connectMs: number;
  /** The longest that a server may be silent while it has something to do. */
  readonly silenceMs: number;
  /** Tries of one request in all; between them the library waits, longer each time (standard mode). */
  readonly attempts: number;
}

/** A request, with what it is for in words: "could not …". */
export type Ask = <Output>(what: string, send: (client: S3Client) => Promise<Output>) => Promise<Output>;

/** Three ways to one bucket, because what counts as silence differs. */
export interface S3Clients {
  /** A line that stands still either way is cut: for requests with bodies of ours. */
  readonly write: Ask;
  /** Only the wait for the answer's head counts: whoever reads the body may take his time. */
  readonly read: Ask;
  /** Soon given up: to see whether somebody is there, and to tidy. */
  readonly probe: Ask;
  close(): void;
}

/** Nothing here waits for a free connection: uploads, which are bounded elsewhere, do not wait for slow readers. */
const SOCKETS = 4_096;

const PROBE = { connectMs: 1_000, silenceMs: 3_000, attempts: 2 };

export function createS3Clients(address: S3Address, limits: S3Limits): S3Clients {
  const probeLimits = {
    connectMs: Math.min(PROBE.connectMs, limits.connectMs),
    silenceMs: Math.min(PROBE.silenceMs, limits.silenceMs),
    attempts: Math.min(PROBE.attempts, limits.attempts),
  };
  const write = createClient(address, limits, { socketTimeout: limits.silenceMs });
  const answerWithin = (ms: number) => ({
    requestTimeout: ms,
    throwOnRequestTimeout: true,
    socketTimeout: 0,
  });
  const read = createClient(address, limits, answerWithin(limits.silenceMs));
  const probe = createClient(address, probeLimits, answerWithin(probeLimits.silenceMs));
  return {
    write: askWith(write),
    read: askWith(read),
    probe: askWith(probe),
    close() {
      for (const client of [write, read, probe]) client.destroy();
    },
  };
}

const askWith =
  (client: S3Client): Ask =>
  async (what, send) => {
    try {
      return await send(client);
    } catch (error) {
      throw unavailable(what, error);
    }
  };

/** Credentials come by the library's own chain: environment, profile, container, instance. */
function createClient(
  { region, endpoint, pathStyle }: S3Address,
  { connectMs, attempts }: S3Limits,
  silence: object,
): S3Client {
  const agent = { keepAlive: true, maxSockets: SOCKETS };
  const config: S3ClientConfig = {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    forcePathStyle: pathStyle,
    maxAttempts: attempts,
    retryMode: 'standard',
    // We send SHA-256 of our own; checksums in trailers are what other stores than AWS stumble over.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: connectMs, httpAgent: agent, httpsAgent: agent, ...silence },
  };
  return new S3Client(config);
}
