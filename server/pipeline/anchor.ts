import { rollingAfter } from '../core/anchor/evidence-log.ts';
import {
  type Appended,
  type Chain,
  ChainProblem,
  type EthereumHeaderAnchor,
  type LogHead,
  type LogIdentity,
  type SignedAppend,
} from '../ports/chain.ts';
import type { Clock } from '../ports/clock.ts';
import type { Anchor, AnchorStore, BatchStore } from '../ports/store.ts';

/*
 * Brings sealed roots into the log, one transaction at a time, and follows each until it is final. Every step first
 * asks the chain what is there; every signed transaction is durable before a node sees it. So a crash anywhere leaves
 * either nothing, or a transaction whose same bytes are sent again, or one that the log already holds; and the log's
 * compare-and-swap refuses everything else.
 */

/** Something only people can set right: nothing more is anchored until they do. */
export class AnchorAlarm extends Error {
  readonly code:
    | 'log-index-foreign'
    | 'log-history-differs'
    | 'log-ahead'
    | 'restored-uncompared'
    | 'genesis-changed';
  readonly detail: Readonly<Record<string, string | number>>;
  constructor(code: AnchorAlarm['code'], detail: Readonly<Record<string, string | number>>) {
    super(`${code} ${JSON.stringify(detail)}`);
    this.name = 'AnchorAlarm';
    this.code = code;
    this.detail = detail;
  }
}

export interface AnchorDeps {
  readonly store: AnchorStore & Pick<BatchStore, 'lastBatch'>;
  readonly chain: Chain;
  readonly clock: Clock;
  /** A transaction that has been pending for so long is replaced by a dearer one. */
  readonly resendAfterMs: number;
  /** In demonstration a lost chain is replaced by a new one; against a configured chain that is an alarm. */
  readonly genesisMayChange: boolean;
  /** Told when an anchor became final. */
  readonly onFinal: (anchor: Anchor) => Promise<void>;
}

/**
 * The rolling hash over our final anchors that the chain's head has confirmed once: so that a round looks at new
 * anchors only. Kept in memory, made anew after a start; it decides nothing but how far back a round looks.
 */
export interface KnownPast {
  nextIndex: number;
  rolling: string;
  /** The head at which the final anchors were last found on the chain; undefined: not looked yet. */
  reviewedAt: string | undefined;
  /** Since this was made all roots of the log were found to be recorded here: what we have is not an old copy. */
  compared: boolean;
  /** When the node was first found not to have come as far as a block that was final. */
  behindSinceMs: number | undefined;
}

export const EMPTY_LOG_ROLLING = '0'.repeat(48);

export const nothingKnown = (): KnownPast => ({
  nextIndex: 0,
  rolling: EMPTY_LOG_ROLLING,
  reviewedAt: undefined,
  compared: false,
  behindSinceMs: undefined,
});

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

