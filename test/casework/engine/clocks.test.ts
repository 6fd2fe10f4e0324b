import t from 'tap';
import { dayOf } from '../../../server/calendar/days.ts';
import { act } from '../../../server/casework/engine/act.ts';
import { type CaseRecord, newCase } from '../../../server/casework/engine/case.ts';
import { ended, stopped } from '../../../server/casework/engine/clocks.ts';
import { due, nextDueMs } from '../../../server/casework/engine/due.ts';
import { ASKED, asker, clerk, FACTS, type Facts, HOUR_MS, ID, MONDAY, sample, system } from './sample.ts';

const DAY_MS = 24 * HOUR_MS;

function after(
  record: CaseRecord | undefined,
  action: string,
  nowMs: number,
  facts: Facts = FACTS,
): CaseRecord {
  const actor = action === 'ask' ? asker : action === 'drop' ? system : clerk;
  const input = action === 'ask' ? ASKED : action === 'answer' ? { text: 'so' } : {};
  const outcome = act(sample, record ?? newCase(ID), { action, actor, input, facts, nowMs });
  if (outcome.outcome !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.record;
}
const clockOf = (record: CaseRecord, name: string) => record.clocks.find((clock) => clock.name === name)!;

const asked = after(undefined, 'ask', MONDAY);

t.test('a clock that stood goes on with what was left', async (t) => {
  const held = after(asked, 'hold', MONDAY + 2 * DAY_MS);
  t.match(clockOf(held, 'answer'), { state: 'stopped', left: 3, reminders: [] });
  t.match(clockOf(held, 'patience'), { state: 'running', deadlineMs: MONDAY + 2 * DAY_MS + 10 * HOUR_MS });
  const again = after(held, 'go-on', MONDAY + 9 * DAY_MS);
  const clock = clockOf(again, 'answer');
  t.match(clock, { state: 'running', startedMs: MONDAY, sinceMs: MONDAY + 9 * DAY_MS });
  t.equal(dayOf(clock.deadlineMs), '2026-03-16');
  t.equal(clockOf(again, 'patience').state, 'ended');
  t.equal(clockOf(after(again, 'hold', MONDAY + 10 * DAY_MS), 'patience').state, 'running', 'it begins anew');
  t.equal(after(again, 'hold', MONDAY + 10 * DAY_MS).clocks.length, 2);
});

t.test('a term that the office has not set starts no clock', async (t) => {
  const held = after(asked, 'hold', MONDAY, { ...FACTS, hours: null });
  t.strictSame(
    held.clocks.map(({ name }) => name),
    ['answer'],
  );
});

t.test('a deadline that was missed stays missed, whatever stops the clock afterwards', async (t) => {
  const late = MONDAY + 20 * DAY_MS;
  const held = after(asked, 'hold', late);
  t.match(clockOf(held, 'answer'), { passed: true, left: 0 });
  const again = after(held, 'go-on', late + DAY_MS);
  t.match(clockOf(again, 'answer'), { passed: true, deadlineMs: clockOf(asked, 'answer').deadlineMs });
  t.match(clockOf(after(asked, 'answer', late), 'answer'), { state: 'ended', passed: true });
  t.match(clockOf(after(asked, 'answer', MONDAY + DAY_MS), 'answer'), { state: 'ended', passed: false });
});

t.test('stopping what stands and ending what has ended changes nothing', async (t) => {
  const clock = stopped(clockOf(asked, 'answer'), MONDAY + DAY_MS);
  t.equal(stopped(clock, MONDAY + 2 * DAY_MS), clock);
  const end = ended(clock, MONDAY + 3 * DAY_MS);
  t.equal(ended(end, MONDAY + 4 * DAY_MS), end);
  t.equal(stopped(end, MONDAY + 4 * DAY_MS), end);
});

t.test('reminders come before the deadline, each once; after it the miss is told once', async (t) => {
  const { deadlineMs, reminders } = clockOf(asked, 'answer');
  t.strictSame(
    reminders.map(({ before, atMs }) => [before, dayOf(atMs)]),
    [
      [3, '2026-03-04'],
      [1, '2026-03-06'],
    ],
  );
  t.equal(nextDueMs(asked), reminders[0]!.atMs);
  t.strictSame(due(sample, asked, MONDAY).reminders, []);
  const first = due(sample, asked, reminders[0]!.atMs);
  t.strictSame(first.reminders, [{ clock: 'answer', before: 3, deadlineMs }]);
  t.strictSame(due(sample, first.record, reminders[0]!.atMs).reminders, []);
  t.equal(nextDueMs(first.record), reminders[1]!.atMs);
  t.strictSame(
    due(sample, asked, reminders[1]!.atMs).reminders,
    [{ clock: 'answer', before: 1, deadlineMs }],
    'after a pause only the last is sent',
  );
  const missed = due(sample, asked, deadlineMs + 1);
  t.strictSame([missed.reminders, missed.passed], [[], [{ clock: 'answer', deadlineMs }]]);
  t.strictSame(due(sample, asked, deadlineMs).passed, [], 'the last millisecond belongs to the term');
  t.strictSame(due(sample, missed.record, deadlineMs + DAY_MS).passed, []);
  t.equal(nextDueMs(missed.record), null);
});

t.test('what the service does itself is told until it is done', async (t) => {
  const held = after(asked, 'hold', MONDAY);
  const { deadlineMs } = clockOf(held, 'patience');
  const told = due(sample, held, deadlineMs + 1);
  t.strictSame(told.automatic, ['drop']);
  t.strictSame(due(sample, told.record, deadlineMs + 1).automatic, ['drop']);
  t.equal(nextDueMs(told.record), deadlineMs + 1, 'a crash between telling and doing loses nothing');
  const dropped = after(told.record, 'drop', deadlineMs + 1);
  t.strictSame(due(sample, dropped, deadlineMs + DAY_MS), {
    record: dropped,
    reminders: [],
    passed: [],
    automatic: [],
  });
  t.equal(nextDueMs(dropped), null);
  t.strictSame(due({ transitions: [] }, held, deadlineMs + 1).automatic, []);
});
