import { createHash, hash } from 'node:crypto';
import { encodeBase64 } from '../core/read/base64.ts';
import { equalBytes, toHex } from '../core/read/bytes.ts';
import type { JsonObject } from '../core/read/json.ts';
import { parseCertificate } from '../core/read/x509.ts';
import { buildTree, HASH_LENGTH, type HashNodeInto, proofOffsets, rootOf } from '../core/tree/tree.ts';
import type { Stamp, StampStore, StoredEntry } from '../ports/store.ts';

/** The operator's token over an entry, as certificates and receipts carry it: FORMAT.md, «tokens». */
export interface EntryStamp {
  readonly type: 'rfc3161-manifest/1' | 'rfc3161-bulk/1';
  /** DER, without certificates */
  readonly token: Uint8Array;
  /** what the token is over, 32 bytes */
  readonly imprint: Uint8Array;
  /** the signer's and its issuers', DER; self-signed roots included */
  readonly chain: readonly Uint8Array[];
  /** from the entry's leaf to the imprint of a bulk call */
  readonly path:
    | { readonly index: number; readonly size: number; readonly hashes: readonly string[] }
    | undefined;
}

export type StampReads = Pick<StampStore, 'stampOf' | 'leavesFrom'>;

/** Certificates of the key that signed a token. */
export type ChainOf = (token: Uint8Array) => Promise<readonly Uint8Array[]>;

/** Undefined where the entry has none, or none yet. */
export async function stampOfEntry(
  store: StampReads,
  chainOf: ChainOf,
  entry: StoredEntry,
): Promise<EntryStamp | undefined> {
  const stamp = await store.stampOf(entry.sequence);
  if (stamp?.token === undefined) return undefined;
  const { token, count } = stamp;
  const chain = await chainOf(token);
  if (count === 1) {
    const imprint = createHash('sha256').update(entry.entry, 'utf8').digest();
    return { type: 'rfc3161-manifest/1', token, imprint, chain, path: undefined };
  }
  return { type: 'rfc3161-bulk/1', token, chain, ...(await bulkPath(store, stamp, entry.sequence)) };
}

/** Whoever asks for one certificate of a call asks for others: so many trees are kept, of at most 640 KB each. */
const KEPT_TREES = 16;
const trees = new Map<string, Uint8Array>();

/** The tree that a bulk call's token is over; it has at most ten thousand leaves and is stored nowhere. */
async function bulkTree(store: StampReads, { firstSequence, count, token }: Stamp): Promise<Uint8Array> {
  const key = Buffer.from(token!).toString('latin1');
  const nodes = trees.get(key) ?? buildTree(await store.leavesFrom(firstSequence, count), hashNodeInto);
  trees.delete(key);
  trees.set(key, nodes);
  if (trees.size > KEPT_TREES) trees.delete(trees.keys().next().value!);
  return nodes;
}

const hashNodeInto: HashNodeInto = (preimage, out, offset) =>
  out.set(hash('sha256', preimage, 'buffer'), offset);

async function bulkPath(store: StampReads, stamp: Stamp, sequence: number) {
  const { firstSequence, count } = stamp;
  const nodes = await bulkTree(store, stamp);
  const index = sequence - firstSequence;
  const hashes = proofOffsets(index, count).map((offset) =>
    toHex(nodes.subarray(offset, offset + HASH_LENGTH)),
  );
  return { imprint: rootOf(nodes), path: { index, size: count, hashes } };
}

/** As a certificate carries it: without a root, which is the reader's to know. */
export const tokenObject = ({ type, token, chain, path }: EntryStamp): JsonObject => ({
  type,
  token: encodeBase64(token),
  certificates: chain.filter((one, i) => i === 0 || !isRoot(one)).map((one) => encodeBase64(one)),
  ...path,
});

export function isRoot(certificate: Uint8Array): boolean {
  const { issuer, subject } = parseCertificate(certificate);
  return equalBytes(issuer.raw, subject.raw);
}

/**
 * Certificates of all keys that ever signed tokens here, by what a token says of its signer: the SHA-256 of the signer's
 * certificate (ESSCertIDv2, RFC 5816). Those of a key that came later are read when a token names them.
 */
export function createChainOf(store: Pick<StampStore, 'signers'>): ChainOf {
  let known: readonly { readonly id: Buffer; readonly chain: readonly Uint8Array[] }[] = [];
  const find = (token: Uint8Array) => {
    const bytes = Buffer.from(token.buffer, token.byteOffset, token.byteLength);
    return known.find(({ id }) => bytes.includes(id))?.chain;
  };
  return async (token) => {
    const found = find(token);
    if (found !== undefined) return found;
    known = (await store.signers()).map(({ id, chain }) => ({ id: Buffer.from(id, 'hex'), chain }));
    const now = find(token);
    if (now === undefined) throw new Error('a token names a signer whose certificates are not kept');
    return now;
  };
}
