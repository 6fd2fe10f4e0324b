/** Where the truth is if whoever said so tells the truth; both ends belong to it. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface Common {
  /** The most intervals that have one point in common. */
  readonly most: number;
  /** From the first to the last point that `needed` of them have in common; undefined where there is none. */
  readonly interval: Interval | undefined;
}

/** More than half of those that were configured, not of those that answered: silence is no consent. */
export const majorityOf = (servers: number): number => Math.floor(servers / 2) + 1;

/**
 * The idea of RFC 5905 §11.2.1 (Marzullo). Where `needed` is a majority and a majority tells the truth, the truth is a
 * point that `needed` intervals have in common, so it lies in the result; and each such point lies in a truthful
 * interval, so a lying minority cannot move the result out of what the truthful ones say.
 */
export function commonTo(intervals: readonly Interval[], needed: number): Common {
  const ends = intervals
    .flatMap(({ low, high }) => [
      { at: low, opens: true },
      { at: high, opens: false },
    ])
    // Intervals that only touch have that point in common.
    .sort((a, b) => a.at - b.at || Number(b.opens) - Number(a.opens));
  let [open, most] = [0, 0];
  let [low, high]: (number | undefined)[] = [];
  for (const { at, opens } of ends) {
    if (!opens && open === needed) high = at;
    open += opens ? 1 : -1;
    if (opens && open === needed) low ??= at;
    most = Math.max(most, open);
  }
  return { most, interval: low === undefined || high === undefined ? undefined : { low, high } };
}
