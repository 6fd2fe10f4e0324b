import type { EventEntry } from '../entry/event.ts';
import type { Reason } from '../reason.ts';
import type { Check, NotProven, Remaining, Status, Verdict, When } from './report.ts';

/** In this order, each with the meaning that EVENTS.md, «Checking a case», gives it. */
export const CASE_CHECK_IDS = [
  'package',
  'certificate',
  'entry',
  'content',
  'case',
  'indices',
  'previous',
  'states',
  'times',
  'log-order',
  'head',
  'signature',
  'issuer',
  'head-case',
  'head-events',
  'tail',
  'evidence',
] as const;
export type CaseCheckId = (typeof CASE_CHECK_IDS)[number];

export interface CaseCheck {
  readonly id: CaseCheckId;
  /** `events[3]`, `heads[0]`, `evidence[0]`; undefined for the checks that exist once */
  readonly at: string | undefined;
  readonly status: Status;
  readonly reason: Reason;
}

/** Who kept a head. The one in a package was put there by whoever made the package. */
export type HeadFrom = 'package' | 'holder';

/** A line of the history. */
export interface EventLine extends EventEntry {
  /** where it stands among what was given, from 0 */
  readonly place: number;
  /** hex */
  readonly leaf: string;
  readonly certificate: { readonly number: string; readonly revision: number } | undefined;
  /** the earliest proven time; undefined where none is */
  readonly counts: When | undefined;
  /** of its own certificate, what failed or is open */
  readonly open: readonly Check[];
}

export interface HeadFact {
  /** `heads[0]` */
  readonly at: string;
  readonly name: string;
  readonly from: HeadFrom;
  readonly count: number;
  readonly state: string;
  /** when it was signed, as the signer says */
  readonly signedAt: string;
  /** whether it was read, its signature holds, and everything that was given agrees with it */
  readonly agrees: boolean;
}

export interface CaseFacts {
  readonly case: string;
  readonly procedure: string;
  /** where the last event that was given led to */
  readonly state: string;
  readonly events: readonly EventLine[];
  readonly heads: readonly HeadFact[];
  /** events of which a head that the holder brought shows that nothing is missing among them */
  readonly held: number;
}

export interface CaseReport {
  readonly verdict: Verdict;
  readonly checks: readonly CaseCheck[];
  /** undefined where no event could be read */
  readonly facts: CaseFacts | undefined;
  readonly notProven: readonly NotProven[];
  readonly remaining: readonly Remaining[];
  /** True unless every certificate of an event is of a chain that the trust list calls none. */
  readonly testChain: boolean;
}
