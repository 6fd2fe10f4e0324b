import { dayOf, daysLater, endOfDay, isWeekend } from './days.ts';
import { arrangedAs, isArranged } from './holidays.ts';

/** A result that rests on a day whose year has no published arrangement says so: there Monday to Friday are working days. */
export interface Reckoned<Value> {
  readonly value: Value;
  readonly withoutHolidays: boolean;
}

const works = (day: string): boolean => {
  const arranged = arrangedAs(day);
  return arranged === undefined ? !isWeekend(day) : arranged === 'worked';
};

export const isWorkingDay = (day: string): Reckoned<boolean> => ({
  value: works(day),
  withoutHolidays: !isArranged(day),
});

/** The end of the `count`-th working day after that of the event, which is not counted (民法典 201). Of none: the end of that day. */
export function addWorkingDays(instantMs: number, count: number): Reckoned<number> {
  let day = dayOf(instantMs);
  let withoutHolidays = !isArranged(day);
  for (let left = count; left > 0; ) {
    day = daysLater(day, 1);
    withoutHolidays ||= !isArranged(day);
    if (works(day)) left--;
  }
  return { value: endOfDay(day), withoutHolidays };
}

/** Working days after the first day up to and with the last; 0 where the last is not later. */
export function workingDaysAfter(first: string, last: string): Reckoned<number> {
  let value = 0;
  let withoutHolidays = !isArranged(first);
  for (let day = daysLater(first, 1); day <= last; day = daysLater(day, 1)) {
    withoutHolidays ||= !isArranged(day);
    if (works(day)) value++;
  }
  return { value, withoutHolidays };
}

/** 民法典 203: a term whose last day is a holiday ends with the next day that is none. */
export function notOnHoliday(day: string): Reckoned<string> {
  let value = day;
  let withoutHolidays = !isArranged(value);
  while (!works(value)) {
    value = daysLater(value, 1);
    withoutHolidays ||= !isArranged(value);
  }
  return { value, withoutHolidays };
}

/** The same time of day, so many working days before: when to remind of something. */
export function workingDaysBefore(instantMs: number, count: number): number {
  let day = dayOf(instantMs);
  let back = 0;
  for (let left = count; left > 0; back++) {
    day = daysLater(day, -1);
    if (works(day)) left--;
  }
  return instantMs - back * 86_400_000;
}
