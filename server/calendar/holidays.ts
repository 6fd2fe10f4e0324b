import published from 'chinese-days/dist/chinese-days.json' with { type: 'json' };

/*
 * The arrangements of public holidays that the State Council publishes each autumn for the year to come. Only the data
 * of the library is used: its functions read a date in the time zone of the machine and are off by one day west of
 * Greenwich.
 */

const HOLIDAYS: Readonly<Record<string, string>> = published.holidays;
const WORKED: Readonly<Record<string, string>> = published.workdays;

const YEARS: ReadonlySet<string> = new Set(Object.keys(HOLIDAYS).map((day) => day.slice(0, 4)));

/** Arrangements begin as early as 29 December of the year before (2007, 2018). */
const REACHES_BACK_TO = '12-29';

/** Whether the arrangement that decides about this day has been published, as far as the library knows. */
export const isArranged = (day: string): boolean =>
  YEARS.has(day.slice(0, 4)) &&
  (day.slice(5) < REACHES_BACK_TO || YEARS.has(String(Number(day.slice(0, 4)) + 1)));

/** A day off by arrangement; or a Saturday or Sunday that is worked instead (调休); undefined where nothing was arranged. */
export function arrangedAs(day: string): 'holiday' | 'worked' | undefined {
  if (day in WORKED) return 'worked';
  return day in HOLIDAYS ? 'holiday' : undefined;
}
