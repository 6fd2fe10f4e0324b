/** Counters over all instances, for limits on rates. */
export interface RateLimits {
  /** Counts one more for `key` in the window that holds `nowMs`; resolves with the count and when the window ends. */
  hit(
    key: string,
    windowMs: number,
    nowMs: number,
  ): Promise<{ readonly count: number; readonly endsMs: number }>;
}
