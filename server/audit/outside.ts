import { decodeAppend } from '../core/anchor/evidence-log.ts';
import { fromHex, toHex } from '../core/read/bytes.ts';
import { FormatError } from '../core/reason.ts';
import type { Trust, TrustedLog } from '../core/verify/trust.ts';
import { type AppendTable, appendTable } from './append-table.ts';
import {
  type ChainAppend,
  type ChainView,
  type LogState,
  NotReadable,
  openChainView,
  type Rpc,
} from './chain.ts';
import { isoOf } from './clocks.ts';
import { EMPTY_ROLLING, rollingOver } from './comparison.ts';
import { at, type Place, type Report } from './finding.ts';
import { checkBlockTime, checkOrder, checkSealTime, type InOrder, inOrder } from './order.ts';
import { leavesOf, readBatch, type ServiceRpc, type ToldAnchor, type ToldBatch } from './service.ts';

/*
 * An audit by somebody who has nothing but the service's address, a trust list and a node: every root is computed again
 * from the public leaves and compared with what the chain has, and the log's rolling hash with the contract's state.
 */

export interface AuditDeps {
  readonly service: ServiceRpc;
  readonly trust: Trust;
  readonly nodes: readonly Rpc[];
  readonly confirmations: number | undefined;
  readonly contractCode: string;
  /** the first batch to look at */
  readonly from: number;
  /** a sealed batch must be final on the chain after this */
  readonly maxAgeMs: number;
  /** asked again for each batch: an audit takes hours, and batches are sealed meanwhile */
  readonly nowMs: () => number;
  readonly report: Report;
}

/** One trusted log: what the chain has of it, and what the service has accounted for. */
interface Log {
  readonly trusted: TrustedLog;
  readonly state: LogState;
  /** all events, proven complete by the contract's state; undefined where the node has dropped some */
  readonly events: AppendTable | undefined;
  /** what the service's leaves give, by the index that it says */
  readonly claims: AppendTable;
  readonly order: InOrder;
}

/** Batches that are sealed and not anchored yet; a service that tells of more is leading us on. */
const MAX_UNANCHORED = 10_000;
/** Numbers without a batch after which there are no more. */
const LOOK_AHEAD = 3;

export async function audit(deps: AuditDeps): Promise<void> {
  const { report, nodes, confirmations } = deps;
  try {
    const view = await openChainView(nodes, confirmations);
    const logs = await logsOf(deps, view);
    if (logs.length === 0) throw new NotReadable(`trust: chain ${view.chainId}, genesis ${view.genesisHash}`);
    await auditBatches(deps, view, logs);
    for (const log of logs) finish(deps, log);
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error;
    report.unread('audit', error.message);
  }
}

async function logsOf(deps: AuditDeps, view: ChainView): Promise<readonly Log[]> {
  const { trust, report, contractCode } = deps;
  const logs: Log[] = [];
  for (const trusted of trust.logs) {
    if (trusted.chainId !== view.chainId || trusted.genesisHash !== view.genesisHash) {
      report.found('log-on-other-chain', logPlace(trusted), {
        expected: `${trusted.chainId} ${trusted.genesisHash}`,
        found: `${view.chainId} ${view.genesisHash}`,
      });
      continue;
    }
    if ((await view.code(trusted.contract)) !== contractCode) {
      report.found('contract-differs', logPlace(trusted), { what: trusted.contract });
      continue;
    }
    const state = await view.state(trusted);
    const events = await eventsOf(deps, view, trusted, state);
    logs.push({
      ...{ trusted, state, events },
      claims: appendTable(state.count),
      order: inOrder(trusted.operator),
    });
  }
  return logs;
}

const logPlace = ({ operator }: TrustedLog): Place => at('log', operator);
const indexPlace = ({ trusted }: Log, index: number): Place => at('log', `${trusted.operator}:${index}`);
const batchPlace = (number: number): Place => at('batches', number);

