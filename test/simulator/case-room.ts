import { Type } from 'typebox';
import type { Actor } from '../../server/casework/engine/case.ts';
import { closed, line } from '../../server/casework/engine/fields.ts';
import { type Procedure, transitionOf } from '../../server/casework/engine/table.ts';
import type { Room } from '../../server/casework/room.ts';
import { DEPOSITORS } from './clients.ts';

/*
 * A procedure whose clocks ask for something after seconds, and so within a run: a question is talked about, held up by
 * the other side, and closed or dropped. Each input has a word of its own: it tells which request an event is of.
 */

type Data = { readonly words: number; readonly isHeld: boolean };
type N = {
  state: 'asked' | 'held' | 'closed' | 'dropped';
  who: 'asker' | 'other' | 'system';
  guard: never;
  clock: 'answer' | 'patience';
};

const step = transitionOf<Data, unknown, N>();
const Word = Type.Object({ word: line(40, 'word') }, closed);
const counted = (data: Data): Data => ({ ...data, words: data.words + 1 });

/** Hours: an hour before the answer is due, which is 14.4 seconds after it began to be, its clock reminds of it. */
const ANSWER = 1.004;
const PATIENCE = 0.002;

const talk: Procedure<Data, unknown, N> = {
  name: 'talk/1',
  states: ['asked', 'held', 'closed', 'dropped'],
  initial: 'asked',
  final: ['closed', 'dropped'],
  transitions: [
    step({
      ...{ from: null, action: 'ask', who: ['asker'], guards: [], to: 'asked', input: Word, apply: counted },
      clocks: { start: ['answer'] },
    }),
    step({
      ...{ from: ['asked', 'held'], action: 'say', who: ['asker', 'other'], guards: [], to: '=' },
      ...{ input: Word, apply: counted },
    }),
    step({
      ...{ from: ['asked'], action: 'hold', who: ['other'], guards: [], to: 'held', input: Word },
      apply: (data) => ({ ...counted(data), isHeld: true }),
      clocks: { stop: ['answer'], start: ['patience'] },
    }),
    step({
      ...{ from: ['held'], action: 'go-on', who: ['asker', 'other'], guards: [], to: 'asked', input: Word },
      apply: (data) => ({ ...counted(data), isHeld: false }),
      clocks: { resume: ['answer'], end: ['patience'] },
    }),
    step({
      ...{ from: ['asked'], action: 'close', who: ['other'], guards: [], to: 'closed', input: Word },
      apply: counted,
      clocks: { end: ['answer'] },
    }),
    step({
      ...{ from: ['held'], action: 'drop', who: ['system'], guards: [], to: 'dropped' },
      input: Type.Object({}, closed),
      clocks: { end: ['answer', 'patience'] },
    }),
  ],
  guards: {},
  clocks: {
    answer: { unit: 'hours', length: () => ANSWER, remindBefore: [1], basis: 'office-rule' },
    patience: {
      ...{ unit: 'hours', length: () => PATIENCE, remindBefore: [], basis: 'office-rule' },
      onPassed: 'drop',
    },
  },
  bases: {},
  blank: { words: 0, isHeld: false },
  whoIs: ({ role, organization }) =>
    role === 'system' ? ['system'] : organization === ASKER.organization ? ['asker'] : ['other'],
};

/** Procedures of all kinds of data are run alike. */
export const TALK = talk as unknown as Procedure;

/** Those who can do something to a case that stands so; the others are refused. */
export const ACTIONS = ['say', 'say', 'say', 'hold', 'go-on', 'close'] as const;

const actorOf = (at: 0 | 1, person: string): Actor => ({
  organization: DEPOSITORS[at]!.id,
  organizationRole: 'depositor',
  person,
  role: 'member',
  name: DEPOSITORS[at]!.name,
});
export const ASKER = actorOf(0, '019ab1c0-0000-7000-8000-00000000000a');
export const OTHER = actorOf(1, '019ab1c0-0000-7000-8000-00000000000b');

/** The other side takes part for good; while it holds the case up it does so twice. */
export const partsOf = (isHeld: boolean): readonly string[] => [
  `${ASKER.organization} asker`,
  ...(isHeld ? [`${OTHER.organization} holder`] : []),
  `${OTHER.organization} other`,
];

export const talkRoom: Room = {
  procedure: TALK,
  facts: async () => ({}),
  partiesOf: ({ data }) =>
    partsOf((data as unknown as Data).isHeld).map((text) => {
      const [organization, part] = text.split(' ') as [string, string];
      return { organization, part, untilMs: undefined };
    }),
  identities: () => [],
  items: async () => [],
  accessFor: () => undefined,
  shown: ({ data }) => data,
  isOpen: () => true,
};
