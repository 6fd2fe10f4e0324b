import type { SignatureVerifier } from '../core/verify/signatures.ts';
import type { Trust } from '../core/verify/trust.ts';
import { BlobUnavailable } from '../ports/blobs.ts';
import { ChainProblem } from '../ports/chain.ts';
import {
  type BlobInspector,
  InspectionFailed,
  type Inspector,
  type LookupRow,
  type RawBatch,
} from '../ports/inspect.ts';
import { StoreUnavailable } from '../ports/store.ts';
import { type AnchorDeps, checkAnchors, checkProgress, type Proven } from './anchors.ts';
import { checkAuthorities } from './authorities.ts';
import { checkBatchTokens } from './batch-tokens.ts';
import { checkFiles, checkTreeNames } from './blobs.ts';
import { checkBulkCalls } from './bulk.ts';
import { checkCases } from './cases.ts';
import { checkCertificates } from './certificates.ts';
import { type ChainView, NotReadable, openChainView, type Rpc } from './chain.ts';
import { compareWithChain, type LogOnChain, statesOf, type Unrecorded } from './comparison.ts';
import { checkExpected, type Expectation, logsToCompare } from './expected.ts';
import { at, type Report } from './finding.ts';
import { checkHistory } from './history.ts';
import { checkJournal } from './journal.ts';
import { trustIn } from './proof.ts';
import { isAnchored, type Repairs, recordAnchor } from './repair.ts';
import { checkStamps } from './stamps.ts';

/*
 * Does what is stored still say what was promised? Nothing stored is trusted: leaves are made from entries, roots from
 * leaves, and both compared with what was anchored and with the chain itself. It reads beside a running service, in one
 * moment of its store; what the service does meanwhile is no finding.
 */

export interface FsckDeps {
  readonly inspector: Inspector;
  readonly blobs: BlobInspector;
  readonly signatures: SignatureVerifier;
  readonly issuers: Trust['issuers'];
  /** what the operator's own tokens must lead to; empty where none is known */
  readonly stampers: Trust['issuers'];
  /** whose roots are known; a token of another label is not looked at by its root */
  readonly authorities: Trust['authorities'];
  /** the logs that must be there, whatever the records say */
  readonly expected: Expectation;
  readonly nodes: readonly Rpc[];
  readonly confirmations: number | undefined;
  /** what must stand at a log's contract: 0x… */
  readonly contractCode: string;
  /** hash stored files again, and let the engine check all of its own; else only whether they are there */
  readonly thorough: boolean;
  readonly nowMs: number;
  readonly report: Report;
  readonly repairs: Repairs | undefined;
}

export async function fsck(deps: FsckDeps): Promise<void> {
  const { report } = deps;
  await part(report, 'database', async () => {
    for (const flaw of await deps.inspector.flaws(deps.thorough))
      report.found('database-damaged', at('database', flaw.split(' ', 1)[0]!), { found: flaw });
  });
  // Before a repair opens the files for writing, which removes what was left over.
  await part(report, 'temporary files', () => checkLeftovers(deps));
  // The chain first: what its state has then, the records of a later moment must have too.
  const chain = await lookAtChain(deps);
  const unrecorded = await checkStore(deps, chain);
  await part(report, 'files', () => checkFiles({ ...deps, hash: deps.thorough }));
  await part(report, 'trees', () => checkTreeNames(deps));
  if (deps.repairs !== undefined && chain !== undefined)
    for (const one of unrecorded) await repairAnchor(deps, deps.repairs, chain.view, one);
}

const IS_AWAY = [NotReadable, ChainProblem, StoreUnavailable, BlobUnavailable];

/** A part that cannot be read is told, and the others are looked at all the same. */
async function part(report: Report, name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (IS_AWAY.some((kind) => error instanceof kind)) report.unread(name, (error as Error).message);
    else if (error instanceof InspectionFailed && error.damaged)
      report.found('table-unreadable', at(name, '*'), { found: error.message });
    else if (error instanceof InspectionFailed) report.unread(name, error.message);
    else throw error;
  }
}

interface Looked {
  readonly view: ChainView;
  readonly logs: readonly LogOnChain[];
}

async function lookAtChain(deps: FsckDeps): Promise<Looked | undefined> {
  const { inspector, nodes, report } = deps;
  if (nodes.length === 0) {
    report.found('chain-not-asked', at('chain', '*'));
    return undefined;
  }
  let looked: Looked | undefined;
  await part(report, 'chain', async () => {
    const view = await openChainView(nodes, deps.confirmations);
    const snapshot = await inspector.begin();
    try {
      const logs = logsToCompare(await snapshot.logs(), deps.expected.logs, view.genesisHash);
      looked = { view, logs: await statesOf(view, logs, deps.contractCode, report) };
    } finally {
      await snapshot.end();
    }
  });
  return looked;
}

