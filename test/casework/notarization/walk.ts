import fc from 'fast-check';
import { act, type Done, type Refused } from '../../../server/casework/engine/act.ts';
import { type Actor, type CaseRecord, type NewCase, newCase } from '../../../server/casework/engine/case.ts';
import { possible } from '../../../server/casework/engine/possible.ts';
import { startsIn } from '../../../server/casework/engine/table.ts';
import { NOTICES } from '../../../server/casework/notarization/codes.ts';
import { BLANK, type NotarizationData } from '../../../server/casework/notarization/data.ts';
import { DEFAULT_RULES, type NotarizationFacts } from '../../../server/casework/notarization/facts.ts';
import { keptFen, owedFen } from '../../../server/casework/notarization/fees.ts';
import { FINAL, STATES, type State } from '../../../server/casework/notarization/names.ts';
import { notarization } from '../../../server/casework/notarization/procedure.ts';
import type { JsonObject } from '../../../server/core/read/json.ts';
import { inputsOf } from '../schema-inputs.ts';
import { ORGS, PEOPLE } from './people.ts';
import {
  APPLICATION,
  CASE_ID,
  confirming,
  DEED,
  factsAt,
  INPUTS,
  item,
  START,
  tried,
  wayTo,
} from './story.ts';

/*
 * A case that is walked at random: who acts, what, with which input, on which facts, and how much time passes. Where a
 * walk is well meant it does what would be done at a desk; else it does anything at all.
 */

export interface Attempt {
  readonly before: CaseRecord | NewCase;
  readonly action: string;
  readonly actor: Actor;
  readonly nowMs: number;
  readonly outcome: Done | Refused;
}

const ACTIONS = [...new Set(notarization.transitions.map(({ action }) => action))];
const ACTORS = Object.values(PEOPLE);
const ARBITRARIES = new Map(notarization.transitions.map((one) => [one.action, inputsOf(one.input)]));
const JUMPS = [1, 60_000, 3_600_000, 86_400_000, 20 * 86_400_000, 200 * 86_400_000];

type Draw = fc.GeneratorValue;

/**
 * Actions that end a case, and those that may be done at any time: taken as often as the others, they would leave no
 * walk that gets anywhere.
 */
const RARE = new Set([
  ...['discard', 'withdraw', 'not-accept', 'refuse', 'terminate'],
  ...['return', 'recall', 'suspend-term'],
  ...['amend', 'grant', 'revoke-grant', 'access', 'record-check', 'announce', 'refund', 'request-correction'],
]);

/** In an earnest walk what has been done twice is not done a third time; but there are five notices. */
const isNew = (done: readonly Attempt[], action: string): boolean =>
  done.filter((one) => one.action === action && one.outcome.outcome === 'done').length <
  (action === 'confirm-notice' ? NOTICES.length : 2);

type Choice = Pick<Attempt, 'action' | 'actor'>;

/** What the service does for whoever checks or reads: nobody is told that it is possible. */
function internal(record: CaseRecord | NewCase): readonly Choice[] {
  if (record.state === null) return [];
  const { state, data } = record;
  return ACTORS.flatMap((actor) => {
    const who = notarization.whoIs(actor, data as NotarizationData);
    return notarization.transitions
      .filter(
        (one) => one.internal === true && startsIn(one, state) && one.who.some((part) => who.includes(part)),
      )
      .map(({ action }) => ({ actor, action }));
  });
}

/** Mostly something that is possible, by somebody who may do it; now and then anything by anybody. */
function chosen(
  draw: Draw,
  mood: Mood,
  done: readonly Attempt[],
  facts: NotarizationFacts,
  nowMs: number,
): Choice {
  const anything = {
    actor: draw(() => fc.constantFrom(...ACTORS)),
    action: draw(() => fc.constantFrom(...ACTIONS)),
  };
  if (draw(fc.nat, { max: mood === 'earnest' ? 9 : 2 }) === 0) return anything;
  const choices = ACTORS.flatMap((actor) =>
    possible(notarization, leftBy(done.at(-1)), actor, facts, nowMs).flatMap(({ action, allowed }) =>
      allowed ? [{ actor, action }] : [],
    ),
  )
    .concat(internal(leftBy(done.at(-1))))
    .filter(({ action }) => {
      if (RARE.has(action)) return draw(fc.nat, { max: mood === 'earnest' ? 199 : 14 }) === 0;
      return mood === 'any' || isNew(done, action);
    });
  return choices.length === 0 ? anything : draw(() => fc.constantFrom(...choices));
}

