import { rollingAfter } from '../core/anchor/evidence-log.ts';
import { type Appended, type Chain, ChainProblem, type LogHead, type LogIdentity } from '../ports/chain.ts';
import type { Clock } from '../ports/clock.ts';
import type { Anchor, AnchorStore, BatchStore } from '../ports/store.ts';

/*
 * What the log already holds, against what we have recorded of it: gone, moved, not ours, or more than we know of. It is
 * looked at before anything is sealed or sent, because the log alone can tell whether our data are the newest.
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

export interface PastDeps {
  readonly store: AnchorStore & Pick<BatchStore, 'lastBatch'>;
  readonly chain: Chain;
  readonly clock: Clock;
  /** A transaction that has been pending for so long is replaced by a dearer one; a node that is behind is waited for as long. */
  readonly resendAfterMs: number;
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

/** The same chain id with another first block is another chain: anchoring there would split the history. */
export async function refuseOtherGenesis(store: Pick<AnchorStore, 'logs'>, log: LogIdentity): Promise<void> {
  const other = (await store.logs()).find(
    (known) => known.chainId === log.chainId && known.genesisHash !== log.genesisHash,
  );
  if (other !== undefined)
    throw new AnchorAlarm('genesis-changed', { expected: other.genesisHash, actual: log.genesisHash });
}

export const isAt = (anchor: Anchor, { blockHash, transactionHash }: Appended): boolean =>
  blockHash === anchor.blockHash && transactionHash === anchor.transactionHash;

export const wasAt = (anchor: Anchor) => ({
  transactionHash: anchor.transactionHash!,
  blockNumber: anchor.blockNumber!,
  blockHash: anchor.blockHash!,
});

/** How many anchors one look at the past reads at once. */
const PAGE = 1_000;

/**
 * The log must hold exactly what we believe it does. Fewer roots than we saw mined or final: a reorganisation, or a
 * chain that lost its last blocks; the anchors that are gone go back. As many, with another rolling hash: not our history.
 */
export async function comparePast(
  deps: PastDeps,
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
export async function refuseIfAhead(
  store: PastDeps['store'],
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
  { store, chain, clock, resendAfterMs }: PastDeps,
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
export async function reviewFinal(
  { store, chain, clock }: PastDeps,
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