async function checkStore(deps: FsckDeps, chain: Looked | undefined): Promise<readonly Unrecorded[]> {
  const { inspector, blobs, report } = deps;
  const unrecorded: Unrecorded[] = [];
  const snapshot = await inspector.begin();
  const anchorDeps: AnchorDeps = { snapshot, blobs, report };
  const { repairs } = deps;
  const keepTree =
    repairs &&
    (async (batch: RawBatch, file: Uint8Array): Promise<boolean> => {
      if (!(await isAnchored(snapshot, batch))) return false;
      await repairs.blobs.keep('trees', batch.root, file);
      return true;
    });
  try {
    await part(report, 'repeats', async () => {
      for await (const { table, key, count } of snapshot.repeats())
        report.found('row-repeated', at(table, key), { expected: 1, found: count });
    });
    await part(report, 'journal', () => checkJournal({ snapshot, blobs, report, keepTree }));
    await part(report, 'bulk calls', () => checkBulkCalls(snapshot, report));
    await part(report, 'logs', async () => checkExpected(report, await snapshot.logs(), deps.expected));
    await part(report, 'batches', () => checkProgress(anchorDeps));
    let proven: Proven = new Map();
    await part(report, 'anchors', async () => {
      proven = await checkAnchors(anchorDeps);
    });
    await part(report, 'history', () => checkHistory(anchorDeps));
    for (const log of chain?.logs ?? [])
      await part(report, 'chain', async () => {
        unrecorded.push(...(await compareWithChain(anchorDeps, chain!.view, log, proven)));
      });
    await part(report, 'certificates', async () => {
      const trust = trustIn(await snapshot.logs(), deps.issuers);
      const { signatures } = deps;
      await checkCertificates({ snapshot, report, signatures, trust, chain: chain?.view });
    });
    await part(report, 'stamps', () => {
      const { signatures, thorough, stampers } = deps;
      return checkStamps({ snapshot, report, signatures, thorough, stampers });
    });
    await part(report, 'tokens', () => {
      const { signatures, authorities } = deps;
      return checkBatchTokens({ snapshot, report, signatures, authorities });
    });
    await part(report, 'cases', () => checkCases({ snapshot, report }));
    await part(report, 'authorities', () => checkAuthorities(snapshot, report));
    await part(report, 'fixity', async () => {
      for await (const { name, outcome, checkedMs } of snapshot.fixity())
        if (outcome !== 'ok')
          report.found('fixity-bad', at('fixity', name), {
            found: outcome,
            what: new Date(checkedMs).toISOString(),
          });
    });
    await part(report, 'lookup', () => checkLookup(deps, snapshot.lookupFlaws(deps.nowMs)));
  } finally {
    await snapshot.end();
  }
  return unrecorded;
}

/** Rows a transaction: the service waits for none of them longer than for a group of deposits. */
const LOOKUP_ROWS = 500;

async function checkLookup(
  { report, repairs }: FsckDeps,
  flaws: ReturnType<Awaited<ReturnType<Inspector['begin']>>['lookupFlaws']>,
): Promise<void> {
  let rows: LookupRow[] = [];
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return;
    await repairs!.lookup.add(rows);
    for (const row of rows) report.repaired('lookup-missing', at('lookup', row.join(':')));
    rows = [];
  };
  for await (const { flaw, kind, sequence, row } of flaws) {
    if (flaw === 'mark') report.found('lookup-mark-wrong', at('lookup_state', '*'), { found: sequence });
    else
      report.found(flaw === 'missing' ? 'lookup-missing' : 'lookup-surplus', at('lookup', row.join(':')), {
        what: `${kind}, entries/${sequence}`,
      });
    if (flaw !== 'missing' || repairs === undefined) continue;
    if (rows.push(row) === LOOKUP_ROWS) await flush();
  }
  await flush();
}

async function checkLeftovers({ blobs, report, repairs }: FsckDeps): Promise<void> {
  for await (const { name, size } of blobs.leftovers()) {
    const place = at('tmp', name);
    report.found('temporary-file', place, { found: size });
    if (repairs === undefined) continue;
    await blobs.removeLeftover(name);
    report.repaired('temporary-file', place);
  }
}

async function repairAnchor(
  { report }: FsckDeps,
  repairs: Repairs,
  view: ChainView,
  one: Unrecorded,
): Promise<void> {
  await part(report, 'repair', async () => {
    if (await recordAnchor(repairs, view, one)) report.repaired(one.code, one.place);
  });
}