/** What somebody at the desk would fill in, who has read the case. */
function sensible(action: string, data: NotarizationData, actor: Actor, draw: Draw): JsonObject {
  const input = INPUTS[action] ?? {};
  const evidence = data.application?.evidence ?? [];
  if (action === 'confirm-notice') {
    const open = NOTICES.filter((code) => !data.notices.some((one) => one.code === code));
    return confirming(draw(() => fc.constantFrom(...(open.length > 0 ? open : NOTICES))));
  }
  if (action === 'assign') {
    const notary = draw(() => fc.constantFrom(PEOPLE.notary, PEOPLE.second, PEOPLE.approver, PEOPLE.twoHats));
    const person = actor.role === 'admin' ? notary.person! : (actor.person ?? '');
    return { ...input, person };
  }
  if (action === 'record-payment')
    return {
      ...{ ...input, fen: Math.max(1, owedFen(data.fees ?? NO_FEES)) },
      reference: `T${data.fees?.payments.length}`,
    };
  if (action === 'refund')
    return {
      ...{ ...input, fen: Math.max(1, keptFen(data.fees ?? NO_FEES)) },
      reference: `R${data.fees?.refunds.length}`,
    };
  if (action === 'supply') {
    const answers = (data.supplement?.points ?? []).map((_, i) => ({ point: i + 1, text: '见附件' }));
    return { answers, evidence: evidence.length < 3 ? [item(3)] : [] };
  }
  if (action === 'resubmit') {
    const answers = (data.correction?.points ?? []).map((_, i) => ({ point: i + 1, text: '已补正' }));
    return { application: data.application ?? APPLICATION, answers };
  }
  if (action === 'open' && draw(fc.boolean)) {
    const named = { ...APPLICATION.applicants[0]!, organization: ORGS.stranger, name: '乙公司' };
    return { application: { ...APPLICATION, applicants: [...APPLICATION.applicants, named] } };
  }
  if (action === 'draft') return { text: '兹证明', annex: evidence.map(({ id }) => id) };
  if (action === 'approve-correction') return { version: data.deedCorrection?.version ?? 1 };
  if (action === 'approve') return { version: data.draft?.version ?? 1 };
  if (action === 'correct') return { ...DEED, reason: '更正' };
  return input;
}

const NO_FEES = { items: [], waiver: null, payments: [], refunds: [] };

function factsFor(draw: Draw, data: NotarizationData, nowMs: number): NotarizationFacts {
  const fine = factsAt(nowMs);
  const all = {
    ...fine,
    evidence: (data.application?.evidence ?? []).map(({ id }) => ({ ...fine.evidence[0]!, id })),
  };
  const mishap = draw(fc.nat, { max: 29 });
  if (mishap > 25) return { ...all, evidence: all.evidence.slice(1) };
  if (mishap === 1) return { ...all, notaries: [] };
  if (mishap === 2) return { ...all, deed: null };
  if (mishap === 3) return { ...all, organizations: {} };
  if (mishap === 4)
    return { ...all, rules: { ...DEFAULT_RULES, supplementDays: null, recheckWithinDays: 10 } };
  return all;
}

/** The usual way to a state, as attempts, with whoever handles the case. */
function usualWay(state: State, handling: 'notary' | 'approver'): readonly Attempt[] {
  const attempts: Attempt[] = [];
  for (const [i, step] of wayTo(state).entries()) {
    const before = leftBy(attempts.at(-1));
    const nowMs = START + i * 60_000;
    const by = step.by === 'notary' ? handling : step.by === 'approver' ? 'approverToo' : step.by;
    const person = PEOPLE[handling].person!;
    const input = step.action === 'assign' ? { ...INPUTS['assign']!, person } : undefined;
    const outcome = tried(before, { ...step, by, ...(input && { input }) }, nowMs);
    if (outcome.outcome === 'refused') throw new Error(`${step.action}: ${outcome.guard}`);
    attempts.push({ before, action: step.action, actor: PEOPLE[by], nowMs, outcome });
  }
  return attempts;
}

/** An earnest walk begins where there is still a way to a deed. */
const TOWARDS_DEED: readonly State[] = [
  'submitted',
  'accepted',
  'accepted',
  'reviewing',
  'drafted',
  'approved',
];
const WAYS = {
  any: STATES.map((state) => usualWay(state, 'notary')),
  earnest: TOWARDS_DEED.flatMap((state) => [usualWay(state, 'notary'), usualWay(state, 'approver')]),
};
type Mood = keyof typeof WAYS;

export interface Walk {
  readonly attempts: readonly Attempt[];
  /** How many of them were the usual way, before anything was drawn. */
  readonly usual: number;
}

function attempt(draw: Draw, mood: Mood, done: readonly Attempt[], nowMs: number): Attempt {
  const before = leftBy(done.at(-1));
  const data = before.state === null ? BLANK : (before.data as NotarizationData);
  const facts = factsFor(draw, data, nowMs);
  const { action, actor } = chosen(draw, mood, done, facts, nowMs);
  const wild = draw(fc.nat, { max: mood === 'earnest' ? 19 : 4 }) === 0;
  const input = wild ? draw(() => ARBITRARIES.get(action)!) : sensible(action, data, actor, draw);
  const outcome = act(notarization, before, { action, actor, input, facts, nowMs });
  return { before, action, actor, nowMs, outcome };
}

export function walk(draw: Draw, length: number): Walk {
  const mood = draw(() => fc.constantFrom<Mood>('any', 'earnest'));
  const usual = draw(fc.nat, { max: 9 }) === 0 ? [] : draw(() => fc.constantFrom(...WAYS[mood]));
  const attempts = [...usual];
  for (let i = 0; i < length; i++) {
    // Little happens in a case that is done; some walks try all the same.
    if (isDone(leftBy(attempts.at(-1))) && draw(fc.nat, { max: 3 }) === 0) break;
    const long = draw(fc.nat, { max: 9 }) === 0;
    const jump = draw(() => fc.constantFrom(...(long ? JUMPS : JUMPS.slice(0, 3))));
    attempts.push(attempt(draw, mood, attempts, (attempts.at(-1)?.nowMs ?? START) + jump));
  }
  return { attempts, usual: usual.length };
}

const isDone = ({ state }: CaseRecord | NewCase): boolean =>
  (FINAL as readonly (string | null)[]).includes(state);

function leftBy(last: Attempt | undefined): CaseRecord | NewCase {
  if (last === undefined) return newCase(CASE_ID);
  return last.outcome.outcome === 'done' ? last.outcome.record : last.before;
}

export const exits = (state: string): boolean =>
  notarization.transitions.some((one) => startsIn(one, state) && one.to !== '=' && one.to !== state);
