/*
 * What the General Office of the State Council published, written out by hand: 国办发明电〔2023〕7号 (25 October 2023),
 * 国办发明电〔2024〕12号 (12 November 2024), and the notice of 4 November 2025 for 2026.
 */

export interface Arrangement {
  readonly year: number;
  /** First and last day off, both included; weekends inside are off anyway. */
  readonly off: readonly (readonly [string, string])[];
  readonly worked: readonly string[];
}

export const ARRANGEMENTS: readonly Arrangement[] = [
  {
    year: 2024,
    off: [
      ['2024-01-01', '2024-01-01'],
      ['2024-02-10', '2024-02-17'],
      ['2024-04-04', '2024-04-06'],
      ['2024-05-01', '2024-05-05'],
      ['2024-06-10', '2024-06-10'],
      ['2024-09-15', '2024-09-17'],
      ['2024-10-01', '2024-10-07'],
    ],
    worked: [
      '2024-02-04',
      '2024-02-18',
      '2024-04-07',
      '2024-04-28',
      '2024-05-11',
      '2024-09-14',
      '2024-09-29',
      '2024-10-12',
    ],
  },
  {
    year: 2025,
    off: [
      ['2025-01-01', '2025-01-01'],
      ['2025-01-28', '2025-02-04'],
      ['2025-04-04', '2025-04-06'],
      ['2025-05-01', '2025-05-05'],
      ['2025-05-31', '2025-06-02'],
      ['2025-10-01', '2025-10-08'],
    ],
    worked: ['2025-01-26', '2025-02-08', '2025-04-27', '2025-09-28', '2025-10-11'],
  },
  {
    year: 2026,
    off: [
      ['2026-01-01', '2026-01-03'],
      ['2026-02-15', '2026-02-23'],
      ['2026-04-04', '2026-04-06'],
      ['2026-05-01', '2026-05-05'],
      ['2026-06-19', '2026-06-21'],
      ['2026-09-25', '2026-09-27'],
      ['2026-10-01', '2026-10-07'],
    ],
    worked: ['2026-01-04', '2026-02-14', '2026-02-28', '2026-05-09', '2026-09-20', '2026-10-10'],
  },
];

/** Every day of a year with what the notice makes of it, by nothing but the lists and the day of the week. */
export function daysOf({ year, off, worked }: Arrangement): readonly { day: string; works: boolean }[] {
  const days: { day: string; works: boolean }[] = [];
  for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    const weekday = new Date(at).getUTCDay();
    const isOff = off.some(([first, last]) => first <= day && day <= last);
    days.push({ day, works: worked.includes(day) || (weekday !== 0 && weekday !== 6 && !isOff) });
  }
  return days;
}
