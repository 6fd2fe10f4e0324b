import type { Blobs } from '../ports/blobs.ts';
import type { EthereumHeaderAnchor, LogIdentity } from '../ports/chain.ts';
import type { LookupRepairs, RawBatch, RawLog, Snapshot } from '../ports/inspect.ts';
import type { Anchor, AnchorStore } from '../ports/store.ts';
import type { ChainAppend, ChainView } from './chain.ts';
import type { Unrecorded } from './comparison.ts';
import { checkProof } from './proof.ts';

/** What --repair works with: the store's own verbs and nothing beside them, except for rows that are made from others. */
export interface Repairs {
  readonly store: Pick<
    AnchorStore,
    'anchorsOfLog' | 'planAnchor' | 'recordMined' | 'recordConfirmations' | 'recordFinal'
  >;
  readonly blobs: Pick<Blobs, 'keep'>;
  readonly lookup: LookupRepairs;
  /** Builds the proof of an append and runs a certificate's checks on it. */
  readonly prove: (log: LogIdentity, append: ChainAppend) => Promise<EthereumHeaderAnchor>;
  readonly nowMs: number;
}

/**
 * Records an append that is final on the chain, as the pipeline would have. Only at the end of the records can an anchor
 * be planned by the store's verbs; whatever does not fit exactly is left to people. A crash on the way leaves a planned
 * or mined anchor, which the service brings to its end by itself.
 */
export async function recordAnchor(
  { store, prove, nowMs }: Repairs,
  view: ChainView,
  { log: { chainId, genesisHash, contract, operator }, batch, append }: Unrecorded,
): Promise<boolean> {
  const log: LogIdentity = { chainId, genesisHash, contract, operator };
  const block = await view.block(append.blockNumber);
  if (block?.hash !== append.blockHash) return false;
  const proof = await prove(log, append);
  const anchor = await anchorAt(store, log, append.index, batch, nowMs);
  if (anchor === undefined || anchor.batch !== batch) return false;
  if (anchor.root !== append.root || anchor.size !== append.size) return false;
  const { transactionHash, blockNumber, blockHash } = append;
  await store.recordMined(
    anchor.id,
    { transactionHash, blockNumber, blockHash, blockTime: block.time },
    nowMs,
  );
  const standing = view.head.number - blockNumber + 1;
  await store.recordConfirmations(anchor.id, standing, standing);
  await store.recordFinal(anchor.id, blockHash, proof, nowMs);
  return true;
}

/** The anchor of this index; planned now where it is exactly the next one. */
async function anchorAt(
  store: Repairs['store'],
  log: LogIdentity,
  index: number,
  batch: number,
  nowMs: number,
): Promise<Anchor | undefined> {
  const [there] = await store.anchorsOfLog(log, index, 1);
  if (there !== undefined) return there.index === index ? there : undefined;
  const [last] = index === 0 ? [] : await store.anchorsOfLog(log, index - 1, 1);
  const isNext = index === 0 ? batch === 1 : last?.index === index - 1 && last.batch === batch - 1;
  if (!isNext) return undefined;
  const planned = await store.planAnchor(log, nowMs);
  return planned?.index === index ? planned : undefined;
}

/** Whether a proof that holds says that this root was anchored: then its tree can only be the one over these leaves. */
export async function isAnchored(snapshot: Snapshot, batch: RawBatch): Promise<boolean> {
  const logs = new Map<number, RawLog>((await snapshot.logs()).map((log) => [log.id, log]));
  for (const anchor of await snapshot.anchorsOfBatch(batch.number)) {
    const log = logs.get(anchor.log);
    if (anchor.proof === undefined || log === undefined) continue;
    const proof = checkProof(anchor.proof, log);
    if ('fact' in proof && proof.fact.root === batch.root && proof.fact.size === batch.size) return true;
  }
  return false;
}
