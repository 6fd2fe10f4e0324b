/**
 * Clocks of several instances, of a chain and of whoever audits differ; by more than a minute they are wrong. A clock
 * that was set back explains much, so what rests on clocks alone is at most a warning.
 */
export const CLOCKS_DIFFER_MS = 60_000;

/** Columns may hold anything, also what no calendar has. */
export const isoOf = (ms: number): string =>
  Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