/** Where the service says that the log begins is where to begin to look; where that was not all, from the first block. */
async function eventsOf(
  { service, report }: AuditDeps,
  view: ChainView,
  log: TrustedLog,
  state: LogState,
): Promise<AppendTable | undefined> {
  if (state.count === 0) return appendTable(0);
  const body = await service.batch(1);
  const first = body && readBatch(body, 1)?.anchors.find((anchor) => isIn(anchor, log));
  const starts = [...new Set([first?.blockNumber ?? 0, 0])];
  for (const start of starts) {
    const events = appendTable(state.count);
    const repeated: number[] = [];
    for await (const append of view.appends(log, start)) if (!events.add(append)) repeated.push(append.index);
    if (events.contiguous < state.count && start !== 0) continue;
    for (const index of repeated) report.found('event-repeated', at('log', `${log.operator}:${index}`));
    if (events.contiguous < state.count) break;
    if (rollingOver(events, state.count) !== state.rolling)
      throw new NotReadable(`${view.names}: eth_getLogs and slots(${log.operator}) contradict each other`);
    return events;
  }
  report.found('events-incomplete', logPlace(log), { expected: state.count });
  return undefined;
}

const isIn = (anchor: ToldAnchor, log: TrustedLog): boolean =>
  anchor.chainId === log.chainId && anchor.contract === log.contract && anchor.operator === log.operator;

async function auditBatches(deps: AuditDeps, view: ChainView, logs: readonly Log[]): Promise<void> {
  const { service, report, from } = deps;
  const anchored = Math.max(...logs.map(({ state }) => state.count));
  let missing: number[] = [];
  let earlier: ToldBatch | undefined;
  for (let number = from; ; number++) {
    const body = await service.batch(number);
    if (body === undefined) {
      missing.push(number);
      if (number <= anchored) tellMissing(report, missing.splice(0));
      else if (missing.length === LOOK_AHEAD) return;
      continue;
    }
    // One behind them is there, so these were there once.
    tellMissing(report, missing);
    missing = [];
    if (number > anchored + MAX_UNANCHORED)
      return report.found('service-answer-invalid', batchPlace(number), { expected: `≤ ${anchored}` });
    const batch = readBatch(body, number);
    if (batch === undefined) report.found('service-answer-invalid', batchPlace(number));
    else {
      checkSealTime(deps, batch, earlier);
      await auditBatch(deps, view, logs, batch);
      earlier = batch;
    }
    if (number % 100 === 0) report.progress('batches', number);
  }
}

const tellMissing = (report: Report, numbers: readonly number[]): void => {
  for (const number of numbers) report.found('service-batch-missing', batchPlace(number));
};

async function auditBatch(
  deps: AuditDeps,
  view: ChainView,
  logs: readonly Log[],
  batch: ToldBatch,
): Promise<void> {
  const { report, service } = deps;
  const place = batchPlace(batch.number);
  const leaves = await leavesOf(service, batch);
  if (leaves instanceof NotReadable) report.unread(`batches/${batch.number}/leaves`, leaves.message);
  else if (leaves === undefined) report.found('service-leaves-missing', place);
  else if (leaves.count !== batch.size)
    report.found('service-leaves-differ', place, { what: 'size', expected: batch.size, found: leaves.count });
  else if (leaves.root !== batch.root)
    report.found('service-leaves-differ', place, {
      what: 'root',
      expected: batch.root,
      found: leaves.root ?? '—',
    });
  // What the leaves give counts; where there are none, what the service says of the batch.
  const hasLeaves = leaves !== undefined && !(leaves instanceof NotReadable) && leaves.root !== undefined;
  const given = hasLeaves
    ? { root: leaves.root!, size: leaves.count }
    : { root: batch.root, size: batch.size };
  let isAnchored = false;
  const blocks: number[] = [];
  for (const log of logs) {
    let index: number | undefined;
    for (const told of batch.anchors.filter((anchor) => isIn(anchor, log.trusted))) {
      const found = await auditAnchor(deps, view, log, batch, told, given);
      if (found === undefined) continue;
      [index, isAnchored] = [told.index, true];
      if (found.block !== undefined) blocks.push(found.block);
    }
    checkOrder(report, log.order, batch.number, index);
  }
  await checkBlockTime(deps, view, batch, blocks);
  if (!isAnchored && deps.nowMs() - batch.sealedMs > deps.maxAgeMs)
    report.found('service-not-anchored', place, { found: isoOf(batch.sealedMs) });
}

interface Given {
  readonly root: string;
  readonly size: number;
}

/** Something that the log has at the index that the service says. */
interface Anchored {
  /** where its root stands, in which case it is this one */
  readonly block: number | undefined;
}

