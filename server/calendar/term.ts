import { dayOf, daysBetween, daysLater, endOfDay } from './days.ts';
import {
  addWorkingDays,
  notOnHoliday,
  type Reckoned,
  workingDaysAfter,
  workingDaysBefore,
} from './working-days.ts';

/*
 * Terms as 民法典 200 to 204 reckon them. What is left of a term is an amount: days, or milliseconds where it runs by the
 * hour, so that a term that was stopped goes on with what it had.
 */

export const UNITS = ['working-days', 'natural-days', 'hours'] as const;
export type Unit = (typeof UNITS)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const amountOf = (unit: Unit, length: number): number =>
  unit === 'hours' ? length * HOUR_MS : length;

/** The last millisecond of a term that begins to run now. By days the day itself is not counted, by hours it runs at once (201). */
export function deadlineOf(unit: Unit, amount: number, fromMs: number): Reckoned<number> {
  if (unit === 'hours') return { value: fromMs + amount, withoutHolidays: false };
  if (unit === 'natural-days') return endAt(daysLater(dayOf(fromMs), amount));
  const counted = addWorkingDays(fromMs, amount);
  const end = endAt(dayOf(counted.value));
  return { value: end.value, withoutHolidays: counted.withoutHolidays || end.withoutHolidays };
}

/** Only of none left can the last day be a holiday where working days are counted: the clock was stopped on its last day. */
function endAt(day: string): Reckoned<number> {
  const { value, withoutHolidays } = notOnHoliday(day);
  return { value: endOfDay(value), withoutHolidays };
}

/**
 * What is left at a moment of a term that ran from `fromMs` with `amount`; never below 0. The current day counts as used
 * (its event is the one that stops the term), so a term stopped and resumed on one day keeps its deadline.
 */
export function leftOf(unit: Unit, amount: number, fromMs: number, nowMs: number): Reckoned<number> {
  if (unit === 'hours') return { value: within(amount, amount - (nowMs - fromMs)), withoutHolidays: false };
  const [first, today] = [dayOf(fromMs), dayOf(nowMs)];
  if (unit === 'natural-days')
    return { value: within(amount, amount - daysBetween(first, today)), withoutHolidays: false };
  const used = workingDaysAfter(first, today);
  return { value: within(amount, amount - used.value), withoutHolidays: used.withoutHolidays };
}

/** A clock that was set back gives no term more than it had. */
const within = (amount: number, left: number): number => Math.min(amount, Math.max(0, left));

/** When to remind of a deadline: so many days or hours before, in the unit of the term. */
export function before(unit: Unit, deadlineMs: number, length: number): number {
  if (unit === 'working-days') return workingDaysBefore(deadlineMs, length);
  return deadlineMs - length * (unit === 'hours' ? HOUR_MS : DAY_MS);
}
