import t from 'tap';
import { TABLE_PROBLEMS, tableProblems } from '../../../server/casework/engine/problems.ts';
import type { Procedure, Transition } from '../../../server/casework/engine/table.ts';
import { sample } from './sample.ts';

const table: Procedure = sample;
const change = (action: string, changes: Partial<Transition>): Procedure => ({
  ...table,
  transitions: table.transitions.map((one) => (one.action === action ? { ...one, ...changes } : one)),
});
const without = (action: string): Procedure => ({
  ...table,
  transitions: table.transitions.filter((one) => one.action !== action),
});
const found = (damaged: Procedure): readonly string[] =>
  tableProblems(damaged).map(({ code, at }) => `${code}: ${at}`);

t.test('a sound table has no problem', async (t) => {
  t.strictSame(tableProblems(table), []);
});

const planted: Readonly<Record<(typeof TABLE_PROBLEMS)[number], readonly [Procedure, string]>> = {
  'state-unknown': [change('note', { from: ['asked', 'elsewhere'] }), 'elsewhere'],
  'state-unreachable': [
    { ...table, states: [...table.states, 'island'], final: [...table.final, 'island'] },
    'island',
  ],
  'state-without-exit': [{ ...table, final: ['answered'] }, 'dropped'],
  'guard-unknown': [change('note', { guards: ['moon-full'] }), 'moon-full'],
  'guard-unused': [{ ...table, guards: { ...table.guards, spare: () => undefined } }, 'spare'],
  'clock-unknown': [change('note', { clocks: { end: ['sundial'] } }), 'sundial'],
  'clock-never-started': [{ ...table, clocks: { ...table.clocks, spare: table.clocks['answer']! } }, 'spare'],
  'clock-open-at-the-end': [change('answer', { clocks: {} }), 'answer in answered'],
  'transition-ambiguous': [
    { ...table, transitions: [...table.transitions, { ...table.transitions[2]!, to: 'dropped' }] },
    'hold from asked',
  ],
  'opening-missing': [without('ask'), 'asked'],
  'opening-elsewhere': [change('ask', { to: 'held' }), 'ask'],
  'automatic-action-missing': [without('drop'), 'drop from held'],
};

for (const code of TABLE_PROBLEMS)
  t.test(`planted, it is found: ${code}`, async (t) => {
    const [damaged, at] = planted[code];
    t.ok(found(damaged).includes(`${code}: ${at}`), found(damaged).join());
  });

t.test('two ways to open that are called the same are ambiguous, too', async (t) => {
  const twice = { ...table, transitions: [table.transitions[0]!, ...table.transitions] };
  t.strictSame(found(twice), ['transition-ambiguous: ask from ']);
});

t.test('a clock that is stopped and forgotten is open at the end', async (t) => {
  t.strictSame(found(change('drop', { clocks: { end: ['patience'] } })), [
    'clock-open-at-the-end: answer in dropped',
  ]);
});
