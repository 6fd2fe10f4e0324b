import { type Procedure, STAYS, type Transition } from './table.ts';

/*
 * What is wrong with a table, found without running it. A procedure with none of these has no dead end, no clock that
 * nobody stops, and no action that could mean two things.
 */

export const TABLE_PROBLEMS = [
  'state-unknown',
  'state-unreachable',
  'state-without-exit',
  'guard-unknown',
  'guard-unused',
  'clock-unknown',
  'clock-never-started',
  'clock-open-at-the-end',
  'transition-ambiguous',
  'opening-missing',
  'opening-elsewhere',
  'automatic-action-missing',
] as const;

export interface TableProblem {
  readonly code: (typeof TABLE_PROBLEMS)[number];
  readonly at: string;
}

type Table = Pick<Procedure, 'states' | 'initial' | 'final' | 'transitions' | 'guards' | 'clocks'>;

export const tableProblems = (table: Table): readonly TableProblem[] => [
  ...nameProblems(table),
  ...openingProblems(table),
  ...ambiguities(table),
  ...pathProblems(table),
  ...clockProblems(table),
];

const problem = (code: TableProblem['code'], at: string): TableProblem => ({ code, at });
const unknown = (code: TableProblem['code'], names: readonly string[], known: readonly string[]) =>
  [...new Set(names)].filter((name) => !known.includes(name)).map((name) => problem(code, name));

const leadsTo = (transition: Transition, from: string): string =>
  transition.to === STAYS ? from : transition.to;

const clocksNamed = ({ clocks = {} }: Transition): readonly string[] => Object.values(clocks).flat();

function nameProblems({ states, initial, final, transitions, guards, clocks }: Table): TableProblem[] {
  const named = transitions.flatMap(({ from, to }) => [...(from ?? []), ...(to === STAYS ? [] : [to])]);
  const guardNames = Object.keys(guards);
  return [
    ...unknown('state-unknown', [initial, ...final, ...named], states),
    ...unknown(
      'guard-unknown',
      transitions.flatMap((one) => one.guards),
      guardNames,
    ),
    ...unknown(
      'guard-unused',
      guardNames,
      transitions.flatMap((one) => one.guards),
    ),
    ...unknown('clock-unknown', transitions.flatMap(clocksNamed), Object.keys(clocks)),
    ...unknown(
      'clock-never-started',
      Object.keys(clocks),
      transitions.flatMap((one) => one.clocks?.start ?? []),
    ),
  ];
}

function openingProblems({ initial, transitions }: Table): TableProblem[] {
  const openings = transitions.filter(({ from }) => from === null);
  if (openings.length === 0) return [problem('opening-missing', initial)];
  return openings
    .filter(({ to }) => to !== initial)
    .map(({ action }) => problem('opening-elsewhere', action));
}

/** The same action twice from one state: which of them is meant would depend on their order. */
function ambiguities({ transitions }: Table): TableProblem[] {
  const seen = new Set<string>();
  return transitions.flatMap(({ action, from }) =>
    (from ?? ['']).flatMap((state) => {
      const key = `${action} from ${state}`;
      if (seen.has(key)) return [problem('transition-ambiguous', key)];
      seen.add(key);
      return [];
    }),
  );
}

function pathProblems({ states, initial, final, transitions }: Table): TableProblem[] {
  const reached = new Set([initial]);
  // A set gives what was added while it is walked, too.
  for (const state of reached)
    for (const transition of transitions)
      if (transition.from?.includes(state)) reached.add(leadsTo(transition, state));
  const leaves = (state: string) =>
    transitions.some((one) => one.from?.includes(state) && leadsTo(one, state) !== state);
  return [
    ...states.filter((state) => !reached.has(state)).map((state) => problem('state-unreachable', state)),
    ...states
      .filter((state) => !leaves(state) && !final.includes(state))
      .map((state) => problem('state-without-exit', state)),
  ];
}

/** The clocks that may be open in each state, whatever way led to it. */
function openClocks({ initial, transitions }: Table): ReadonlyMap<string, ReadonlySet<string>> {
  const open = new Map<string, Set<string>>([[initial, new Set()]]);
  const add = (state: string, names: Iterable<string>): boolean => {
    const known = open.get(state) ?? new Set();
    const before = open.has(state) ? known.size : -1;
    for (const name of names) known.add(name);
    open.set(state, known);
    return known.size > before;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const one of transitions)
      for (const state of one.from ?? [null]) {
        const at = state === null ? new Set<string>() : open.get(state);
        if (at === undefined) continue;
        const kept = [...at].filter((name) => !one.clocks?.end?.includes(name));
        changed = add(leadsTo(one, state ?? ''), [...kept, ...(one.clocks?.start ?? [])]) || changed;
      }
  }
  return open;
}

function clockProblems(table: Table): TableProblem[] {
  const problems: TableProblem[] = [];
  for (const [state, names] of openClocks(table))
    for (const name of names) {
      const action = table.clocks[name]?.onPassed;
      const leads = table.transitions.some((one) => one.action === action && one.from?.includes(state));
      if (table.final.includes(state)) problems.push(problem('clock-open-at-the-end', `${name} in ${state}`));
      else if (action !== undefined && !leads)
        problems.push(problem('automatic-action-missing', `${action} from ${state}`));
    }
  return problems;
}
