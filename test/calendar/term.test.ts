import fc from 'fast-check';
import t from 'tap';
import { dayOf, daysLater, endOfDay } from '../../server/calendar/days.ts';
import { amountOf, before, deadlineOf, leftOf, UNITS } from '../../server/calendar/term.ts';
import { isWorkingDay, workingDaysAfter } from '../../server/calendar/working-days.ts';

const noon = (day: string): number => Date.parse(`${day}T12:00:00.000+08:00`);
const instant = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2026, 9, 1) });
const unit = fc.constantFrom(...UNITS);
const length = fc.integer({ min: 1, max: 60 });
const DAY_MS = 86_400_000;

t.test('natural days: the first is not counted; a last day that is a holiday is moved', async (t) => {
  t.equal(deadlineOf('natural-days', 10, noon('2026-03-02')).value, endOfDay('2026-03-12'));
  t.equal(deadlineOf('natural-days', 5, noon('2026-09-28')).value, endOfDay('2026-10-08'));
  t.equal(deadlineOf('natural-days', 30, noon('2027-01-04')).withoutHolidays, true);
});

t.test('hours run at once, by day and night and on holidays', async (t) => {
  const from = noon('2026-09-30');
  t.strictSame(deadlineOf('hours', amountOf('hours', 24), from), {
    value: from + DAY_MS,
    withoutHolidays: false,
  });
});

t.test('what is left and what was used make the whole; a clock that is set back adds nothing', async () => {
  fc.assert(
    fc.property(unit, length, instant, fc.nat({ max: 30 * DAY_MS }), (unit, length, from, elapsed) => {
      const amount = amountOf(unit, length);
      const { value } = leftOf(unit, amount, from, from + elapsed);
      const [first, today] = [dayOf(from), dayOf(from + elapsed)];
      const used = {
        hours: elapsed,
        'natural-days': (Date.parse(today) - Date.parse(first)) / DAY_MS,
        'working-days': workingDaysAfter(first, today).value,
      }[unit];
      return (
        value === Math.max(0, amount - used) && leftOf(unit, amount, from, from - elapsed).value === amount
      );
    }),
  );
});

t.test('stopped and resumed at one moment, a term keeps its deadline', async () => {
  fc.assert(
    fc.property(unit, length, instant, fc.nat({ max: 1_000 }), (unit, length, from, permille) => {
      const amount = amountOf(unit, length);
      const deadline = deadlineOf(unit, amount, from).value;
      const now = from + Math.floor(((deadline - from) * permille) / 1_000);
      return deadlineOf(unit, leftOf(unit, amount, from, now).value, now).value === deadline;
    }),
  );
});

t.test('days for which the clock stands are not counted, and no others', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 40 }),
      instant,
      fc.nat({ max: 20 }),
      fc.nat({ max: 30 }),
      (length, from, run, stand) => {
        const stopped = daysLater(dayOf(from), run);
        const left = leftOf('working-days', length, from, noon(stopped)).value;
        if (left === 0) return true;
        const resumed = daysLater(stopped, stand);
        const end = dayOf(deadlineOf('working-days', left, noon(resumed)).value);
        return (
          workingDaysAfter(dayOf(from), stopped).value + workingDaysAfter(resumed, end).value === length &&
          isWorkingDay(end).value
        );
      },
    ),
  );
});

t.test(
  'a clock stopped on its last day ends on the day it goes on, or the next that is worked',
  async (t) => {
    t.equal(leftOf('working-days', 3, noon('2026-03-02'), noon('2026-03-05')).value, 0);
    t.equal(deadlineOf('working-days', 0, noon('2026-03-11')).value, endOfDay('2026-03-11'));
    t.equal(deadlineOf('working-days', 0, noon('2026-03-14')).value, endOfDay('2026-03-16'));
  },
);

t.test('a reminder comes so many units before the deadline', async (t) => {
  const deadline = endOfDay('2026-10-12');
  t.equal(dayOf(before('working-days', deadline, 4)), '2026-09-30');
  t.equal(dayOf(before('natural-days', deadline, 3)), '2026-10-09');
  t.equal(before('hours', deadline, 3), deadline - 3 * 3_600_000);
});
