import fc from 'fast-check';
import t from 'tap';
import type { Done } from '../../../server/casework/engine/act.ts';
import { NOTICES } from '../../../server/casework/notarization/codes.ts';
import type { NotarizationData } from '../../../server/casework/notarization/data.ts';
import { keptFen, owedFen, totalFen } from '../../../server/casework/notarization/fees.ts';
import { FINAL, STATES } from '../../../server/casework/notarization/names.ts';
import { notarization } from '../../../server/casework/notarization/procedure.ts';
import { canonicalize } from '../../../server/core/read/json.ts';
import { type Attempt, exits, walk } from './walk.ts';

/*
 * Thousands of cases at random. What must hold is stated here from the history of the case alone, not from its guards.
 * The seed is fixed: whether each state and action comes up in a run must not be a matter of luck.
 */

const WALKS = 2_500;
const STEPS = 25;

/** Steps that were done, in order, with the case as it was before each. */
const history = (attempts: readonly Attempt[]) =>
  attempts.flatMap((one) => (one.outcome.outcome === 'done' ? [{ ...one, done: one.outcome }] : []));
type Step = ReturnType<typeof history>[number];

const dataOf = ({ record }: Done): NotarizationData => record.data as NotarizationData;
const must = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};

function chains(steps: readonly Step[]): void {
  let state: string | null = null;
  for (const { before, done, nowMs } of steps) {
    must(done.event.from === state && before.state === state, `from ${done.event.from}, was ${state}`);
    must(done.event.to === done.record.state, 'to is the state of the case');
    must(done.record.updatedMs === nowMs && done.record.openedMs <= nowMs, 'times');
    state = done.record.state;
  }
}

function refusalsChangeNothing(attempts: readonly Attempt[]): void {
  let last: unknown;
  for (const { before, outcome } of attempts) {
    must(last === undefined || before === last, 'the case is what the last action that was done left');
    last = outcome.outcome === 'done' ? outcome.record : before;
    if (outcome.outcome === 'refused')
      must(
        outcome.possible.every(({ action }) => action !== ''),
        'a refusal says what is possible',
      );
  }
}

function clocksStand({ done: { record } }: Step): void {
  const open = record.clocks.filter(({ state }) => state !== 'ended');
  if ((FINAL as readonly string[]).includes(record.state))
    must(open.length === 0, `${open.map(({ name }) => name)} is open in ${record.state}`);
  else must(exits(record.state), `no exit from ${record.state}`);
  const waiting = ['supplementing', 'verifying'].includes(record.state);
  if (waiting)
    must(!open.some(({ name, state }) => name === 'issue' && state === 'running'), 'the term runs');
}

function moneyHolds({ done }: Step): void {
  const { fees } = dataOf(done);
  if (fees === null) return;
  for (const sum of [totalFen(fees), keptFen(fees), owedFen(fees)])
    must(Number.isSafeInteger(sum) && sum >= 0, `a sum of ${sum} fen`);
  must((fees.waiver?.fen ?? 0) <= totalFen(fees), 'more was given up than was asked for');
}

/** Everything before a deed, from the events: each of them done, in its place, and by the right person. */
function deedsAreEarned(steps: readonly Step[]): void {
  const at = (action: string, before = steps.length) =>
    steps.slice(0, before).findLastIndex((step) => step.action === action);
  const issue = at('issue');
  if (issue === -1) return;
  const [accept, review, draft, approve] = ['accept', 'begin-review', 'draft', 'approve'].map((one) =>
    at(one, issue),
  );
  must(
    accept! >= 0 && accept! < review! && review! < draft! && draft! < approve!,
    'accepted, examined, drafted, approved',
  );
  must(!['return', 'recall'].some((one) => at(one, issue) > approve!), 'the draft was not taken back');
  const person = (index: number): string | null => steps[index]!.actor.person;
  must(person(issue) === person(draft!) && person(approve!) !== person(draft!), 'approved by somebody else');
  const read = new Set(
    steps
      .slice(0, draft)
      .flatMap(({ action, done }) =>
        action === 'confirm-notice' ? [String(done.event.content!['code'])] : [],
      ),
  );
  must(read.size === NOTICES.length, 'every notice was read');
  for (const index of [accept!, draft!]) {
    const { content } = steps[index]!.done.event;
    const checked = content!['evidence'] as readonly { id: string; verdict: string }[];
    const items = dataOf(steps[index]!.done).application!.evidence;
    must(
      items.length > 0 &&
        items.every(({ id }) => checked.some((one) => one.id === id && one.verdict === 'valid')),
      'the evidence was checked',
    );
  }
  const applicants = steps.filter(({ action }) =>
    ['open', 'submit', 'confirm-notice', 'supply'].includes(action),
  );
  must(!applicants.some(({ actor }) => actor.person === person(issue)), 'nobody notarizes for himself');
}

