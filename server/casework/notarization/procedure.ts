import type { ClockSpec } from '../engine/clocks.ts';
import type { Procedure } from '../engine/table.ts';
import { BLANK, type NotarizationData } from './data.ts';
import type { NotarizationFacts } from './facts.ts';
import { BASES, GUARDS, type GuardName } from './guards/all.ts';
import { type ClockName, FINAL, STATES, type State, type Who } from './names.ts';
import { accepting } from './steps/accepting.ts';
import { applying } from './steps/applying.ts';
import { disclosing } from './steps/disclosing.ts';
import { drafting } from './steps/drafting.ts';
import { examining } from './steps/examining.ts';
import { informing } from './steps/informing.ts';
import { paying } from './steps/paying.ts';
import { rechecking } from './steps/rechecking.ts';
import { whoIs } from './who.ts';

const CLOCK_SPECS: Readonly<Record<ClockName, ClockSpec<NotarizationFacts>>> = {
  issue: {
    unit: 'working-days',
    length: () => 15,
    remindBefore: [5, 2],
    basis: { law: '公证法', articles: [30] },
  },
  correction: {
    unit: 'natural-days',
    length: ({ rules }) => rules.correctionDays,
    remindBefore: [7, 1],
    basis: 'office-rule',
  },
  supplement: {
    unit: 'natural-days',
    length: ({ rules }) => rules.supplementDays,
    remindBefore: [30, 7, 1],
    basis: 'office-rule',
    onPassed: 'lapse',
  },
  archive: {
    unit: 'natural-days',
    length: ({ rules }) => rules.archiveDays,
    remindBefore: [14, 3],
    basis: 'office-rule',
  },
  recheck: {
    unit: 'natural-days',
    length: ({ rules }) => rules.recheckDays,
    remindBefore: [10, 3],
    basis: 'office-rule',
  },
};

/** 办证: from an application to a notarial deed that a court can check, and every other way in which it can end. */
export const notarization: Procedure<
  NotarizationData,
  NotarizationFacts,
  { state: State; who: Who; guard: GuardName; clock: ClockName }
> = {
  name: 'notarization/1',
  states: STATES,
  initial: 'draft',
  final: FINAL,
  transitions: [
    ...applying,
    ...accepting,
    ...informing,
    ...paying,
    ...examining,
    ...drafting,
    ...rechecking,
    ...disclosing,
  ],
  guards: GUARDS,
  clocks: CLOCK_SPECS,
  bases: BASES,
  blank: BLANK,
  whoIs,
};
