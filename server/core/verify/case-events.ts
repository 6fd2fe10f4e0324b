import { parseCertificate, type UnknownEntry } from '../certificate/certificate.ts';
import { EVENT_FORMAT, type EventEntry, parseEvent } from '../entry/event.ts';
import { toHex } from '../read/bytes.ts';
import { attempt, FormatError, type Reason } from '../reason.ts';
import { leafHash } from '../tree/tree.ts';
import type { ComparedBlock } from './anchors.ts';
import type { LogPlace, Placed } from './case-chain.ts';
import type { CaseCheck, CaseCheckId, EventLine } from './case-report.ts';
import { compareContent } from './content.ts';
import { type AnchorFact, type Check, type CheckId, type Report, reason, type Status } from './report.ts';
import type { SignatureVerifier } from './signatures.ts';
import type { Trust } from './trust.ts';
import { verifyCertificate } from './verify.ts';

/*
 * Each event of a case by itself, EVENTS.md §5, steps 2 to 4, and the certificates of the evidence, step 17.
 */

/** An event with its certificate, or, while it has none, the bare entry. */
export type CaseEvent = {
  /** from 0; a gap among them is a gap of the case */
  readonly place: number;
  /** its content document; undefined where it was erased or is kept apart */
  readonly content?: Uint8Array | undefined;
} & ({ readonly certificate: Uint8Array } | { readonly entry: Uint8Array });

export interface Known {
  readonly trust: Trust | undefined;
  readonly blocks: readonly ComparedBlock[];
  readonly signatures: SignatureVerifier;
}

export interface EventFinding {
  readonly checks: readonly CaseCheck[];
  readonly placed: Placed;
  /** undefined where the event could not be read */
  readonly line: EventLine | undefined;
  /** of its certificate, where it has one */
  readonly report: Report | undefined;
}

type Finding = readonly [Status, Reason];

const SKIPPED: Finding = ['skipped', reason('earlier-check-failed')];

/** What the bytes give: the event, or why there is none. */
interface Read {
  readonly bytes: Uint8Array;
  readonly event: EventEntry | undefined;
  readonly finding: Finding;
}

const IDS = ['certificate', 'entry', 'content'] as const satisfies readonly CaseCheckId[];

export async function checkEvent(given: CaseEvent, known: Known): Promise<EventFinding> {
  const at = `events[${given.place}]`;
  const certified = 'certificate' in given;
  const report = certified
    ? await verifyCertificate({ certificate: given.certificate, files: [], ...known })
    : undefined;
  const read = certified ? readCertified(given.certificate) : readBare(given.entry);
  const event = read?.event;
  const findings: readonly Finding[] = [
    report === undefined ? ['unknown', reason('event-not-certified')] : standing(report),
    read?.finding ?? SKIPPED,
    event === undefined ? SKIPPED : compareContent(event, given.content),
  ];
  const leaf = read && toHex(leafHash(read.bytes));
  return {
    checks: findings.map(([status, why], i) => ({ id: IDS[i]!, at, status, reason: why })),
    placed: {
      place: given.place,
      event,
      leaf,
      logged: certified && report?.facts ? placesOf(given.certificate, report.facts.anchors) : [],
    },
    line: event && leaf !== undefined ? lineOf(given.place, event, leaf, report) : undefined,
    report,
  };
}

const lineOf = (place: number, event: EventEntry, leaf: string, report: Report | undefined): EventLine => ({
  ...event,
  place,
  leaf,
  certificate: report?.facts?.certificate,
  counts: report?.facts?.counts,
  open: report === undefined ? [] : openOf(report, NOT_OF_EVENTS),
});

function readBare(bytes: Uint8Array): Read {
  const event = attempt(() => parseEvent(bytes));
  return event instanceof FormatError
    ? { bytes, event: undefined, finding: ['failed', event] }
    : { bytes, event, finding: READ };
}

const READ: Finding = ['passed', reason('event-read', { format: EVENT_FORMAT })];

/** Undefined where the certificate cannot be read, which its own check says. */
function readCertified(certificate: Uint8Array): Read | undefined {
  const parsed = attempt(() => parseCertificate(certificate));
  if (parsed instanceof FormatError) return undefined;
  const { entry, entryBytes: bytes } = parsed;
  if (entry.format === EVENT_FORMAT) return { bytes, event: entry as EventEntry, finding: READ };
  const { format, name = format, refused } = entry as Partial<UnknownEntry>;
  const why = refused ?? reason('entry-not-event', { format: name! });
  return { bytes, event: undefined, finding: ['failed', why] };
}

/** Every anchor puts the one batch somewhere; the entry's place in it is one. */
function placesOf(certificate: Uint8Array, anchors: readonly AnchorFact[]): readonly LogPlace[] {
  const leaf = parseCertificate(certificate).inclusion.batch.index;
  return anchors.map(({ chainId, contract, operator, index }) => ({
    log: `${chainId} ${contract} ${operator}`,
    batch: index,
    leaf,
  }));
}

/** Checks that decide nothing of an event: what content says is compared by the case itself. */
const NOT_OF_EVENTS: readonly CheckId[] = ['content', 'token', 'authority'];
/** Originals are no part of a case's package. */
const NOT_OF_EVIDENCE: readonly CheckId[] = ['files', 'digests', 'sm3', 'statement', 'token', 'authority'];

const openOf = ({ checks }: Report, without: readonly CheckId[]): readonly Check[] =>
  checks.filter(({ id, status }) => status === 'failed' || (status === 'unknown' && !without.includes(id)));

/** The certificate's own verdict, told by the first check that failed or is open. */
function standing(report: Report): Finding {
  const open = openOf(report, NOT_OF_EVENTS);
  if (report.verdict === 'valid') return ['passed', reason('event-certificate-valid', numberOf(report))];
  const telling = open.find(({ status }) => status === 'failed') ?? open[0]!;
  return [report.verdict === 'invalid' ? 'failed' : 'unknown', telling.reason];
}

const numberOf = ({ facts }: Report) => ({ number: facts!.certificate.number });

export interface GivenEvidence {
  readonly name: string;
  readonly certificate: Uint8Array;
}

/** A certificate of a piece of evidence, all of it but the originals. */
export async function checkEvidence(
  { certificate, name }: GivenEvidence,
  at: string,
  known: Known,
): Promise<{ readonly check: CaseCheck; readonly report: Report }> {
  const report = await verifyCertificate({ certificate, files: [], ...known });
  const open = openOf(report, NOT_OF_EVIDENCE);
  const telling = open.find(({ status }) => status === 'failed') ?? open[0];
  const status = report.verdict === 'invalid' ? 'failed' : telling === undefined ? 'passed' : 'unknown';
  const why = telling?.reason ?? reason('evidence-holds', { name, ...numberOf(report) });
  return { check: { id: 'evidence', at, status, reason: why }, report };
}
