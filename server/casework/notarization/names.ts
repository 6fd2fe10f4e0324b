/*
 * The states of a notarization and who takes part, as the table uses them.
 */

export const STATES = [
  'draft',
  'submitted',
  'correction',
  'not-accepted',
  'withdrawn',
  'accepted',
  'reviewing',
  'supplementing',
  'verifying',
  'refused',
  'terminated',
  'drafted',
  'approved',
  'issued',
  'delivered',
  'archived',
  'under-recheck',
  'upheld',
  'corrected',
  'revoked',
] as const;
export type State = (typeof STATES)[number];

/** An archived case can be re-examined all the same: done is not sealed. */
export const FINAL = [
  'not-accepted',
  'withdrawn',
  'refused',
  'terminated',
  'archived',
  'revoked',
] as const satisfies readonly State[];

/** Accepted, and no deed yet: the term of 公证法 30 runs or stands. */
export const IN_HAND = [
  'accepted',
  'reviewing',
  'supplementing',
  'verifying',
  'drafted',
  'approved',
] as const satisfies readonly State[];

/** There is or was a deed. */
export const WITH_DEED = [
  'issued',
  'delivered',
  'archived',
  'under-recheck',
  'upheld',
  'corrected',
  'revoked',
] as const satisfies readonly State[];

export const WHO = [
  'applicant',
  'named-applicant',
  'handling-notary',
  'office-notary',
  'approver',
  'assistant',
  'office-admin',
  'grantee',
  'system',
] as const;
export type Who = (typeof WHO)[number];

export const CLOCKS = ['issue', 'correction', 'supplement', 'archive', 'recheck'] as const;
export type ClockName = (typeof CLOCKS)[number];
