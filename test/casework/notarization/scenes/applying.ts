import type { applyingGuards } from '../../../../server/casework/notarization/guards/applying.ts';
import { ORGS, REGISTERED, uuidOf } from '../people.ts';
import { APPLICATION, confirming, INPUTS, START } from '../story.ts';
import { accepting, applicationOf, IDENTITY_NUMBER, type Scenes, submitting, without } from './scene.ts';

const keptBy = (organization: string, masked = '330***********0012') => ({
  identityNumbers: { [uuidOf(600)]: { organization, masked } },
});

const named = (organization: string) => ({ ...APPLICATION.applicants[0]!, organization, name: '乙公司' });

export const applyingScenes: Scenes<keyof typeof applyingGuards> = {
  'no-identity-number': {
    in: 'accepted',
    action: 'terminate',
    by: 'notary',
    changed: { input: { code: 'other', reason: `证件号${IDENTITY_NUMBER}，查无此人` } },
  },
  'acts-for-itself': [
    {
      in: null,
      action: 'open',
      by: 'applicant',
      changed: { by: 'stranger', facts: () => keptBy(ORGS.stranger) },
    },
    {
      in: 'draft',
      action: 'amend',
      by: 'applicant',
      changed: {
        input: {
          application: {
            ...without('agent'),
            applicants: [{ ...APPLICATION.applicants[0]!, organization: ORGS.stranger }],
          },
        },
      },
    },
  ],
  'parties-apply': [
    {
      in: null,
      action: 'open',
      by: 'applicant',
      changed: {
        input: {
          application: { ...APPLICATION, agent: { ...APPLICATION.agent!, organization: ORGS.otherOffice } },
        },
      },
    },
    {
      in: 'draft',
      action: 'amend',
      by: 'applicant',
      changed: {
        input: {
          application: { ...APPLICATION, applicants: [...APPLICATION.applicants, named(ORGS.office)] },
        },
      },
    },
    {
      ...submitting,
      changed: {
        facts: () => ({ organizations: { ...REGISTERED, [ORGS.applicant]: 'operator' } }),
      },
    },
    { ...accepting, changed: { facts: () => ({ organizations: { [ORGS.firm]: 'notary' } }) } },
  ],
  'identity-kept': [
    { in: null, action: 'open', by: 'applicant', changed: { facts: () => keptBy(ORGS.stranger) } },
    { in: null, action: 'open', by: 'applicant', changed: { facts: () => ({ identityNumbers: {} }) } },
    {
      in: null,
      action: 'open',
      by: 'applicant',
      changed: { facts: () => keptBy(ORGS.applicant, '330***********0013') },
    },
    {
      in: 'draft',
      action: 'amend',
      by: 'applicant',
      changed: {
        input: {
          application: {
            ...APPLICATION,
            agent: {
              ...APPLICATION.agent!,
              identity: { reference: uuidOf(600), masked: '330***********0013' },
            },
          },
        },
      },
    },
  ],
  'applicants-joined': [
    {
      ...submitting,
      by: 'agent',
      changed: { data: () => ({ joined: [] }) },
      detail: { name: '甲公司' },
    },
    {
      ...submitting,
      changed: applicationOf({
        ...APPLICATION,
        applicants: [...APPLICATION.applicants, named(ORGS.stranger)],
      }),
      detail: { name: '乙公司' },
    },
    { ...accepting, changed: { data: () => ({ joined: [] }) } },
  ],
  'authority-own': [
    {
      in: null,
      action: 'open',
      by: 'applicant',
      changed: { facts: () => ({ own: APPLICATION.evidence.map(({ id }) => id) }) },
    },
    {
      ...submitting,
      // Put in by somebody who takes part no longer.
      changed: {
        data: ({ owners }) => ({ owners: { ...owners, [uuidOf(601)]: ORGS.stranger } }),
        facts: () => ({ own: [] }),
      },
    },
  ],
  'office-known': { ...submitting, changed: applicationOf({ ...APPLICATION, office: ORGS.court }) },
  'office-stays': {
    in: 'correction',
    action: 'resubmit',
    by: 'applicant',
    changed: {
      input: { ...INPUTS['resubmit']!, application: { ...APPLICATION, office: ORGS.otherOffice } },
    },
  },
  'applicants-stay': {
    in: 'correction',
    action: 'resubmit',
    by: 'agent',
    changed: {
      input: {
        ...INPUTS['resubmit']!,
        application: {
          ...APPLICATION,
          applicants: [{ ...APPLICATION.applicants[0]!, organization: ORGS.stranger }],
        },
      },
      data: ({ joined }) => ({ joined: [...joined, ORGS.stranger] }),
    },
  },
  'purpose-stated': { ...submitting, changed: applicationOf(without('purpose')) },
  'interest-stated': { ...submitting, changed: applicationOf(without('interest')) },
  'acquisition-stated': { ...submitting, changed: applicationOf(without('acquisition')) },
  'jurisdiction-given': { ...submitting, changed: applicationOf(without('jurisdiction')) },
  'evidence-chosen': { ...submitting, changed: applicationOf({ ...APPLICATION, evidence: [] }) },
  'representative-named': {
    ...submitting,
    changed: applicationOf({
      ...APPLICATION,
      applicants: [{ kind: 'organization', organization: ORGS.applicant, name: '甲公司' }],
    }),
    detail: { name: '甲公司' },
  },
  'agent-authorized': [
    {
      ...submitting,
      changed: applicationOf({ ...APPLICATION, agent: { organization: ORGS.firm, name: '李四' } }),
      detail: { name: '李四' },
    },
    {
      ...submitting,
      changed: applicationOf({
        ...APPLICATION,
        agent: { name: '李四', authority: { deposit: uuidOf(601), scope: 'general', untilMs: START } },
      }),
    },
    {
      ...submitting,
      changed: {
        facts: () => ({ organizations: { [ORGS.office]: 'notary', [ORGS.applicant]: 'depositor' } }),
      },
    },
  ],
  'agent-within-authority': [
    {
      in: 'accepted',
      action: 'confirm-notice',
      by: 'agent',
      input: confirming('legal-meaning'),
      changed: applicationOf({ ...APPLICATION, agent: { organization: ORGS.firm, name: '李四' } }),
    },
    {
      in: 'accepted',
      action: 'confirm-notice',
      by: 'agent',
      input: confirming('legal-meaning'),
      changed: applicationOf({
        ...APPLICATION,
        agent: {
          organization: ORGS.firm,
          name: '李四',
          authority: { deposit: uuidOf(1), scope: 'special', untilMs: START },
        },
      }),
    },
  ],
  'agent-specially-authorized': {
    in: 'accepted',
    action: 'withdraw',
    by: 'agent',
    changed: applicationOf({
      ...APPLICATION,
      agent: {
        organization: ORGS.firm,
        name: '李四',
        authority: { deposit: uuidOf(1), scope: 'general' },
      },
    }),
  },
};
