import type { Asking } from './asking.ts';
import { ACTIONS, ASKER, OTHER, TALK } from './case-room.ts';
import type { Medium } from './faults.ts';
import type { CasePackage, Instance } from './instance.ts';

/*
 * Those who open cases and act on them, several on each at once and each by another instance. They repeat what got no
 * answer, and keep every head that they were given.
 */

export interface CaseClients {
  /** people who are not done yet */
  open(): number;
  start(cases: number, withinMs: number): void;
}

export interface CaseClientDeps {
  readonly medium: Medium;
  readonly asking: Asking;
  /** cases of which somebody takes the whole package in the end */
  readonly packages: number;
  /** what somebody was told of the request with this word; `isFirst`: he had not asked before */
  readonly told: (word: string, outcome: 'done' | 'refused', isFirst: boolean) => void;
  readonly given: (head: Uint8Array) => void;
  readonly took: (taken: CasePackage) => void;
}

export function createCaseClients(deps: CaseClientDeps): CaseClients {
  const { random, schedule } = deps.medium;
  let open = 0;
  let begun = 0;

  /** Again and again until there is an answer: it may be done twice, and each is an event of its own. */
  async function ask<T>(
    what: string,
    handle: (instance: Instance) => Promise<T>,
  ): Promise<{ readonly value: T; readonly isFirst: boolean }> {
    for (let isFirst = true; ; isFirst = false) {
      const answer = await deps.asking.http(what, handle);
      if (answer !== undefined) return { value: answer.value, isFirst };
      await schedule.sleep(random.between(200, 4_000), `${what}: again`, undefined);
    }
  }

  async function act(word: string, id: string | undefined): Promise<string | undefined> {
    const action = id === undefined ? 'ask' : random.pick(ACTIONS);
    const actor = id === undefined || random.chance(0.3) ? ASKER : OTHER;
    const { value, isFirst } = await ask(`${action} ${word}`, ({ cases }) =>
      id === undefined
        ? cases!.open(TALK.name, [actor], action, { word })
        : cases!.act(id, [actor], action, { word }),
    );
    deps.told(word, value.outcome, isFirst);
    if (value.outcome !== 'done') return undefined;
    deps.given(value.head);
    return value.record.id;
  }

  async function person(name: string, id: string): Promise<void> {
    for (let i = 1, most = random.between(1, 3); i <= most; i++) {
      // Half of them at once, so that they overtake each other.
      const thinksMs = random.chance(0.5) ? random.between(1, 60) : random.between(1, 3_000);
      await schedule.sleep(thinksMs, `${name} thinks`, undefined);
      await act(`${name}.${i}`, id);
      if (random.chance(0.2)) await look(name, id);
    }
  }

  async function look(name: string, id: string): Promise<void> {
    const { value } = await ask(`head for ${name}`, ({ cases }) => cases!.head(id));
    if (value === undefined) return schedule.fail(`the case of ${name} is not there`);
    deps.given(value);
  }

  /** When each of its events has its certificate. */
  async function take(name: string, id: string): Promise<void> {
    for (;;) {
      await schedule.sleep(random.between(4_000, 9_000), `${name}: package`, undefined);
      const { value } = await ask(`package of ${name}`, ({ casePackage }) => casePackage(id));
      if (value !== undefined) return deps.took(value);
    }
  }

  async function request(): Promise<void> {
    const name = `c${++begun}`;
    const id = await act(name, undefined);
    if (id === undefined) return schedule.fail(`${name} was not opened`);
    const people = Array.from({ length: random.between(1, 3) }, (_, i) => person(`${name}p${i + 1}`, id));
    await Promise.all(people);
    await look(name, id);
    if (Number(name.slice(1)) <= deps.packages) await take(name, id);
  }

  return {
    open: () => open,
    start(cases, withinMs) {
      for (let i = 0; i < cases; i++) {
        open++;
        schedule.after(random.between(0, withinMs), 'somebody asks', undefined, () => {
          void request().then(() => open--);
        });
      }
    },
  };
}
