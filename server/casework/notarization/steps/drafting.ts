import type { Static } from 'typebox';
import type { DeedVersion } from '../data.ts';
import { Approve, Archive, Deliver, Drafting, Issue, Reasoned } from '../inputs.ts';
import { checkedEvidence, step } from '../step.ts';

export const versionOf = (
  { number, sha256, deposit }: Static<typeof Issue>,
  by: string,
  atMs: number,
): DeedVersion => ({ number, sha256, deposit, by, atMs });

/** From the draft to the deed, its delivery and the archive. */
export const drafting = [
  step({
    from: ['reviewing'],
    action: 'draft',
    who: ['handling-notary'],
    guards: [
      'no-identity-number',
      'notary-of-office',
      'recusal-declared',
      'no-conflict',
      'not-own-matter',
      'notices-confirmed',
      'fees-settled',
      'obtaining-checked',
      'obtaining-lawful',
      'review-complete',
      'verification-clear',
      'annex-complete',
      'evidence-verified-again',
    ],
    to: 'drafted',
    input: Drafting,
    apply: (data, { text, annex }, { nowMs }) => ({
      ...data,
      draft: { version: (data.draft?.version ?? 0) + 1, text, annex, atMs: nowMs },
      approval: null,
    }),
    content: (data, input, context) => ({
      ...input,
      version: data.draft!.version,
      evidence: checkedEvidence(context),
    }),
  }),
  step({
    from: ['drafted', 'approved'],
    action: 'return',
    who: ['approver'],
    guards: ['no-identity-number', 'approver-is-another'],
    to: 'reviewing',
    input: Reasoned,
    apply: (data) => ({ ...data, approval: null }),
  }),
  step({
    from: ['drafted', 'approved'],
    action: 'recall',
    who: ['handling-notary'],
    guards: ['no-identity-number'],
    to: 'reviewing',
    input: Reasoned,
    apply: (data) => ({ ...data, approval: null }),
  }),
  step({
    from: ['drafted'],
    action: 'approve',
    who: ['approver'],
    guards: ['notary-of-office', 'approver-is-another', 'not-own-matter', 'draft-is-current'],
    to: 'approved',
    input: Approve,
    apply: (data, { version }, { actor, nowMs }) => ({
      ...data,
      approval: { person: actor.person!, name: actor.name, version, atMs: nowMs },
    }),
  }),
  step({
    from: ['approved'],
    action: 'issue',
    who: ['handling-notary'],
    guards: [
      'no-identity-number',
      'notary-of-office',
      'not-own-matter',
      'draft-approved-by-another',
      'fees-settled',
      'deed-signed',
      'deed-deposited',
      'deed-number-free',
    ],
    to: 'issued',
    clocks: { end: ['issue'] },
    input: Issue,
    apply: (data, input, { actor, nowMs }) => ({
      ...data,
      deed: {
        status: 'valid',
        versions: [versionOf(input, actor.person!, nowMs)],
        deliveredMs: null,
        revocation: null,
        announcements: [],
      },
    }),
    content: (data, input) => ({ ...input, approval: data.approval }),
  }),
  step({
    from: ['issued', 'upheld', 'corrected'],
    action: 'deliver',
    who: ['handling-notary', 'assistant'],
    guards: ['no-identity-number', 'deed-undelivered'],
    to: 'delivered',
    clocks: { start: ['archive'] },
    input: Deliver,
    apply: (data, _, { nowMs }) => ({ ...data, deed: { ...data.deed!, deliveredMs: nowMs } }),
  }),
  step({
    from: ['delivered', 'upheld', 'corrected'],
    action: 'archive',
    who: ['handling-notary', 'assistant', 'office-admin'],
    guards: ['no-identity-number', 'deed-delivered'],
    to: 'archived',
    clocks: { end: ['archive'] },
    input: Archive,
  }),
];