/** Undefined where the log does not come as far as the index that the service says. */
async function auditAnchor(
  deps: AuditDeps,
  view: ChainView,
  log: Log,
  batch: ToldBatch,
  told: ToldAnchor,
  given: Given,
): Promise<Anchored | undefined> {
  const { report } = deps;
  const place = batchPlace(batch.number);
  if (told.index >= log.state.count) {
    // It may have been mined after our look at the head.
    const isLater = told.blockNumber === undefined || told.blockNumber > view.head.number;
    if (!isLater)
      report.found('service-anchor-differs', place, {
        what: `index ${told.index}`,
        expected: `< ${log.state.count}`,
      });
    return undefined;
  }
  const claim: ChainAppend = {
    index: told.index,
    ...given,
    blockNumber: told.blockNumber ?? 0,
    blockHash: told.blockHash ?? ZERO_HASH,
    transactionHash: told.transactionHash ?? ZERO_HASH,
  };
  const isFirst = log.claims.get(told.index) === undefined;
  if (!isFirst) report.found('index-claimed-twice', place, { what: `index ${told.index}` });
  else log.claims.add(claim);
  const event = log.events?.get(told.index);
  if (event === undefined) return { block: await compareTransaction(deps, view, log, place, told, given) };
  compareRoot(report, place, told.index, event, given);
  // Of another root the place is another too, and no second finding.
  if (event.root !== given.root) return { block: undefined };
  comparePlace(report, place, told, event);
  return { block: event.blockNumber };
}

const ZERO_HASH = `0x${'0'.repeat(64)}`;

function compareRoot(report: Report, place: Place, index: number, chain: Given, given: Given): void {
  if (chain.root !== given.root)
    report.found('service-root-differs', place, {
      what: `index ${index}`,
      expected: chain.root,
      found: given.root,
    });
  if (chain.size !== given.size)
    report.found('service-size-differs', place, {
      what: `index ${index}`,
      expected: chain.size,
      found: given.size,
    });
}

/** Only of a final anchor is the place settled. */
function comparePlace(report: Report, place: Place, told: ToldAnchor, event: ChainAppend): void {
  if (told.state !== 'final') return;
  for (const what of ['transactionHash', 'blockNumber', 'blockHash'] as const)
    if (told[what] !== event[what])
      report.found('service-anchor-differs', place, {
        what,
        expected: event[what],
        found: told[what] ?? '—',
      });
}

/** Without events: the transaction that the service names says itself what it appended. The block that it is in. */
async function compareTransaction(
  { report }: AuditDeps,
  view: ChainView,
  log: Log,
  place: Place,
  told: ToldAnchor,
  given: Given,
): Promise<number | undefined> {
  const found = told.transactionHash && (await view.transaction(told.transactionHash));
  if (!found || found.to !== log.trusted.contract || found.from !== log.trusted.operator) return undefined;
  try {
    const append = decodeAppend(fromHex(found.input.slice(2)));
    if (append.index !== told.index)
      report.found('service-anchor-differs', place, {
        what: 'index',
        expected: append.index,
        found: told.index,
      });
    const root = toHex(append.root);
    compareRoot(report, place, told.index, { root, size: append.size }, given);
    return root === given.root ? found.blockNumber : undefined;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report.found('service-anchor-differs', place, { what: 'transactionHash', reason: error });
    return undefined;
  }
}

/** What the chain has and nobody claimed; and where there are no events, whether all that was claimed is all there is. */
function finish({ report, from }: AuditDeps, log: Log): void {
  const { state, events, claims } = log;
  for (let index = from - 1; index < state.count; index++)
    if (claims.get(index) === undefined) {
      const root = events?.get(index)?.root;
      report.found('root-without-batch', indexPlace(log, index), root === undefined ? {} : { found: root });
    }
  if (events !== undefined) return;
  if (claims.contiguous < state.count) {
    report.unread(`log ${log.trusted.operator}`, `${claims.contiguous} of ${state.count} roots are known`);
    return;
  }
  const rolling = state.count === 0 ? EMPTY_ROLLING : rollingOver(claims, state.count);
  if (rolling !== state.rolling)
    report.found('log-state-differs', logPlace(log.trusted), { expected: state.rolling, found: rolling });
}
