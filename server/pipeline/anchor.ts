import {
  type Appended,
  ChainProblem,
  type EthereumHeaderAnchor,
  type LogHead,
  type LogIdentity,
  type SignedAppend,
} from '../ports/chain.ts';
import type { Anchor, AnchorStore } from '../ports/store.ts';
import {
  AnchorAlarm,
  comparePast,
  isAt,
  type KnownPast,
  nothingKnown,
  type PastDeps,
  refuseIfAhead,
  refuseOtherGenesis,
  reviewFinal,
  wasAt,
} from './past.ts';

/*
 * Brings sealed roots into the log, one transaction at a time, and follows each until it is final. Every step first
 * asks the chain what is there; every signed transaction is durable before a node sees it. So a crash anywhere leaves
 * either nothing, or a transaction whose same bytes are sent again, or one that the log already holds; and the log's
 * compare-and-swap refuses everything else.
 */

export interface AnchorDeps extends PastDeps {
  /** In demonstration a lost chain is replaced by a new one; against a configured chain that is an alarm. */
  readonly genesisMayChange: boolean;
  /** Told when an anchor became final. */
  readonly onFinal: (anchor: Anchor) => Promise<void>;
}

/** One round. Returns true where something changed, so that the next round should come soon. */
export async function anchorRound(deps: AnchorDeps, past: KnownPast): Promise<boolean> {
  const log = await deps.chain.inspect();
  if (!deps.genesisMayChange) await refuseOtherGenesis(deps.store, log);
  let moved = await followMined(deps, log);
  const head = await deps.chain.head();
  if (head.count < past.nextIndex) Object.assign(past, nothingKnown());
  await comparePast(deps, log, head, past);
  past.behindSinceMs = undefined;
  await refuseIfAhead(deps.store, log, head);
  moved = (await reviewFinal(deps, log, head, past)) || moved;
  const next = await nextToAppend(deps, log);
  if (next === undefined || head.count <= next.index) past.compared = true;
  if (next === undefined) return moved;
  return (await append(deps, next, head)) || moved;
}

/** Looks after every mined anchor that is not final: gone from the chain, deeper, or final. In index order. */
async function followMined(deps: AnchorDeps, log: LogIdentity): Promise<boolean> {
  let moved = false;
  for (const anchor of await deps.store.openAnchors(log)) {
    if (anchor.state !== 'mined') continue;
    moved = (await followOne(deps, anchor)) || moved;
  }
  return moved;
}

async function followOne(deps: AnchorDeps, anchor: Anchor): Promise<boolean> {
  const { store, chain, clock } = deps;
  const finality = await chain.finality(anchor.blockNumber!, anchor.blockHash!);
  if (!finality.canonical) {
    await store.recordReorganised(anchor.id, wasAt(anchor), clock.nowMs());
    return true;
  }
  if (!finality.final) {
    if (finality.confirmations !== anchor.confirmations || finality.required !== anchor.required)
      await store.recordConfirmations(anchor.id, finality.confirmations, finality.required);
    return false;
  }
  const proof = await proofOf(deps, anchor);
  if (proof === undefined) return true;
  await store.recordConfirmations(anchor.id, finality.confirmations, finality.confirmations);
  await store.recordFinal(anchor.id, anchor.blockHash!, proof, clock.nowMs());
  await deps.onFinal(anchor);
  return true;
}

/**
 * The proof is checked by core before it is kept: a node that lies about its block stops here, not at a court.
 * Undefined where the anchor goes back because the log now shows it elsewhere: where it stands was told by a node too.
 */
async function proofOf(
  { store, chain, clock }: AnchorDeps,
  anchor: Anchor,
): Promise<EthereumHeaderAnchor | undefined> {
  try {
    return await chain.prove(appendedAt(anchor));
  } catch (error) {
    if (!(error instanceof ChainProblem) || error.code !== 'chain-hashes-differ') throw error;
    const found = await chain.findAppend(anchor.index);
    if (found === undefined || isAt(anchor, found)) throw error;
    await store.recordReorganised(anchor.id, { ...wasAt(anchor), reason: error.code }, clock.nowMs());
    return undefined;
  }
}

const appendedAt = (anchor: Anchor): Appended => ({
  index: anchor.index,
  root: anchor.root,
  size: anchor.size,
  ...wasAt(anchor),
});

/** The lowest index that is not in the log yet: one planned before, or the next batch. */
async function nextToAppend({ store, clock }: AnchorDeps, log: LogIdentity): Promise<Anchor | undefined> {
  const planned = (await store.openAnchors(log)).find((anchor) => anchor.state === 'planned');
  return planned ?? (await store.planAnchor(log, clock.nowMs()));
}

