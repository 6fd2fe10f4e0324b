import { Resolver } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { DoorProblem } from '../ports/door.ts';
import { remark } from './remark.ts';

/** All addresses of a name, at least one; `listed`: the name stands in KEZHENG_EGRESS_ALLOW. */
export type Resolve = (name: string, listed: boolean, signal: AbortSignal) => Promise<readonly string[]>;

export interface ResolverOptions {
  /** Asked instead of those of the machine: `address:port`. */
  readonly servers?: readonly string[];
  /** How long a server of names may take, before it or the next is asked once more. */
  readonly timeoutMs?: number;
}

const TRIES = 2;
const TIMEOUT_MS = 2_000;

/** Answers that say for certain that there is no such address. */
const UNKNOWN: readonly string[] = ['ENOTFOUND', 'ENODATA'];

/**
 * Names from outside are asked for in the DNS directly: the system's own way (getaddrinfo) cannot be given up, holds
 * a thread of the few that disk and keys need too, and puts search domains behind a name. Names that the operator
 * listed are found as everything on the machine finds them, in its hosts file too.
 */
export function openResolver({ servers, timeoutMs = TIMEOUT_MS }: ResolverOptions = {}): Resolve {
  return async (name, listed, signal) => {
    // RFC 6761 §6.3: never asked for in the DNS.
    if (name === 'localhost' || name.endsWith('.localhost')) return ['127.0.0.1', '::1'];
    if (listed && servers === undefined) return bySystem(name);
    const resolver = new Resolver({ timeout: timeoutMs, tries: TRIES });
    if (servers !== undefined) resolver.setServers(servers);
    const giveUp = () => resolver.cancel();
    signal.addEventListener('abort', giveUp);
    try {
      return await byDns(resolver, name);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  };
}

async function bySystem(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address);
  } catch (error) {
    throw failure(name, [error]);
  }
}

/** Half an answer is one: what is reached are only addresses that were told and looked at. */
async function byDns(resolver: Resolver, name: string): Promise<readonly string[]> {
  const asked = await Promise.allSettled([
    question((done) => resolver.resolve4(name, done)),
    question((done) => resolver.resolve6(name, done)),
  ]);
  const found = asked.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  if (found.length > 0) return found;
  throw failure(
    name,
    asked.map((one) =>
      one.status === 'rejected' ? one.reason : Object.assign(new Error('no address'), { code: 'ENODATA' }),
    ),
  );
}

type Answered = (error: NodeJS.ErrnoException | null, addresses: string[]) => void;

const question = (ask: (done: Answered) => void): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    ask((error, addresses) => (error ? reject(error) : resolve(addresses.filter((one) => isIP(one) !== 0))));
  });

function failure(host: string, errors: readonly unknown[]): DoorProblem {
  const code = (error: unknown) => (error as NodeJS.ErrnoException).code ?? '';
  const unsure = errors.find((error) => !UNKNOWN.includes(code(error)));
  return unsure === undefined
    ? new DoorProblem('door-name-unknown', { host }, remark(errors[0]))
    : new DoorProblem('door-name-unresolved', { host }, remark(unsure));
}
