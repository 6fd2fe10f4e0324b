import { rollingAfter } from '../core/anchor/evidence-log.ts';
import type { LogIdentity } from '../ports/chain.ts';
import type { RawAnchor, RawBatch } from '../ports/inspect.ts';
import { type AnchorDeps, anchorPlace, type Proven } from './anchors.ts';
import { type AppendTable, appendTable } from './append-table.ts';
import { type ChainAppend, type ChainView, type LogState, NotReadable } from './chain.ts';
import { type ComparedLog, indexPlace, logPlace } from './expected.ts';
import type { Place, Report } from './finding.ts';

/*
 * Recorded anchors against the chain. The contract commits to every root and size of a log in one value: where the same
 * value comes out of our records, all of them are what the chain has, and only the blocks remain to be compared. Where
 * another comes out, the events of the log say which of them differ.
 */

export const EMPTY_ROLLING = '0'.repeat(48);

/** A log, and what the contract held of it before the snapshot was taken: a record can only be newer. */
export interface LogOnChain {
  readonly log: ComparedLog;
  readonly state: LogState;
}

/** On the chain at our index with our root, and not recorded as final. */
export interface Unrecorded {
  readonly log: LogIdentity;
  readonly place: Place;
  readonly batch: number;
  readonly append: ChainAppend;
  readonly code: 'anchor-unrecorded' | 'anchor-behind';
}

/** A contract that is not deployed yet. */
const NO_CODE = '0x';

/** Reads the logs' states now. Logs on other chains are named and left out. */
export async function statesOf(
  view: ChainView,
  logs: readonly ComparedLog[],
  contractCode: string,
  report: Report,
): Promise<readonly LogOnChain[]> {
  const here: LogOnChain[] = [];
  for (const log of logs) {
    if (log.chainId !== view.chainId || log.genesisHash !== view.genesisHash) {
      report.found('log-on-other-chain', logPlace(log), {
        expected: `${log.chainId} ${log.genesisHash}`,
        found: `${view.chainId} ${view.genesisHash}`,
      });
      continue;
    }
    const code = await view.code(log.contract);
    if (code === NO_CODE && log.id === undefined) {
      // Settings that are ahead of the deployment, or a node that is behind it.
      report.unread(`log ${log.operator}`, `${view.names}: eth_getCode(${log.contract}) 0x`);
      continue;
    }
    if (code !== contractCode) {
      report.found('contract-differs', logPlace(log), { what: log.contract });
      continue;
    }
    here.push({ log, state: await view.state(log) });
  }
  return here;
}

export async function compareWithChain(
  deps: AnchorDeps,
  view: ChainView,
  { log, state }: LogOnChain,
  proven: Proven,
): Promise<readonly Unrecorded[]> {
  const { report } = deps;
  if (log.id === undefined) {
    // Rows of a log and of its first anchor are written before anything is sent.
    if (state.count === 0) return [];
    report.found('log-unrecorded', logPlace(log), { what: log.contract, expected: 0, found: state.count });
  }
  const blocks = blockCheck(view, report);
  let [rolling, next] = [EMPTY_ROLLING, 0];
  let firstBlock: number | undefined;
  let lastFinalBlock = 0;
  const behind: RawAnchor[] = [];
  for await (const { anchor, root, size } of recorded(deps, log, proven)) {
    firstBlock = Math.min(
      firstBlock ?? Number.POSITIVE_INFINITY,
      anchor.blockNumber ?? Number.POSITIVE_INFINITY,
    );
    if (anchor.state === 'final') await blocks.add(anchor);
    if (anchor.index >= state.count) {
      if (anchor.state === 'final')
        report.found('anchor-not-on-chain', anchorPlace(anchor), {
          expected: `count > ${anchor.index}`,
          found: `count ${state.count}`,
        });
      continue;
    }
    if (anchor.index === next && root !== undefined && size > 0) {
      rolling = rollingAfter(rolling, next, root, size);
      next++;
    }
    if (anchor.state === 'final') lastFinalBlock = Math.max(lastFinalBlock, anchor.blockNumber ?? 0);
    else behind.push(anchor);
  }
  await blocks.done();
  if (next === state.count && rolling === state.rolling) {
    for (const anchor of behind)
      report.found('anchor-behind', anchorPlace(anchor), { expected: 'final', found: anchor.state });
    return behind.length === 0 ? [] : appendsBehind(view, log, state, behind, lastFinalBlock);
  }
  const events = await eventsOf(view, log, state, finite(firstBlock), report);
  if (events === undefined) {
    report.found('log-state-differs', logPlace(log), { expected: state.rolling, found: rolling });
    return [];
  }
  return compareEvents(deps, log, state, proven, events);
}

const finite = (number: number | undefined): number =>
  number !== undefined && Number.isFinite(number) ? number : 0;

interface Recorded {
  readonly anchor: RawAnchor;
  readonly root: string | undefined;
  readonly size: number;
}

/** Anchors of one log, with the root and size that they put on the chain as far as is known here. */
async function* recorded(
  { snapshot }: AnchorDeps,
  log: ComparedLog,
  proven: Proven,
): AsyncGenerator<Recorded> {
  const batches = batchesInOrder(snapshot.batches());
  for await (const anchor of snapshot.anchors()) {
    if (anchor.log !== log.id) continue;
    const batch = await batches(anchor.batch);
    const known = proven.get(anchor.id) ?? batch;
    yield { anchor, root: known?.root, size: known?.size ?? 0 };
  }
}

