import type { Basis } from '../../engine/basis.ts';
import { applyingGuards } from './applying.ts';
import { deedGuards } from './deed.ts';
import { disclosureGuards } from './disclosure.ts';
import { evidenceGuards } from './evidence.ts';
import { examiningGuards } from './examining.ts';
import { moneyGuards } from './money.ts';
import { peopleGuards } from './people.ts';

export const GUARDS = {
  ...applyingGuards,
  ...evidenceGuards,
  ...peopleGuards,
  ...examiningGuards,
  ...moneyGuards,
  ...deedGuards,
  ...disclosureGuards,
};

export type GuardName = keyof typeof GUARDS;

const law = (...articles: readonly number[]): Basis => ({ law: '公证法', articles });

export const BASES: Readonly<Partial<Record<GuardName, Basis>>> = {
  'jurisdiction-given': law(25),
  'agent-authorized': law(26),
  'agent-within-authority': law(26),
  'purpose-stated': law(27),
  'interest-stated': law(31),
  'acquisition-stated': law(27),
  'obtaining-lawful': law(31),
  'not-own-matter': law(23),
  'recusal-declared': law(23),
  'no-conflict': law(23),
  'notices-confirmed': law(27),
  'notice-in-force': law(27),
  'supplement-answered': law(27),
  'review-complete': law(28),
  'verification-clear': law(29, 30),
  'fees-settled': law(34),
  'deed-signed': law(32),
  'approver-is-another': 'office-rule',
  'draft-approved-by-another': 'office-rule',
  'recheck-by-another': 'office-rule',
  'recheck-in-time': 'office-rule',
  'supplement-overdue': 'office-rule',
};
