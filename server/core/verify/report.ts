import type { Reason, ReasonCode, ReasonDetail } from '../reason.ts';

/** passed, failed; skipped: nothing to check or another check failed first; unknown: what it takes is not at hand. */
export type Status = 'passed' | 'failed' | 'skipped' | 'unknown';

/** In this order, each with the meaning that FORMAT.md, «Verification», gives it. */
export const CHECK_IDS = [
  'format',
  'signature',
  'issuer',
  'entry',
  'statement',
  'files',
  'digests',
  'sm3',
  'inclusion',
  'token',
  'anchor',
  'header',
  'transaction',
  'receipt',
  'event',
  'log',
  'block',
] as const;
export type CheckId = (typeof CHECK_IDS)[number];

/** What the checks of each anchor are called; all of them must pass for an anchor to prove a time. */
export const ANCHOR_CHECKS = ['anchor', 'header', 'transaction', 'receipt', 'event', 'log', 'block'] as const;

export interface Check {
  readonly id: CheckId;
  /** `anchors[0]`, `tokens[2]`; undefined for the checks that exist once */
  readonly at: string | undefined;
  readonly status: Status;
  readonly reason: Reason;
}

export type Verdict = 'valid' | 'invalid' | 'incomplete';

/** A time, and who says so. `proven` is true for none but a clock that the operator does not run. */
export interface When {
  readonly clock: 'server' | 'issuer' | 'block';
  /** ISO 8601, UTC */
  readonly at: string;
  readonly proven: boolean;
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
  readonly who: {
    readonly depositor: { readonly name: string; readonly uscc: string | null } | undefined;
    readonly service: string | undefined;
    /** subject of the signing certificate, and the trust list's name for it where it is trusted */
    readonly signer: string | undefined;
    readonly issuer: string | undefined;
  };
  readonly when: readonly When[];
  /** The earliest proven time: the one that counts. */
  readonly counts: When | undefined;
  readonly anchors: readonly AnchorFact[];
  /** What only the issuer vouches for. */
  readonly stated: readonly { readonly name: string; readonly value: string }[];
}

/** What stands outside this certificate and was not at hand: to be compared by the reader, and where. */
export interface Remaining {
  readonly what: 'block-hash' | 'trust-list' | 'files' | 'newer-checker';
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
