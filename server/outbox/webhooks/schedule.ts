const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Between one attempt and the next; after the last of them a message is given up, three days after the first. */
export const PAUSES_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  20 * HOUR + 30 * MINUTE,
];

/** Either way, so that what failed together does not come back together. */
const JITTER = 0.1;

/** As long as a receiver may have itself left in peace: its word must not outlast what we would do by ourselves. */
export const LONGEST_REST_MS = HOUR;

/** Undefined where it is given up. `tries` are those so far; `random` is from 0 to 1. */
export function pauseAfter(tries: number, random: number): number | undefined {
  const pause = PAUSES_MS[tries - 1];
  return pause === undefined ? undefined : Math.round(pause * (1 + JITTER * (2 * random - 1)));
}

/** RFC 9110 §10.2.3: seconds or a date. Undefined where it is neither, or asks for nothing. */
export function restOf(retryAfter: string | undefined, nowMs: number): number | undefined {
  if (retryAfter === undefined) return undefined;
  const text = retryAfter.trim();
  const ms = /^[0-9]{1,9}$/.test(text) ? Number(text) * SECOND : httpDate(text) - nowMs;
  return ms > 0 ? Math.min(ms, LONGEST_REST_MS) : undefined;
}

/** NaN where it is none. Date.parse takes much that is no date of HTTP: `99`, `2026`, texts in a local time. */
const httpDate = (text: string): number =>
  /^[A-Z][a-z]{2,8},? .* GMT$/.test(text) ? Date.parse(text) : Number.NaN;
