import type { EventEntry } from '../entry/event.ts';
import type { Reason, ReasonCode, ReasonDetail } from '../reason.ts';

/** passed, failed; skipped: nothing to check or another check failed first; unknown: what it takes is not at hand. */
export type Status = 'passed' | 'failed' | 'skipped' | 'unknown';

/** In this order, each with the meaning that FORMAT.md, «Verification», gives it; `content` that of EVENTS.md §4. */
export const CHECK_IDS = [
  'format',
  'signature',
  'issuer',
  'entry',
  'statement',
  'files',
  'digests',
  'sm3',
  'content',
  'inclusion',
  'token',
  'authority',
  'anchor',
  'header',
  'transaction',
  'receipt',
  'event',
  'log',
  'block',
  'renewal',
  'unbroken',
  'pdf-pages',
] as const;
export type CheckId = (typeof CHECK_IDS)[number];

/** What the checks of each anchor are called; all of them must pass for an anchor to prove a time. */
export const ANCHOR_CHECKS = ['anchor', 'header', 'transaction', 'receipt', 'event', 'log', 'block'] as const;

export interface Check {
  readonly id: CheckId;
  /** `anchors[0]`, `tokens[2]`, `renewals[1]`; undefined for the checks that exist once */
  readonly at: string | undefined;
  readonly status: Status;
  readonly reason: Reason;
}

export type Verdict = 'valid' | 'invalid' | 'incomplete';

/** A time, and who says so. `proven` is true for none but a clock that the operator does not run. */
export interface When {
  /** `own-token`: the operator's time-stamp key; `authority`: another's, whether the reader knows whose or not */
  readonly clock: 'server' | 'issuer' | 'own-token' | 'authority' | 'block';
  /** ISO 8601, UTC; of an authority the latest that it allows: genTime and accuracy */
  readonly at: string;
  readonly proven: boolean;
  /** of the clocks `own-token` and `authority` */
  readonly token?: TokenFact;
}

/** A token that holds: its form, what it covers, its signature. */
export interface TokenFact {
  /** `tokens[0]`, or `renewals[0]` for that of a renewal, or of a list of block headers */
  readonly at: string;
  readonly type:
    | 'rfc3161-manifest/1'
    | 'rfc3161-bulk/1'
    | 'rfc3161-root/1'
    | 'kezheng-renewal/1'
    | 'rfc3161-headers/1';
  /** whose it is; `unknown` too where something speaks against it */
  readonly by: 'operator' | 'independent' | 'unknown';
  /** as the trust list names the issuer or the authority; undefined where unknown */
  readonly label: string | undefined;
  /** readable subject of the signer's certificate */
  readonly signer: string;
  /** SHA-256 of its key (SubjectPublicKeyInfo), hex: whose certificate names the same key is the same witness */
  readonly signerKey: string;
  readonly policy: string;
  /** hex */
  readonly serial: string;
  readonly genTime: string;
  /** null where the token does not say it, and 0 is reckoned with */
  readonly accuracyMs: number | null;
  /** genTime and accuracy, both rounded up to the millisecond */
  readonly notAfter: string;
}

/** A renewal whose token holds. */
export interface RenewalFact {
  /** `renewals[0]` */
  readonly at: string;
  /** what it renews: `certificate` or `renewals[1]` */
  readonly of: string;
  readonly token: TokenFact;
}

/** What rests on keys, and how long their certificates hold: to the end of this instant, by their own dates. */
export interface Layer {
  /** `signature`, `tokens[0]`, `renewals[0]` */
  readonly at: string;
  readonly goodUntil: string;
  /** the earliest renewal that was made in time to carry it on; undefined where none was given */
  readonly carriedBy: string | undefined;
}

export interface FileFact {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly sm3: string | null;
  readonly digests: 'computed' | 'declared';
  readonly role: string;
  /** whether one was handed to the checker, as bytes or as digests only */
  readonly given: 'recomputed' | 'supplied' | 'no';
}

export interface AnchorFact {
  readonly chainId: number;
  readonly contract: string;
  readonly operator: string;
  readonly index: number;
  readonly root: string;
  readonly size: number;
  readonly transactionHash: string;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly blockTime: string;
  /** as the trust list names the chain and who runs it; undefined where it does not know this log */
  readonly chain: string | undefined;
  readonly runBy: string | undefined;
  readonly test: boolean;
}

/** Who holds the key signed what the entry says of the evidence. */
export interface StatementFact {
  /** SHA-256 of the SubjectPublicKeyInfo, hex */
  readonly key: string;
  /** by the depositor's own clock */
  readonly signedAt: string;
  /** whether the reader knew the key as the depositor's */
  readonly known: boolean;
}

/** What an event's certificate says; its words are the service's. */
export interface EventFact extends EventEntry {
  /** hex */
  readonly leaf: string;
}

export interface Facts {
  readonly certificate: { readonly number: string; readonly revision: number; readonly issuedAt: string };
  readonly what:
    | {
        readonly evidenceId: string;
        readonly title: string;
        readonly category: string | null;
        readonly grade: string;
        readonly files: readonly FileFact[];
        readonly folder: { readonly root: string; readonly size: number } | null;
      }
    | undefined;
  /** of a kezheng-event/1 */
  readonly event?: EventFact;
  readonly who: {
    readonly depositor: { readonly name: string; readonly uscc: string | null } | undefined;
    readonly service: string | undefined;
    /** subject of the signing certificate, and the trust list's name for it where it is trusted */
    readonly signer: string | undefined;
    readonly issuer: string | undefined;
    /** the depositor's own signature, where it holds */
    readonly statement: StatementFact | undefined;
  };
  readonly when: readonly When[];
  /** The earliest proven time: the one that counts. */
  readonly counts: When | undefined;
  readonly anchors: readonly AnchorFact[];
  readonly tokens: readonly TokenFact[];
  readonly renewals: readonly RenewalFact[];
  readonly layers: readonly Layer[];
  /** Labels of the independent authorities whose tokens prove a time: neither a label nor a signer's key counts twice. */
  readonly authorities: readonly string[];
  /** What only the issuer vouches for. */
  readonly stated: readonly { readonly name: string; readonly value: string }[];
}

/** What stands outside this certificate and was not at hand: to be compared by the reader, and where. */
export interface Remaining {
  readonly what:
    | 'block-hash'
    | 'trust-list'
    | 'files'
    | 'file-of-folder'
    | 'content'
    | 'pages'
    | 'newer-checker'
    | 'event-certificate'
    | 'case-head';
  readonly detail: ReasonDetail;
}

/** What no certificate of this kind proves; the sentences stand in messages/. */
export const NOT_PROVEN = [
  'truth',
  'authorship',
  'legality',
  'other-versions',
  'earlier-deposits',
  'origin-unverified',
  'digests-declared',
  'folder-declared',
  'actors',
  'event-alone',
  'later-events',
  'unrecorded',
] as const;
export type NotProven = (typeof NOT_PROVEN)[number];

export interface Report {
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  /** undefined where the certificate could not be parsed */
  readonly facts: Facts | undefined;
  readonly notProven: readonly NotProven[];
  readonly remaining: readonly Remaining[];
  /** True unless the trust list knows the chain and calls it none. */
  readonly testChain: boolean;
}

export const reason = (code: ReasonCode, detail: ReasonDetail = {}): Reason => ({ code, detail });
