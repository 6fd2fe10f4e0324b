import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import t from 'tap';
import { dayOf, daysLater, endOfDay, isWeekend } from '../../server/calendar/days.ts';
import {
  addWorkingDays,
  isWorkingDay,
  notOnHoliday,
  workingDaysAfter,
  workingDaysBefore,
} from '../../server/calendar/working-days.ts';
import { ARRANGEMENTS, daysOf } from './arrangements.ts';

/** Noon in China. */
const noon = (day: string): number => Date.parse(`${day}T12:00:00.000+08:00`);
const instant = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2026, 9, 1) });

for (const arrangement of ARRANGEMENTS)
  t.test(`${arrangement.year}: each day is what the State Council's notice says`, async (t) => {
    const days = daysOf(arrangement);
    t.ok(days.length >= 365);
    for (const { day, works } of days) t.equal(isWorkingDay(day).value, works, day);
  });

t.test('the result is the same in every time zone of the machine', async (t) => {
  const script = `
    import { isWorkingDay } from ${JSON.stringify(join(import.meta.dirname, '../../server/calendar/working-days.ts'))};
    import { dayOf } from ${JSON.stringify(join(import.meta.dirname, '../../server/calendar/days.ts'))};
    console.log(isWorkingDay('2026-02-14').value, isWorkingDay('2026-02-16').value, dayOf(Date.parse('2026-02-13T16:00:00Z')));`;
  for (const TZ of ['America/Los_Angeles', 'UTC', 'Asia/Shanghai', 'Pacific/Kiritimati']) {
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TZ },
      encoding: 'utf8',
    });
    t.equal(stdout.trim(), 'true false 2026-02-14', TZ);
  }
});

t.test('a day begins and ends at midnight in China', async (t) => {
  t.equal(dayOf(Date.parse('2026-03-01T15:59:59.999Z')), '2026-03-01');
  t.equal(dayOf(Date.parse('2026-03-01T16:00:00.000Z')), '2026-03-02');
  t.equal(new Date(endOfDay('2026-03-01')).toISOString(), '2026-03-01T15:59:59.999Z');
  t.equal(daysLater('2024-02-28', 1), '2024-02-29');
  t.equal(daysLater('2026-12-31', 1), '2027-01-01');
});

t.test('a year without a published arrangement has Monday to Friday, and every result says so', async (t) => {
  t.strictSame(isWorkingDay('2031-10-01'), { value: true, withoutHolidays: true });
  t.strictSame(isWorkingDay('2031-10-04'), { value: false, withoutHolidays: true });
  t.strictSame(isWorkingDay('2026-10-01'), { value: false, withoutHolidays: false });
  t.equal(addWorkingDays(noon('2026-12-20'), 3).withoutHolidays, false);
  t.equal(addWorkingDays(noon('2026-12-28'), 15).withoutHolidays, true, 'it reaches into the next year');
  t.equal(addWorkingDays(noon('2027-03-01'), 0).withoutHolidays, true);
  t.equal(workingDaysAfter('2026-12-20', '2027-01-04').withoutHolidays, true);
  t.equal(workingDaysAfter('2026-03-02', '2026-03-05').withoutHolidays, false);
  t.equal(notOnHoliday('2027-05-01').withoutHolidays, true);
  t.equal(notOnHoliday('2026-05-01').withoutHolidays, false);
});

t.test('the last days of a year are not certain before the next one is arranged', async (t) => {
  // Saturday, 29 December 2018, was worked for the New Year of 2019.
  t.strictSame(isWorkingDay('2018-12-29'), { value: true, withoutHolidays: false });
  t.equal(isWorkingDay('2026-12-28').withoutHolidays, false);
  t.equal(isWorkingDay('2026-12-29').withoutHolidays, true);
});

t.test('the day of the event is not counted, and the term ends with the last day', async (t) => {
  // Accepted on Monday, 9 February 2026: 10 to 14 (five, Saturday worked), then the festival to 23, 24 to 27, 28 (worked), 2 to 6.
  const { value } = addWorkingDays(noon('2026-02-09'), 15);
  t.equal(dayOf(value), '2026-03-06');
  t.equal(value, endOfDay('2026-03-06'));
  t.equal(dayOf(addWorkingDays(noon('2026-09-30'), 1).value), '2026-10-08');
});

t.test('adding working days agrees with counting them day by day', async () => {
  fc.assert(
    fc.property(instant, fc.nat({ max: 60 }), (at, count) => {
      const last = dayOf(addWorkingDays(at, count).value);
      return workingDaysAfter(dayOf(at), last).value === count && (count === 0 || isWorkingDay(last).value);
    }),
  );
});

t.test('adding is monotone in both, and additive', async () => {
  fc.assert(
    fc.property(
      instant,
      instant,
      fc.nat({ max: 40 }),
      fc.nat({ max: 40 }),
      (a, b, n, m) =>
        addWorkingDays(Math.min(a, b), n).value <= addWorkingDays(Math.max(a, b), n).value &&
        addWorkingDays(a, Math.min(n, m)).value <= addWorkingDays(a, Math.max(n, m)).value &&
        addWorkingDays(addWorkingDays(a, n).value, m).value === addWorkingDays(a, n + m).value,
    ),
  );
});

t.test('so many working days before a deadline there are so many left', async () => {
  fc.assert(
    fc.property(instant, fc.nat({ max: 10 }), (at, count) => {
      const deadline = addWorkingDays(at, 12).value;
      return workingDaysAfter(dayOf(workingDaysBefore(deadline, count)), dayOf(deadline)).value === count;
    }),
  );
});

t.test('a term that would end on a holiday ends with the next working day', async (t) => {
  t.equal(notOnHoliday('2026-10-01').value, '2026-10-08');
  t.equal(notOnHoliday('2026-10-10').value, '2026-10-10', 'a Saturday that is worked');
  t.equal(notOnHoliday('2026-03-07').value, '2026-03-09');
  t.ok(isWeekend('2026-03-07') && !isWeekend('2026-03-09'));
});