function batchesInOrder(rows: AsyncIterable<RawBatch>): (number: number) => Promise<RawBatch | undefined> {
  const iterator = rows[Symbol.asyncIterator]();
  let current: RawBatch | undefined;
  return async (number) => {
    while (current === undefined || current.number < number) {
      const next = await iterator.next();
      if (next.done) return undefined;
      current = next.value;
    }
    return current.number === number ? current : undefined;
  };
}

/** Questions to a node at a time. */
const AT_ONCE = 16;

/** A final anchor stands in a block that the chain has at its number, below the final head. */
function blockCheck(view: ChainView, report: Report) {
  let waiting: RawAnchor[] = [];
  async function flush(): Promise<void> {
    const anchors = waiting;
    waiting = [];
    const blocks = await Promise.all(anchors.map(({ blockNumber }) => view.block(blockNumber ?? -1)));
    for (const [i, anchor] of anchors.entries()) {
      const block = blocks[i];
      if (block === undefined)
        report.found('anchor-not-final', anchorPlace(anchor), {
          expected: `≤ ${view.head.number}`,
          found: anchor.blockNumber ?? '—',
        });
      else if (block.hash !== anchor.blockHash)
        report.found('anchor-block-differs', anchorPlace(anchor), {
          what: `block ${anchor.blockNumber}`,
          expected: block.hash,
          found: anchor.blockHash ?? '—',
        });
    }
  }
  return {
    async add(anchor: RawAnchor): Promise<void> {
      if (anchor.blockNumber === undefined || anchor.blockNumber < 0) return;
      if (waiting.push(anchor) === AT_ONCE) await flush();
    },
    done: flush,
  };
}

/** Where the appends are that the records do not call final yet. */
async function appendsBehind(
  view: ChainView,
  log: ComparedLog,
  state: LogState,
  behind: readonly RawAnchor[],
  fromBlock: number,
): Promise<readonly Unrecorded[]> {
  const byIndex = new Map(behind.map((anchor) => [anchor.index, anchor]));
  const found: Unrecorded[] = [];
  for await (const append of view.appends(log, fromBlock)) {
    const anchor = byIndex.get(append.index);
    if (anchor !== undefined && append.index < state.count)
      found.push({ log, place: anchorPlace(anchor), batch: anchor.batch, append, code: 'anchor-behind' });
  }
  return found;
}

/** All events of the log, proven complete by the contract's state; undefined where the node does not have them any more. */
async function eventsOf(
  view: ChainView,
  log: ComparedLog,
  state: LogState,
  fromBlock: number,
  report: Report,
): Promise<AppendTable | undefined> {
  for (const from of fromBlock === 0 ? [0] : [fromBlock, 0]) {
    const events = appendTable(state.count);
    for await (const append of view.appends(log, from)) events.add(append);
    if (events.contiguous < state.count) continue;
    if (rollingOver(events, state.count) !== state.rolling)
      throw new NotReadable(`${view.names}: eth_getLogs and slots(${log.operator})`);
    return events;
  }
  report.found('events-incomplete', logPlace(log), { expected: state.count });
  return undefined;
}

export function rollingOver(events: AppendTable, count: number): string {
  let rolling = EMPTY_ROLLING;
  for (let index = 0; index < count; index++) {
    const { root, size } = events.get(index)!;
    rolling = rollingAfter(rolling, index, root, size);
  }
  return rolling;
}

/** Index by index: what the chain has and what is recorded. */
async function compareEvents(
  deps: AnchorDeps,
  log: ComparedLog,
  state: LogState,
  proven: Proven,
  events: AppendTable,
): Promise<readonly Unrecorded[]> {
  const { report, snapshot } = deps;
  const unrecorded: Unrecorded[] = [];
  let next = 0;
  const batches = batchesInOrder(snapshot.batches());
  /** Indexes that nothing is recorded for. Batches enter a log in their order, so index n is batch n + 1. */
  const withoutRecord = async (until: number): Promise<void> => {
    for (; next < until; next++) {
      const append = events.get(next)!;
      const place = indexPlace(log, next);
      const batch = await batches(next + 1);
      if (batch?.root === append.root && batch.size === append.size) {
        report.found('anchor-unrecorded', place, { expected: append.root, what: `batch ${batch.number}` });
        unrecorded.push({ log, place, batch: batch.number, append, code: 'anchor-unrecorded' });
      } else
        report.found('log-root-foreign', place, {
          what: append.transactionHash,
          expected: batch?.root ?? '—',
          found: append.root,
        });
    }
  };
  for await (const { anchor, root, size } of recorded(deps, log, proven)) {
    if (anchor.index < next || anchor.index >= state.count) continue;
    await withoutRecord(anchor.index);
    next = anchor.index + 1;
    const append = events.get(anchor.index)!;
    if (append.root !== root || append.size !== size)
      report.found('log-root-foreign', anchorPlace(anchor), {
        what: append.transactionHash,
        expected: root === undefined ? '—' : `${root} (${size})`,
        found: `${append.root} (${append.size})`,
      });
    else if (anchor.state !== 'final') {
      report.found('anchor-behind', anchorPlace(anchor), { expected: 'final', found: anchor.state });
      const place = anchorPlace(anchor);
      unrecorded.push({ log, place, batch: anchor.batch, append, code: 'anchor-behind' });
    }
  }
  await withoutRecord(state.count);
  return unrecorded;
}
