import t from 'tap';
import { type CaseRecord, type NewCase, newCase } from '../../../server/casework/engine/case.ts';
import { startsIn } from '../../../server/casework/engine/table.ts';
import type { NotarizationData } from '../../../server/casework/notarization/data.ts';
import { DEFAULT_RULES, type NotarizationFacts } from '../../../server/casework/notarization/facts.ts';
import type { GuardName } from '../../../server/casework/notarization/guards/all.ts';
import { notarization } from '../../../server/casework/notarization/procedure.ts';
import type { JsonObject } from '../../../server/core/read/json.ts';
import { PEOPLE, type Person } from './people.ts';
import { applyingScenes } from './scenes/applying.ts';
import { deedScenes } from './scenes/deed.ts';
import { evidenceScenes } from './scenes/evidence.ts';
import { examiningScenes } from './scenes/examining.ts';
import { peopleScenes } from './scenes/people.ts';
import type { Scene, Scenes } from './scenes/scene.ts';
import { CASE_ID, caseIn, factsAt, INPUTS, START, type Standing, tried, withData } from './story.ts';

/*
 * For each guard: a case in which the action is done, and the same case with one thing changed, in which this guard
 * refuses and no other one would have.
 */

const SCENES: Scenes<GuardName> = {
  ...applyingScenes,
  ...evidenceScenes,
  ...peopleScenes,
  ...examiningScenes,
  ...deedScenes,
};

const standingOf = (scene: Scene): { record: CaseRecord | NewCase; nowMs: number } => {
  if (scene.in === null) return { record: newCase(CASE_ID), nowMs: START };
  const standing = caseIn(scene.in);
  return scene.given?.(standing) ?? standing;
};

/** Every guard of the action that refuses, not only the first. */
function refusing(
  record: CaseRecord | NewCase,
  action: string,
  by: Person,
  input: JsonObject,
  facts: NotarizationFacts,
  nowMs: number,
): readonly string[] {
  const data = record.state === null ? notarization.blank : (record.data as NotarizationData);
  const transition = notarization.transitions.find(
    (one) => one.action === action && startsIn(one, record.state),
  )!;
  const context = {
    state: record.state,
    data,
    clocks: record.state === null ? [] : record.clocks,
    actor: PEOPLE[by],
    who: notarization.whoIs(PEOPLE[by], data),
    facts,
    nowMs,
    input,
  };
  return transition.guards.filter((guard) => notarization.guards[guard](context) !== undefined);
}

for (const [guard, scenes] of Object.entries(SCENES))
  t.test(`${guard} alone refuses`, async (t) => {
    for (const scene of Array.isArray(scenes) ? (scenes as readonly Scene[]) : [scenes as Scene]) {
      const before = standingOf(scene);
      const input = scene.input ?? INPUTS[scene.action] ?? {};
      const fine = tried(before.record, { action: scene.action, by: scene.by, input }, before.nowMs + 1);
      t.equal(fine.outcome, 'done', JSON.stringify(fine).slice(0, 300));

      const { changed } = scene;
      let after = changed.standing?.(before as Standing) ?? before;
      if (changed.data !== undefined)
        after = withData(
          after as Standing,
          changed.data((after.record as CaseRecord).data as NotarizationData),
        );
      const nowMs = after.nowMs + 1;
      const [by, facts] = [changed.by ?? scene.by, changed.facts?.(nowMs) ?? {}];
      const step = { action: scene.action, by, input: changed.input ?? input, facts };
      t.match(tried(after.record, step, nowMs), {
        outcome: 'refused',
        code: 'guard',
        guard,
        ...(scene.detail && { detail: scene.detail }),
      });
      t.strictSame(
        refusing(after.record, scene.action, by, step.input, factsAt(nowMs, facts), nowMs),
        [guard],
        'no other would have',
      );
    }
  });

t.test('where the office has no rule that another re-examines, the handling notary may', async (t) => {
  const { record, nowMs } = caseIn('under-recheck');
  const facts = { rules: { ...DEFAULT_RULES, recheckByAnother: false } };
  t.equal(tried(record, { action: 'uphold', by: 'notary', facts }, nowMs).outcome, 'done');
});