async function append(deps: AnchorDeps, anchor: Anchor, head: LogHead): Promise<boolean> {
  if (head.count > anchor.index) return adopt(deps, anchor);
  // Something before it has gone and is being looked after; appending out of order would revert.
  if (head.count < anchor.index) return false;
  const attempts = await deps.store.attempts(anchor.id);
  if (attempts.length === 0) return send(deps, anchor, undefined);
  // The nonce first: one that was used up before we ask for our transaction, and not by it, was used by another.
  const minedNonce = await deps.chain.minedNonce();
  const last = foremost(attempts, minedNonce);
  const waited = deps.clock.nowMs() - last.signedMs >= patienceMs(attempts, last, deps.resendAfterMs);
  const used = minedNonce > last.nonce;
  const fate = await deps.chain.fate(last.transactionHash);
  if (fate.state === 'mined') {
    // Mined after the head was read: the next round finds it in the log.
    if (fate.blockNumber > head.blockNumber) return false;
    // It reverted, or (where there was no contract yet) did nothing, or the node contradicts itself.
    return !fate.succeeded || waited ? send(deps, anchor, undefined) : false;
  }
  if (used) return send(deps, anchor, undefined);
  if (waited) return send(deps, anchor, (await leftBefore(deps, anchor, last, minedNonce)) ?? last);
  if (fate.state === 'unknown') await deps.chain.broadcast(last);
  return false;
}

/**
 * The newest attempt with the lowest nonce that is not used up: nothing behind it can be mined before it, however dear.
 * A nonce that was used up is free again where its block has gone. Where all are used up, the newest attempt.
 */
function foremost<T extends SignedAppend>(attempts: readonly T[], minedNonce: number): T {
  const open = attempts.filter(({ nonce }) => nonce >= minedNonce);
  const lowest = Math.min(...open.map(({ nonce }) => nonce));
  return open.findLast(({ nonce }) => nonce === lowest) ?? attempts.at(-1)!;
}

/** Anchors back that a transaction which nobody needs any more is looked for in. */
const LOOK_BACK = 16;

/**
 * A second transaction for an earlier anchor, not needed any more, may stand before ours with fees that were right then:
 * ours would wait behind it for as long as fees stay higher. It is the one to be replaced.
 */
async function leftBefore(
  { store }: AnchorDeps,
  { log, index }: Anchor,
  last: SignedAppend,
  minedNonce: number,
): Promise<SignedAppend | undefined> {
  if (minedNonce >= last.nonce) return undefined;
  const from = Math.max(0, index - LOOK_BACK);
  for (const earlier of (await store.anchorsOfLog(log, from, index - from)).toReversed()) {
    const left = (await store.attempts(earlier.id)).findLast(({ nonce }) => nonce === minedNonce);
    if (left !== undefined) return left;
  }
  return undefined;
}

/** No transaction waits longer than this for a dearer one. */
const MAX_PATIENCE_MS = 24 * 3_600_000;

/**
 * Each replacement is dearer by an eighth, so the next one waits twice as long: a chain that stands still for a day
 * would otherwise make us sign away everything that the operator has.
 */
function patienceMs(
  attempts: readonly SignedAppend[],
  { nonce }: SignedAppend,
  resendAfterMs: number,
): number {
  const replaced = attempts.filter((attempt) => attempt.nonce === nonce).length - 1;
  return Math.min(resendAfterMs * 2 ** replaced, Math.max(resendAfterMs, MAX_PATIENCE_MS));
}

/** Durable first, then sent: see the head of this file. */
async function send(deps: AnchorDeps, anchor: Anchor, replace: SignedAppend | undefined): Promise<boolean> {
  const signed = await deps.chain.sign(
    { index: anchor.index, root: anchor.root, size: anchor.size },
    replace,
  );
  await deps.store.recordAttempt(anchor.id, signed, deps.clock.nowMs());
  await deps.chain.broadcast(signed);
  return true;
}

/** The index is in the log. Ours where root and size are ours, whoever's transaction it was; else an alarm. */
async function adopt({ store, chain, clock }: AnchorDeps, anchor: Anchor): Promise<boolean> {
  const found = await chain.findAppend(anchor.index);
  // Between two reads the chain may have moved; the next round sees it whole.
  if (found === undefined) return false;
  if (found.root !== anchor.root || found.size !== anchor.size) {
    const detail = {
      index: anchor.index,
      expected: anchor.root,
      actual: found.root,
      transaction: found.transactionHash,
    };
    await recordForeign(store, anchor, detail, clock.nowMs());
    throw new AnchorAlarm('log-index-foreign', detail);
  }
  const finality = await chain.finality(found.blockNumber, found.blockHash);
  // A reorganisation in between, over by the next round; or answers that do not fit together, which must be told.
  if (!finality.canonical)
    throw new ChainProblem('chain-answer-invalid', { node: 'eth_getLogs', what: 'block' });
  const { transactionHash, blockNumber, blockHash } = found;
  const at = { transactionHash, blockNumber, blockHash, blockTime: finality.blockTime };
  await store.recordMined(anchor.id, at, clock.nowMs());
  await store.recordConfirmations(anchor.id, finality.confirmations, finality.required);
  return true;
}

/** Once in the history, not once a round. */
async function recordForeign(
  store: AnchorStore,
  anchor: Anchor,
  detail: Readonly<Record<string, string | number>>,
  atMs: number,
): Promise<void> {
  const history = await store.historyOfBatch(anchor.batch);
  if (!history.some((past) => past.anchorId === anchor.id && past.event === 'foreign-root'))
    await store.recordEvent(anchor.id, { atMs, event: 'foreign-root', detail });
}
