import type { peopleGuards } from '../../../../server/casework/notarization/guards/people.ts';
import { ORGS, PEOPLE } from '../people.ts';
import { confirming, doing, INPUTS, START } from '../story.ts';
import { accepting, correcting, drafting, issuing, type Scenes } from './scene.ts';

export const peopleScenes: Scenes<keyof typeof peopleGuards> = {
  'person-present': {
    in: 'accepted',
    action: 'confirm-notice',
    by: 'applicant',
    input: confirming('legal-meaning'),
    changed: { by: 'machine' },
  },
  'office-applied-to': {
    in: 'submitted',
    action: 'assign',
    by: 'admin',
    changed: { input: { ...INPUTS['assign']!, organization: ORGS.otherOffice } },
  },
  'notary-of-office': [
    {
      in: 'submitted',
      action: 'assign',
      by: 'admin',
      changed: { input: { ...INPUTS['assign']!, person: PEOPLE.assistant.person! } },
    },
    {
      ...accepting,
      changed: { facts: () => ({ notaries: [PEOPLE.second.person!] }) },
    },
    {
      in: 'drafted',
      action: 'approve',
      by: 'approver',
      changed: { facts: () => ({ notaries: [PEOPLE.notary.person!] }) },
    },
  ],
  'assigned-by-office': [
    { in: 'submitted', action: 'assign', by: 'notary', changed: { by: 'second' } },
    {
      in: 'submitted',
      action: 'assign',
      by: 'notary',
      changed: { data: () => ({ handling: { person: PEOPLE.second.person!, name: '赵六', atMs: START } }) },
    },
  ],
  'not-own-matter': [
    ...[accepting, drafting, issuing].map((scene) => ({
      ...scene,
      changed: { facts: () => ({ interested: [PEOPLE.notary.person!] }) },
    })),
    { ...correcting, changed: { facts: () => ({ interested: [PEOPLE.second.person!] }) } },
    ...(['uphold', 'revoke', 'draft-correction'] as const).map((action) => ({
      in: 'under-recheck' as const,
      action,
      by: 'second' as const,
      changed: { facts: () => ({ interested: [PEOPLE.second.person!] }) },
    })),
    { ...accepting, changed: { data: () => ({ parties: [PEOPLE.notary.person!] }) } },
    { ...drafting, changed: { data: () => ({ parties: [PEOPLE.notary.person!] }) } },
    {
      in: 'submitted',
      action: 'assign',
      by: 'admin',
      changed: { data: () => ({ parties: [PEOPLE.notary.person!] }) },
    },
    {
      in: 'drafted',
      action: 'approve',
      by: 'approver',
      changed: { data: () => ({ parties: [PEOPLE.approver.person!] }) },
    },
  ],
  'recusal-declared': [
    { ...accepting, changed: { data: () => ({ recusal: null }) } },
    {
      ...accepting,
      // Declared by the notary who had the case before.
      changed: {
        data: () => ({ recusal: { person: PEOPLE.second.person!, conflicts: [], atMs: START } }),
      },
    },
  ],
  'no-conflict': {
    ...accepting,
    changed: {
      data: ({ recusal }) => ({
        recusal: { ...recusal!, conflicts: [{ relation: 'close-relative', note: '申请人之兄' }] },
      }),
    },
    detail: { relation: 'relation.close-relative' },
  },
  'approver-is-another': {
    in: 'drafted',
    action: 'approve',
    by: 'approver',
    changed: {
      data: () => ({ handling: { person: PEOPLE.approver.person!, name: '审批人', atMs: START } }),
    },
  },
  'draft-approved-by-another': [
    {
      ...issuing,
      changed: { data: ({ approval }) => ({ approval: { ...approval!, person: PEOPLE.notary.person! } }) },
    },
    { ...issuing, changed: { data: () => ({ approval: null }) } },
  ],
  'correction-unconflicted': {
    in: 'under-recheck',
    action: 'draft-correction',
    by: 'second',
    changed: {
      input: { text: '更正', conflicts: [{ relation: 'interest', note: '持有申请人股份' }] },
    },
    detail: { relation: 'relation.interest' },
  },
  'correction-by-another': {
    in: 'under-recheck',
    action: 'approve-correction',
    by: 'approver',
    given: (standing) => doing(standing, { action: 'draft-correction', by: 'second' }),
    changed: {
      data: ({ deedCorrection }) => ({
        deedCorrection: { ...deedCorrection!, person: PEOPLE.approver.person! },
      }),
    },
  },
  'correction-approved-by-another': [
    { ...correcting, changed: { data: () => ({ deedCorrection: null }) } },
    {
      ...correcting,
      changed: {
        data: ({ deedCorrection }) => ({ deedCorrection: { ...deedCorrection!, approval: null } }),
      },
    },
    {
      ...correcting,
      changed: {
        data: ({ deedCorrection }) => ({
          deedCorrection: { ...deedCorrection!, person: PEOPLE.approver.person! },
        }),
      },
    },
    {
      ...correcting,
      // Written anew after it was approved.
      changed: {
        standing: (standing) => doing(standing, { action: 'draft-correction', by: 'second' }),
      },
    },
  ],
  'recheck-by-another': {
    in: 'under-recheck',
    action: 'uphold',
    by: 'second',
    changed: { by: 'notary' },
  },
};
