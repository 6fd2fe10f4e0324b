import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import { DoorProblem } from '../ports/door.ts';
import type { Place } from './place.ts';
import { remark } from './remark.ts';

/** Opens a connection to this very address. */
export type Dial = (address: string, port: number) => Socket;

export interface ConnectOptions {
  readonly dial: Dial;
  /** For one address; its TLS handshake has as long again. */
  readonly connectMs: number;
  /** PEM; undefined: the roots that Node has, with those of NODE_EXTRA_CA_CERTS. */
  readonly ca: readonly string[] | undefined;
}

/** Of a name's addresses so many are tried: more would only be so many more connections that one request can cause. */
const MAX_TRIED = 4;

/** Nothing is resolved on this way: who was checked is who is called. */
export const dialAddress: Dial = (host, port) => {
  if (isIP(host) === 0) throw new Error('only addresses are dialled');
  return connectTcp({ host, port, autoSelectFamily: false });
};

/** One after the other, IPv4 first: where IPv6 leads nowhere, as on many servers, nobody waits for it. */
export async function connect(
  place: Place,
  addresses: readonly string[],
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const inOrder = addresses.toSorted((a, b) => isIP(a) - isIP(b)).slice(0, MAX_TRIED);
  let failed: unknown;
  for (const address of inOrder) {
    signal.throwIfAborted();
    try {
      return await connectOne(place, address, options, signal);
    } catch (error) {
      // Somebody is there who is not the one that was asked for: another address does not heal that.
      if (error instanceof DoorProblem) throw error;
      failed = error;
    }
  }
  throw new DoorProblem('door-unreachable', { host: place.asked }, remark(failed));
}

async function connectOne(
  place: Place,
  address: string,
  { dial, connectMs, ca }: ConnectOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = await ready(dial(address, place.port), 'connect', connectMs, signal);
  if (!place.secure) return socket;
  const secured = connectTls({
    socket,
    ...(ca !== undefined && { ca: [...ca] }),
    // The name that was asked for, whatever address it led to; an address is no name there (RFC 6066 §3).
    ...(isIP(place.host) === 0 && { servername: place.host }),
    checkServerIdentity: (_, certificate) => checkServerIdentity(place.host, certificate),
    // Said here, so that no variable of the environment can unsay it.
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  });
  try {
    return await ready(secured, 'secureConnect', connectMs, signal);
  } catch (error) {
    socket.destroy();
    throw new DoorProblem('door-tls-failed', { host: place.asked }, remark(error));
  }
}

/** The socket once it has come about. Later errors are told to whoever uses it, by then with a listener of his own. */
function ready<S extends Socket>(
  socket: S,
  event: string,
  withinMs: number,
  signal: AbortSignal,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const end = (error: unknown) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const giveUp = () => end(signal.reason);
    const timer = setTimeout(() => end(new Error(`no ${event} within ${withinMs} ms`)), withinMs);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    };
    signal.addEventListener('abort', giveUp);
    // It stays for good: an error that nobody listens to would end the process.
    socket.on('error', end);
    socket.once('close', () => end(new Error(`closed before ${event}`)));
    socket.once(event, () => {
      settle();
      resolve(socket);
    });
  });
}
