import { Announcement, Approve, AskRecheck, Correct, DraftCorrection, Reasoned, Revoke } from '../inputs.ts';
import { step, withParty } from '../step.ts';
import { versionOf } from './drafting.ts';

/**
 * 公证法 39. An unlawful or untrue deed is revoked, which is announced, and is void from the beginning; any other error is
 * corrected. A version of a deed is never edited: a correction is another file beside it, which one notary writes and
 * another approves, as with the deed itself.
 */
export const rechecking = [
  step({
    from: ['issued', 'delivered', 'archived', 'upheld', 'corrected'],
    action: 'request-recheck',
    who: ['applicant', 'office-notary'],
    guards: ['no-identity-number', 'agent-within-authority', 'recheck-in-time'],
    to: 'under-recheck',
    clocks: { start: ['recheck'] },
    input: AskRecheck,
    apply: (data, { name, relation, reason }, context) => {
      const recheck = { name, relation, reason, atMs: context.nowMs };
      const asked = { ...data, recheck, deedCorrection: null };
      return context.who.includes('applicant') ? withParty(asked, context) : asked;
    },
  }),
  step({
    from: ['under-recheck'],
    action: 'uphold',
    who: ['office-notary'],
    guards: ['no-identity-number', 'notary-of-office', 'not-own-matter', 'recheck-by-another'],
    to: 'upheld',
    clocks: { end: ['recheck'] },
    input: Reasoned,
  }),
  step({
    from: ['under-recheck'],
    action: 'draft-correction',
    who: ['office-notary'],
    guards: [
      'no-identity-number',
      'notary-of-office',
      'not-own-matter',
      'recheck-by-another',
      'correction-unconflicted',
    ],
    to: '=',
    input: DraftCorrection,
    apply: (data, { text }, { actor, nowMs }) => ({
      ...data,
      deedCorrection: {
        version: (data.deedCorrection?.version ?? 0) + 1,
        text,
        person: actor.person!,
        name: actor.name,
        approval: null,
        atMs: nowMs,
      },
    }),
    content: (data, input) => ({ ...input, version: data.deedCorrection!.version }),
  }),
  step({
    from: ['under-recheck'],
    action: 'approve-correction',
    who: ['approver'],
    guards: [
      'notary-of-office',
      'not-own-matter',
      'recheck-by-another',
      'correction-by-another',
      'correction-is-current',
    ],
    to: '=',
    input: Approve,
    apply: (data, _, { actor, nowMs }) => ({
      ...data,
      deedCorrection: {
        ...data.deedCorrection!,
        approval: { person: actor.person!, name: actor.name, atMs: nowMs },
      },
    }),
  }),
  step({
    from: ['under-recheck'],
    action: 'correct',
    who: ['office-notary'],
    guards: [
      'no-identity-number',
      'notary-of-office',
      'not-own-matter',
      'recheck-by-another',
      'correction-approved-by-another',
      'room-left',
      'deed-signed',
      'deed-deposited',
      'deed-number-free',
    ],
    to: 'corrected',
    clocks: { end: ['recheck', 'archive'] },
    input: Correct,
    apply: (data, input, { actor, nowMs }) => ({
      ...data,
      deed: {
        ...data.deed!,
        status: 'corrected',
        versions: [...data.deed!.versions, versionOf(input, actor.person!, nowMs)],
        deliveredMs: null,
      },
    }),
    content: (data, input) => {
      const { version, approval } = data.deedCorrection!;
      return { ...input, correction: version, approval };
    },
  }),
  step({
    from: ['under-recheck'],
    action: 'revoke',
    who: ['office-notary'],
    guards: ['no-identity-number', 'notary-of-office', 'not-own-matter', 'recheck-by-another'],
    to: 'revoked',
    clocks: { end: ['recheck', 'archive'] },
    input: Revoke,
    apply: (data, { ground, reason, announcement }, { nowMs }) => ({
      ...data,
      deed: {
        ...data.deed!,
        status: 'revoked',
        revocation: { ground, reason, atMs: nowMs },
        announcements: [{ ...announcement, atMs: nowMs }],
      },
    }),
  }),
  step({
    from: ['revoked'],
    action: 'announce',
    who: ['office-notary', 'assistant', 'office-admin'],
    guards: ['no-identity-number', 'room-left'],
    to: '=',
    input: Announcement,
    apply: (data, announcement, { nowMs }) => {
      const announcements = [...data.deed!.announcements, { ...announcement, atMs: nowMs }];
      return { ...data, deed: { ...data.deed!, announcements } };
    },
  }),
];
