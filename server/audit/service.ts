import { HASH_LENGTH } from '../core/tree/tree.ts';
import { NotReadable } from './chain.ts';
import { passingRoot } from './merkle.ts';

/*
 * What a service says of its batches. It is the one that is audited: every number, length and name in an answer is
 * checked before it is used, and nothing is reserved because an answer asks for it.
 */

/** The service's public answers, bounded in time and size by whoever brings them. */
export interface ServiceRpc {
  readonly name: string;
  /** Undefined where it has no such batch. Throws NotReadable where it does not answer. */
  batch(number: number): Promise<Uint8Array | undefined>;
  leaves(number: number): Promise<AsyncIterable<Uint8Array> | undefined>;
}

export interface ToldAnchor {
  readonly chainId: number;
  readonly contract: string;
  readonly operator: string;
  readonly index: number;
  readonly state: string;
  readonly transactionHash: string | undefined;
  readonly blockNumber: number | undefined;
  readonly blockHash: string | undefined;
}

export interface ToldBatch {
  readonly number: number;
  readonly size: number;
  readonly root: string;
  readonly sealedMs: number;
  readonly anchors: readonly ToldAnchor[];
}

/** The most that KEZHENG_BATCH_MAX_ENTRIES allows: no service seals more. */
export const MAX_BATCH_SIZE = 2 ** 24;
/** Anchors of one batch, one a log: nobody anchors in more. */
const MAX_ANCHORS = 64;

/** Undefined where the answer is not of a batch. */
export function readBatch(body: Uint8Array, number: number): ToldBatch | undefined {
  try {
    const told = object(JSON.parse(Buffer.from(body).toString('utf8')));
    if (told['number'] !== number) throw new Refused();
    const anchors = told['anchors'];
    if (!Array.isArray(anchors) || anchors.length > MAX_ANCHORS) throw new Refused();
    const sealedMs = Date.parse(text(told['sealedAt'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));
    return {
      number,
      size: whole(told['size'], 1, MAX_BATCH_SIZE),
      root: text(told['root'], /^[0-9a-f]{64}$/),
      sealedMs: whole(sealedMs, 0, Number.MAX_SAFE_INTEGER),
      anchors: anchors.map(anchor),
    };
  } catch (error) {
    if (error instanceof Refused || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

class Refused extends Error {}

const HASH = /^0x[0-9a-f]{64}$/;
const ADDRESS = /^0x[0-9a-f]{40}$/;

function anchor(value: unknown): ToldAnchor {
  const told = object(value);
  const most = Number.MAX_SAFE_INTEGER;
  return {
    chainId: whole(told['chainId'], 0, most),
    contract: text(told['contract'], ADDRESS),
    operator: text(told['operator'], ADDRESS),
    index: whole(told['index'], 0, most),
    state: text(told['state'], /^(?:planned|mined|final)$/),
    transactionHash: optional(told['transactionHash'], (given) => text(given, HASH)),
    blockNumber: optional(told['blockNumber'], (given) => whole(given, 0, most)),
    blockHash: optional(told['blockHash'], (given) => text(given, HASH)),
  };
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Refused();
  return value as Readonly<Record<string, unknown>>;
}

function text(value: unknown, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw new Refused();
  return value;
}

function whole(value: unknown, least: number, most: number): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) throw new Refused();
  return value as number;
}

const optional = <T>(value: unknown, read: (value: unknown) => T): T | undefined =>
  value === null || value === undefined ? undefined : read(value);

export interface ReadLeaves {
  readonly count: number;
  /** undefined where they are not whole leaves, too many or none */
  readonly root: string | undefined;
}

/** Root over the leaves as they pass; stops where there are more than the service said. */
export async function readLeaves(chunks: AsyncIterable<Uint8Array>, size: number): Promise<ReadLeaves> {
  const passing = passingRoot();
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % HASH_LENGTH);
    for (let at = 0; at < whole; at += HASH_LENGTH) {
      if (passing.size === size) return { count: size + 1, root: undefined };
      passing.push(bytes.subarray(at, at + HASH_LENGTH));
    }
    rest = Uint8Array.from(bytes.subarray(whole));
  }
  const isWhole = rest.length === 0 && passing.size > 0;
  return { count: passing.size, root: isWhole ? passing.root() : undefined };
}

export async function leavesOf(
  service: ServiceRpc,
  batch: ToldBatch,
): Promise<ReadLeaves | undefined | NotReadable> {
  try {
    const chunks = await service.leaves(batch.number);
    return chunks && (await readLeaves(chunks, batch.size));
  } catch (error) {
    // The leaves of one batch that cannot be read are no reason to look at no other.
    if (error instanceof NotReadable) return error;
    throw error;
  }
}
