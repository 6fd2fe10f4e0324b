import { OBTAINING_QUESTIONS } from '../../../../server/casework/notarization/codes.ts';
import type { evidenceGuards } from '../../../../server/casework/notarization/guards/evidence.ts';
import { MAX_CHECK_AGE_MS } from '../../../../server/casework/notarization/guards/evidence.ts';
import { ORGS } from '../people.ts';
import { APPLICATION, factsAt, item, MINUTE_MS, OWN } from '../story.ts';
import { accepting, drafting, type Scenes } from './scene.ts';

export const evidenceScenes: Scenes<keyof typeof evidenceGuards> = {
  'evidence-distinct': [
    {
      in: 'draft',
      action: 'amend',
      by: 'applicant',
      changed: { input: { application: { ...APPLICATION, evidence: [item(1), item(1)] } } },
    },
    {
      in: 'supplementing',
      action: 'supply',
      by: 'applicant',
      changed: { input: { answers: [{ point: 1, text: '同一份' }], evidence: [item(1)] } },
    },
  ],
  'evidence-within-limit': {
    in: 'supplementing',
    action: 'supply',
    by: 'applicant',
    changed: {
      input: {
        answers: [{ point: 1, text: '很多' }],
        evidence: Array.from({ length: 199 }, (_, n) => item(1_000 + n)),
      },
      facts: () => ({ own: Array.from({ length: 199 }, (_, n) => item(1_000 + n).id) }),
    },
    detail: { limit: 200 },
  },
  'evidence-own': [
    {
      in: null,
      action: 'open',
      by: 'applicant',
      changed: { facts: () => ({ own: OWN.slice(1) }) },
      detail: { id: item(1).id },
    },
    {
      in: 'supplementing',
      action: 'supply',
      by: 'applicant',
      changed: { facts: () => ({ own: [] }) },
      detail: { id: item(3).id },
    },
    {
      in: 'draft',
      action: 'amend',
      by: 'applicant',
      // Its owner takes part no longer.
      changed: {
        facts: () => ({ own: [] }),
        data: ({ owners }) => ({ owners: { ...owners, [item(2).id]: ORGS.stranger } }),
      },
      detail: { id: item(2).id },
    },
  ],
  'evidence-verified': [
    {
      ...accepting,
      changed: { facts: (nowMs) => ({ evidence: factsAt(nowMs).evidence.slice(0, 1) }) },
      detail: { id: item(2).id },
    },
    {
      ...accepting,
      changed: {
        facts: (nowMs) => ({
          evidence: factsAt(nowMs).evidence.map((fact, i) =>
            i === 1 ? { ...fact, verdict: 'problems' } : fact,
          ),
        }),
      },
    },
    {
      ...accepting,
      changed: { facts: (nowMs) => ({ evidence: factsAt(nowMs - MAX_CHECK_AGE_MS - 1).evidence }) },
    },
    { ...accepting, changed: { facts: (nowMs) => ({ evidence: factsAt(nowMs + 1).evidence }) } },
  ],
  'evidence-verified-again': [
    { ...drafting, changed: { facts: () => ({ evidence: [] }) } },
    {
      ...drafting,
      // Fresh enough, but made before the case was accepted.
      changed: { facts: (nowMs) => ({ evidence: factsAt(nowMs - 20 * MINUTE_MS).evidence }) },
    },
  ],
  'check-of-case': {
    in: 'submitted',
    action: 'record-check',
    by: 'assistant',
    changed: { input: { results: [{ id: item(3).id, verdict: 'valid', report: 'aa'.repeat(32) }] } },
  },
  'obtaining-checked': {
    ...accepting,
    changed: {
      data: ({ obtaining }) => ({ obtaining: { ...obtaining!, answers: obtaining!.answers.slice(1) } }),
    },
    detail: { missing: 1 },
  },
  'obtaining-lawful': [
    {
      ...accepting,
      changed: {
        data: ({ obtaining }) => ({
          obtaining: {
            ...obtaining!,
            answers: obtaining!.answers.map((one) => ({
              ...one,
              yes: one.question === OBTAINING_QUESTIONS[4],
            })),
          },
        }),
      },
      detail: { question: 'obtaining.access-control-circumvented' },
    },
    {
      ...drafting,
      changed: {
        data: ({ obtaining }) => ({
          obtaining: { ...obtaining!, answers: obtaining!.answers.map((one) => ({ ...one, yes: true })) },
        }),
      },
    },
  ],
  'annex-complete': [
    [item(1).id],
    [item(1).id, item(1).id],
    [item(1).id, item(2).id, item(2).id],
    [item(1).id, item(3).id],
  ].map((annex) => ({ ...drafting, changed: { input: { text: '兹证明', annex } } })),
};