/** The same chain id with another first block is another chain: anchoring there would split the history. */
export async function refuseOtherGenesis(store: Pick<AnchorStore, 'logs'>, log: LogIdentity): Promise<void> {
  const other = (await store.logs()).find(
    (known) => known.chainId === log.chainId && known.genesisHash !== log.genesisHash,
  );
  if (other !== undefined)
    throw new AnchorAlarm('genesis-changed', { expected: other.genesisHash, actual: log.genesisHash });
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

const isAt = (anchor: Anchor, { blockHash, transactionHash }: Appended): boolean =>
  blockHash === anchor.blockHash && transactionHash === anchor.transactionHash;

const wasAt = (anchor: Anchor) => ({
  transactionHash: anchor.transactionHash!,
  blockNumber: anchor.blockNumber!,
  blockHash: anchor.blockHash!,
});

const appendedAt = (anchor: Anchor): Appended => ({
  index: anchor.index,
  root: anchor.root,
  size: anchor.size,
  ...wasAt(anchor),
});

/** How many anchors one look at the past reads at once. */
const PAGE = 1_000;

/**
 * The log must hold exactly what we believe it does. Fewer roots than we saw mined or final: a reorganisation, or a
 * chain that lost its last blocks; the anchors that are gone go back. As many, with another rolling hash: not our history.
 */
async function comparePast(
  deps: AnchorDeps,
  log: LogIdentity,
  head: LogHead,
  past: KnownPast,
): Promise<void> {
  let { nextIndex, rolling } = past;
  for (;;) {
    const page = await deps.store.anchorsOfLog(log, nextIndex, PAGE);
    for (const anchor of page) {
      if (anchor.state === 'planned') return;
      nextIndex = anchor.index + 1;
      if (nextIndex > head.count) {
        await giveBackIfGone(deps, anchor, head, past);
        continue;
      }
      rolling = rollingAfter(rolling, anchor.index, anchor.root, anchor.size);
      if (nextIndex === head.count && rolling !== head.rolling)
        throw new AnchorAlarm('log-history-differs', {
          count: head.count,
          expected: rolling,
          actual: head.rolling,
        });
      if (anchor.state === 'final' && past.nextIndex === anchor.index)
        Object.assign(past, { nextIndex, rolling });
    }
    if (page.length < PAGE) return;
  }
}

/**
 * Every root is planned here before it is sent, so the log never holds more than we have batches for: except where these
 * data are an old copy, or somebody else writes with our key. Indexes that we have batches for are compared when their
 * turn comes; nothing is sealed or sent beside more than that, because it would be a second history with the same numbers.
 */
async function refuseIfAhead(
  store: AnchorDeps['store'],
  log: LogIdentity,
  { count }: LogHead,
): Promise<void> {
  if (count === 0 || (await store.anchorsOfLog(log, count - 1, 1)).length > 0) return;
  const planned = await lastPlanned(store, log);
  const batches = (await store.lastBatch())?.number ?? 0;
  const known = (planned === undefined ? 0 : planned.index + 1) + batches - (planned?.batch ?? 0);
  if (count > known) throw new AnchorAlarm('log-ahead', { count, known });
}

async function lastPlanned(store: AnchorStore, log: LogIdentity): Promise<Anchor | undefined> {
  for (let last: Anchor | undefined; ; ) {
    const page = await store.anchorsOfLog(log, last === undefined ? 0 : last.index + 1, PAGE);
    last = page.at(-1) ?? last;
    if (page.length < PAGE) return last;
  }
}

async function giveBackIfGone(
  { store, chain, clock, resendAfterMs }: AnchorDeps,
  anchor: Anchor,
  head: LogHead,
  past: KnownPast,
): Promise<void> {
  if (anchor.state === 'final' && head.blockNumber < anchor.blockNumber!)
    waitForLaggard(anchor.blockNumber!, head, past, clock.nowMs(), resendAfterMs);
  const { canonical } = await chain.finality(anchor.blockNumber!, anchor.blockHash!);
  if (!canonical) return store.recordReorganised(anchor.id, wasAtAsFinal(anchor), clock.nowMs());
  // The block is on the chain and what it did is not in the log: one of the two is not true.
  if (anchor.blockNumber! <= head.blockNumber)
    throw new ChainProblem('chain-answer-invalid', { node: 'slots', what: 'count' });
}

/**
 * A node that has not come as far as a block that was final is most likely behind: it takes nothing back at once. A chain
 * that has lost the block may grow again by nothing but what we send to it, so the wait has an end.
 */
function waitForLaggard(
  expected: number,
  { blockNumber: block }: LogHead,
  past: KnownPast,
  nowMs: number,
  patienceMs: number,
): void {
  past.behindSinceMs ??= nowMs;
  if (Math.abs(nowMs - past.behindSinceMs) < patienceMs)
    throw new ChainProblem('chain-behind', { block, expected });
}

const wasAtAsFinal = (anchor: Anchor) => ({ ...wasAt(anchor), wasFinal: anchor.state === 'final' ? 1 : 0 });

/**
 * Final is what a tag or a count called so: where the chain turns out to have other blocks after all, the log may be the
 * same while our proofs lead to blocks that are not on the chain. Blocks stand on each other, so where the newest final
 * anchor's block is on the chain all are; else those that have moved go back, newest first, and are found again.
 * A crash on the way leaves older ones that the next look finds in the same way.
 */
async function reviewFinal(
  { store, chain, clock }: AnchorDeps,
  log: LogIdentity,
  head: LogHead,
  past: KnownPast,
): Promise<boolean> {
  if (past.reviewedAt === head.blockHash) return false;
  let moved = false;
  for (let index = past.nextIndex - 1; index >= 0; index--) {
    const [anchor] = await store.anchorsOfLog(log, index, 1);
    if (anchor?.index !== index || anchor.state !== 'final') break;
    if ((await chain.finality(anchor.blockNumber!, anchor.blockHash!)).canonical) break;
    const found = await chain.findAppend(index);
    // A node that shows the append in the very block that it denies: it must not take a proof away.
    if (found === undefined || isAt(anchor, found))
      throw new ChainProblem('chain-answer-invalid', { node: 'eth_getLogs', what: 'block' });
    await store.recordReorganised(anchor.id, wasAtAsFinal(anchor), clock.nowMs());
    moved = true;
  }
  if (moved) Object.assign(past, nothingKnown());
  else past.reviewedAt = head.blockHash;
  return moved;
}

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
