import type { Static } from 'typebox';
import type { Application } from './application.ts';
import type { GRANTEES, NOTICES, RELATIONS, REVIEW_ITEMS } from './codes.ts';
import type { Fees } from './fees.ts';
import type { Announcement, Obtaining, Verification } from './inputs.ts';

/*
 * Everything that a case of notarization holds. Types and not interfaces, for all of it is JSON.
 */

type At = { readonly atMs: number };

export type Handling = { readonly person: string; readonly name: string } & At;

/** 公证法 23 (3), by the notary who handles the case; another notary declares anew. */
export type Recusal = {
  readonly person: string;
  readonly conflicts: readonly { readonly relation: (typeof RELATIONS)[number]; readonly note: string }[];
} & At;

export type Confirmation = {
  readonly code: (typeof NOTICES)[number];
  readonly version: number;
  readonly person: string;
  readonly readSeconds: number;
} & At;

/** What was asked for, point by point, and what was answered so far. */
export type Request = {
  readonly points: readonly string[];
  readonly answers: readonly { readonly point: number; readonly text: string }[];
} & At;

export type Draft = {
  readonly version: number;
  readonly text: string;
  /** Ids of evidence, in the order of the annex. */
  readonly annex: readonly string[];
} & At;

/** A deed as it was issued, or as it was corrected. */
export type DeedVersion = {
  readonly number: string;
  readonly sha256: string;
  readonly deposit: string;
  readonly by: string;
} & At;

export type Deed = {
  readonly status: 'valid' | 'corrected' | 'revoked';
  /** First as issued; the last is in force unless the deed is revoked. */
  readonly versions: readonly DeedVersion[];
  /** Of the last version. */
  readonly deliveredMs: number | null;
  readonly revocation: ({ readonly ground: string; readonly reason: string } & At) | null;
  readonly announcements: readonly (Static<typeof Announcement> & At)[];
};

/** What a deed is to say after its correction; in force only by the action that corrects it. */
export type DeedCorrection = {
  readonly version: number;
  readonly text: string;
  readonly person: string;
  readonly name: string;
  readonly approval: ({ readonly person: string; readonly name: string } & At) | null;
} & At;

export type Grant = {
  readonly organization: string;
  readonly role: (typeof GRANTEES)[number];
  readonly purpose: string;
  readonly untilMs: number;
  /** Deposit of the investigation order (律师调查令) or letter. */
  readonly attachment: string | null;
  /** The organization that granted it and alone withdraws it. */
  readonly by: string;
  readonly revokedMs: number | null;
} & At;

export type NotarizationData = {
  readonly application: Application | null;
  /** Persons who have acted for the applicants: none of them may also act for the office. */
  readonly parties: readonly string[];
  /** Applicants that act: whoever opened the case, and those that joined it. Naming somebody makes him no party. */
  readonly joined: readonly string[];
  /** Whose deposit each item is, and the power of attorney, as it was found when it was put in. */
  readonly owners: Readonly<Record<string, string>>;
  readonly correction: Request | null;
  readonly handling: Handling | null;
  readonly recusal: Recusal | null;
  readonly obtaining: (Static<typeof Obtaining> & At) | null;
  readonly acceptance:
    | ({ readonly number: string; readonly basis: string; readonly note: string | null } & At)
    | null;
  readonly notices: readonly Confirmation[];
  readonly fees: Fees | null;
  readonly supplement: Request | null;
  readonly verifications: readonly (Static<typeof Verification> & At & { readonly result: string | null })[];
  readonly review:
    | ({
        readonly items: readonly {
          readonly item: (typeof REVIEW_ITEMS)[number];
          readonly satisfied: boolean;
        }[];
      } & At)
    | null;
  readonly draft: Draft | null;
  readonly approval:
    | ({ readonly person: string; readonly name: string; readonly version: number } & At)
    | null;
  readonly deed: Deed | null;
  readonly recheck:
    | ({ readonly name: string; readonly relation: string; readonly reason: string } & At)
    | null;
  /** Of the re-examination that is open, or the last one. */
  readonly deedCorrection: DeedCorrection | null;
  readonly grants: readonly Grant[];
  /** Why the case ended without a deed. */
  readonly ending: ({ readonly code: string; readonly reason: string } & At) | null;
};

export const BLANK: NotarizationData = {
  application: null,
  parties: [],
  joined: [],
  owners: {},
  correction: null,
  handling: null,
  recusal: null,
  obtaining: null,
  acceptance: null,
  notices: [],
  fees: null,
  supplement: null,
  verifications: [],
  review: null,
  draft: null,
  approval: null,
  deed: null,
  recheck: null,
  deedCorrection: null,
  grants: [],
  ending: null,
};
