/*
 * Days in China: UTC+8 all year round (daylight saving ended in 1991). A day is text, YYYY-MM-DD, whose order is the
 * order of time; no time zone of any machine comes into it.
 */

const DAY_MS = 86_400_000;
const OFFSET_MS = 8 * 3_600_000;

export const dayOf = (instantMs: number): string =>
  new Date(instantMs + OFFSET_MS).toISOString().slice(0, 10);

const startOf = (day: string): number => Date.parse(`${day}T00:00:00.000Z`) - OFFSET_MS;

/** 民法典 203: a term ends at 24:00 of its last day. This is the last millisecond that belongs to it. */
export const endOfDay = (day: string): number => startOf(day) + DAY_MS - 1;

export const daysLater = (day: string, days: number): string => dayOf(startOf(day) + days * DAY_MS);

/** Days from one to the other; negative where the second is the earlier. */
export const daysBetween = (from: string, to: string): number =>
  Math.round((startOf(to) - startOf(from)) / DAY_MS);

export const isWeekend = (day: string): boolean => [0, 6].includes(new Date(`${day}T00:00:00Z`).getUTCDay());
