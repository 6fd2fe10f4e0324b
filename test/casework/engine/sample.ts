import { Type } from 'typebox';
import type { Actor } from '../../../server/casework/engine/case.ts';
import { closed, line } from '../../../server/casework/engine/fields.ts';
import { type Procedure, transitionOf } from '../../../server/casework/engine/table.ts';
import type { JsonObject } from '../../../server/core/read/json.ts';

/*
 * A small procedure with one of everything: a question is asked, held up, answered or dropped.
 */

export type Data = { readonly text: string; readonly notes: number };
export interface Facts {
  readonly open: boolean;
  readonly hours: number | null;
}
type N = {
  state: 'asked' | 'held' | 'answered' | 'dropped';
  who: 'asker' | 'clerk' | 'system';
  guard: 'office-open' | 'not-empty';
  clock: 'answer' | 'patience';
};

const step = transitionOf<Data, Facts, N>();
const Text = Type.Object({ text: line(10, 'text') }, closed);
const Nothing = Type.Object({}, closed);

export const sample: Procedure<Data, Facts, N> = {
  name: 'sample/1',
  states: ['asked', 'held', 'answered', 'dropped'],
  initial: 'asked',
  final: ['answered', 'dropped'],
  transitions: [
    step({
      from: null,
      action: 'ask',
      who: ['asker'],
      guards: ['office-open', 'not-empty'],
      to: 'asked',
      clocks: { start: ['answer'] },
      input: Text,
      apply: (_, { text }) => ({ text, notes: 0 }),
    }),
    step({
      from: ['asked', 'held'],
      action: 'note',
      who: ['asker', 'clerk'],
      guards: [],
      to: '=',
      input: Nothing,
      apply: (data) => ({ ...data, notes: data.notes + 1 }),
    }),
    step({
      from: ['asked'],
      action: 'hold',
      who: ['clerk'],
      guards: [],
      to: 'held',
      clocks: { stop: ['answer'], start: ['patience'] },
      input: Nothing,
    }),
    step({
      from: ['held'],
      action: 'go-on',
      who: ['clerk'],
      guards: [],
      to: 'asked',
      clocks: { resume: ['answer'], end: ['patience'] },
      input: Nothing,
    }),
    step({
      from: ['asked'],
      action: 'answer',
      who: ['clerk'],
      guards: ['office-open'],
      to: 'answered',
      clocks: { end: ['answer'] },
      input: Text,
      content: ({ text }, input) => ({ asked: text, answered: input.text }),
    }),
    step({
      from: ['held'],
      action: 'drop',
      who: ['system'],
      guards: [],
      to: 'dropped',
      clocks: { end: ['answer', 'patience'] },
      input: Nothing,
    }),
  ],
  guards: {
    'office-open': ({ facts }) => (facts.open ? undefined : { when: 'later' }),
    'not-empty': ({ input }) => ((input as { text: string } | undefined)?.text === 'empty' ? {} : undefined),
  },
  clocks: {
    answer: {
      unit: 'working-days',
      length: () => 5,
      remindBefore: [1, 3],
      basis: { law: '某法', articles: [1, 2] },
    },
    patience: {
      unit: 'hours',
      length: ({ hours }) => hours,
      remindBefore: [2],
      basis: 'office-rule',
      onPassed: 'drop',
    },
  },
  bases: { 'office-open': 'office-rule' },
  blank: { text: '', notes: 0 },
  whoIs: ({ role }) => (role === 'system' ? ['system'] : role === 'member' ? ['asker'] : ['clerk']),
};

const actor = (role: Actor['role']): Actor => ({
  organization: '00000000-0000-7000-8000-000000000001',
  organizationRole: 'depositor',
  person: role === 'system' ? null : '00000000-0000-7000-8000-000000000002',
  role,
  name: role,
});
export const asker = actor('member');
export const clerk = actor('admin');
export const system = actor('system');

export const FACTS: Facts = { open: true, hours: 10 };
/** Monday noon in China. */
export const MONDAY = Date.parse('2026-03-02T12:00:00.000+08:00');
export const HOUR_MS = 3_600_000;
export const ID = '00000000-0000-7000-8000-00000000000a';
export const ASKED: JsonObject = { text: 'why' };
