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
  'agent-authorized': 'office-rule',
  'agent-within-authority': law(26),
  'purpose-stated': 'office-rule',
  'interest-stated': law(31),
  'acquisition-stated': 'office-rule',
  'obtaining-lawful': 'office-rule',
  'not-own-matter': law(23),
  'correction-unconflicted': law(23),
  'recusal-declared': law(23),
  'no-conflict': law(23),
  'notices-confirmed': 'office-rule',
  'notice-in-force': 'office-rule',
  'supplement-answered': law(27),
  'review-complete': law(28),
  'verification-clear': law(29, 30),
  'fees-settled': 'office-rule',
  'deed-signed': law(32),
  'approver-is-another': 'office-rule',
  'draft-approved-by-another': 'office-rule',
  'parties-apply': 'office-rule',
  'correction-by-another': 'office-rule',
  'correction-approved-by-another': 'office-rule',
  'recheck-by-another': 'office-rule',
  'recheck-in-time': 'office-rule',
  'supplement-overdue': 'office-rule',
};