/** The deed that a correction puts in its place was written by one and approved by another since it was asked for. */
function correctionsAreApproved(steps: readonly Step[]): void {
  for (const [i, { action }] of steps.entries()) {
    if (action !== 'correct') continue;
    const before = steps.slice(0, i);
    const [asked, written, approved] = ['request-recheck', 'draft-correction', 'approve-correction'].map(
      (one) => before.findLastIndex((step) => step.action === one),
    );
    must(asked! < written! && written! < approved!, 'asked for, written, approved');
    must(steps[written!]!.actor.person !== steps[approved!]!.actor.person, 'by two persons');
  }
}

/** Nobody's name alone brings him before an office: each applicant has acted himself. */
function applicantsCame(steps: readonly Step[]): void {
  const acted = new Set<string>();
  for (const { action, actor, done } of steps) {
    if (['open', 'amend', 'resubmit', 'join'].includes(action)) acted.add(actor.organization);
    if (action !== 'submit' && action !== 'resubmit' && action !== 'accept') continue;
    const { applicants, evidence } = dataOf(done).application!;
    must(
      applicants.every(({ organization }) => acted.has(organization)),
      'every applicant has acted himself',
    );
    const { owners } = dataOf(done);
    must(
      evidence.every(({ id }) => acted.has(owners[id]!)),
      'what is examined was put in by somebody who acted',
    );
  }
}

function accessesAreGranted(steps: readonly Step[]): void {
  for (const { action, before, actor, nowMs, done } of steps) {
    if (action !== 'access' || before.state === null) continue;
    const { grants } = before.data as NotarizationData;
    const grant = grants[Number(done.event.content!['grant']) - 1]!;
    must(grant.organization === actor.organization, 'granted to this organization');
    must(grant.revokedMs === null && nowMs <= grant.untilMs, 'and in force');
    must(done.event.from === done.event.to, 'reading changes no state');
  }
}

const visited = new Map<string, number>();
const acted = new Map<string, number>();

t.test('whatever anybody tries, a case keeps its rules', async () => {
  fc.assert(
    fc.property(fc.gen(), (draw) => {
      const { attempts, usual } = walk(draw, STEPS);
      refusalsChangeNothing(attempts);
      const steps = history(attempts);
      chains(steps);
      deedsAreEarned(steps);
      applicantsCame(steps);
      correctionsAreApproved(steps);
      accessesAreGranted(steps);
      for (const step of steps) {
        clocksStand(step);
        moneyHolds(step);
        canonicalize({ data: step.done.record.data, content: step.done.event.content });
      }
      for (const { done, action } of history(attempts.slice(usual))) {
        visited.set(done.record.state, (visited.get(done.record.state) ?? 0) + 1);
        acted.set(action, (acted.get(action) ?? 0) + 1);
      }
    }),
    { numRuns: WALKS, seed: 20_260_302, endOnFailure: true },
  );
});

t.test(
  'the walks reach every state and do every action, so that what holds was put to the test',
  async (t) => {
    for (const state of STATES) t.ok((visited.get(state) ?? 0) > 0, `${state}: ${visited.get(state) ?? 0}`);
    for (const action of new Set(notarization.transitions.map((one) => one.action)))
      t.ok((acted.get(action) ?? 0) > 0, `${action}: ${acted.get(action) ?? 0}`);
  },
);
