import type { Reason } from '../reason.ts';
import type { ComparedBlock } from './anchors.ts';
import { checkChain } from './case-chain.ts';
import {
  type CaseEvent,
  checkEvent,
  checkEvidence,
  type EventFinding,
  type GivenEvidence,
} from './case-events.ts';
import { checkHead, checkTail, type GivenHead, type HeadFinding, heldBy } from './case-heads.ts';
import type { CaseCheck, CaseFacts, CaseReport } from './case-report.ts';
import { type NotProven, type Remaining, type Report, reason, type Status } from './report.ts';
import { askingOnce, type SignatureVerifier } from './signatures.ts';
import type { Trust } from './trust.ts';
import { blocksToCompare } from './verify.ts';

export type { CaseEvent, GivenEvidence } from './case-events.ts';
export type { GivenHead } from './case-heads.ts';
export type { CaseCheck, CaseFacts, CaseReport, EventLine } from './case-report.ts';

/** Something about the names in a package. */
export interface NameFinding {
  readonly status: 'failed' | 'unknown';
  readonly reason: Reason;
}

/** Everything a check needs, brought by the one who checks, as with a certificate. */
export interface CaseVerification {
  readonly events: readonly CaseEvent[];
  /** what the package has, and what the holder kept himself */
  readonly heads: readonly GivenHead[];
  readonly evidence?: readonly GivenEvidence[];
  /** of the package that all this came out of; undefined where it came out of none */
  readonly names?: readonly NameFinding[];
  readonly trust: Trust | undefined;
  readonly blocks: readonly ComparedBlock[];
  readonly signatures: SignatureVerifier;
}

/** Runs every check of EVENTS.md, «Checking a case», in its order. */
export async function verifyCase(verification: CaseVerification): Promise<CaseReport> {
  const { trust, evidence: given = [], names } = verification;
  const signatures = askingOnce(verification.signatures);
  const ordered = verification.events.toSorted((a, b) => a.place - b.place);
  const blocksFor = blocksOfEach(verification);
  const events: EventFinding[] = [];
  for (const one of ordered) {
    const blocks = 'certificate' in one ? blocksFor(one.certificate) : [];
    events.push(await checkEvent(one, { trust, blocks, signatures }));
  }
  const placed = events.map((event) => event.placed);
  const heads: HeadFinding[] = [];
  for (const [i, head] of verification.heads.entries())
    heads.push(await checkHead(head, `heads[${i}]`, placed, trust, signatures));
  const known = heads.flatMap(({ fact }) => fact ?? []);
  const evidence: Awaited<ReturnType<typeof checkEvidence>>[] = [];
  for (const [i, one] of given.entries()) {
    const blocks = blocksFor(one.certificate);
    evidence.push(await checkEvidence(one, `evidence[${i}]`, { trust, blocks, signatures }));
  }
  const checks = [
    ...(names ? [checkNames(names)] : []),
    ...events.flatMap((event) => event.checks),
    ...checkChain(placed),
    ...heads.flatMap((head) => head.checks),
    once('tail', checkTail(known, placed.length)),
    ...evidence.map(({ check }) => check),
  ];
  const reports = [...events.flatMap(({ report }) => report ?? []), ...evidence.map(({ report }) => report)];
  return {
    verdict: verdictOf(checks),
    checks,
    facts: factsOf(events, heads),
    notProven: NOT_PROVEN_BY_CASES,
    remaining: remaining(checks, reports, trust),
    testChain: events.every(({ report }) => report === undefined) || events.some(onTestChain),
  };
}

const NOT_PROVEN_BY_CASES: readonly NotProven[] = [
  'truth',
  'legality',
  'actors',
  'later-events',
  'unrecorded',
];

const onTestChain = ({ report }: EventFinding): boolean => report?.testChain === true;

const once = (id: CaseCheck['id'], [status, why]: readonly [Status, Reason]): CaseCheck => ({
  id,
  at: undefined,
  status,
  reason: why,
});

/** The first that is wrong, or else the first that is odd. */
function checkNames(names: readonly NameFinding[]): CaseCheck {
  const telling = names.find(({ status }) => status === 'failed') ?? names[0];
  if (telling === undefined) return once('package', ['passed', reason('case-names-known')]);
  return once('package', [telling.status, telling.reason]);
}

/**
 * Which blocks each certificate is compared with. A bare hash that is of a block of one event says nothing of the others,
 * as within a certificate with several anchors; one that is nobody's speaks against all.
 */
function blocksOfEach({
  events,
  evidence = [],
  blocks,
}: CaseVerification): (certificate: Uint8Array) => readonly ComparedBlock[] {
  if (blocks.every(({ number }) => number !== undefined)) return () => blocks;
  const hashesOf = (certificate: Uint8Array) => blocksToCompare(certificate).map(({ hash }) => hash);
  const all = [...events.flatMap((one) => ('certificate' in one ? one : [])), ...evidence];
  const known = new Set(all.flatMap(({ certificate }) => hashesOf(certificate)));
  return (certificate) => {
    const own = hashesOf(certificate);
    return blocks.filter(
      ({ number, hash }) =>
        number !== undefined || hash === undefined || own.includes(hash) || !known.has(hash),
    );
  };
}

/** Any failure makes it invalid; validity needs a valid certificate of every event. */
function verdictOf(checks: readonly CaseCheck[]): CaseReport['verdict'] {
  if (checks.some(({ status }) => status === 'failed')) return 'invalid';
  const open = checks.some(({ id, status }) => OPEN.includes(id) && status !== 'passed');
  return open ? 'incomplete' : 'valid';
}

/** What must pass; without a trust list neither does. */
const OPEN: readonly CaseCheck['id'][] = ['certificate', 'evidence'];

function factsOf(events: readonly EventFinding[], heads: readonly HeadFinding[]): CaseFacts | undefined {
  const lines = events.flatMap(({ line }) => line ?? []);
  const [first] = lines;
  if (first === undefined) return undefined;
  const known = heads.flatMap(({ fact }) => fact ?? []);
  return {
    case: first.case,
    procedure: first.procedure,
    state: lines.at(-1)!.to,
    events: lines,
    heads: known,
    held: heldBy(known),
  };
}

function remaining(
  checks: readonly CaseCheck[],
  reports: readonly Report[],
  trust: Trust | undefined,
): readonly Remaining[] {
  const blocks = new Map<string, Remaining>();
  for (const one of reports.flatMap((report) => report.remaining))
    if (one.what === 'block-hash') blocks.set(JSON.stringify(one.detail), one);
  const uncertified = checks.filter(({ reason: { code } }) => code === 'event-not-certified').length;
  const isTailOpen = checks.some(({ id, status }) => id === 'tail' && status === 'unknown');
  return [
    ...(trust === undefined ? [{ what: 'trust-list', detail: {} } as const] : []),
    ...(uncertified > 0 ? [{ what: 'event-certificate', detail: { count: uncertified } } as const] : []),
    ...blocks.values(),
    ...(isTailOpen ? [{ what: 'case-head', detail: {} } as const] : []),
  ];
}
