import type { RateLimits } from '../../ports/limits.ts';
import type { Database } from './database.ts';
import { gathering } from './gather.ts';

interface Hit {
  readonly key: string;
  readonly windowMs: number;
  readonly endsMs: number;
}

interface Window extends Hit {
  readonly count: number;
}

/** In the order of the keys: instances that count the same ones lock them in the same order, and never wait in a ring. */
const COUNT = `insert into rates as r (key, ends_ms, window_ms, count)
  select key, ends_ms, window_ms, count from json_to_recordset($1::json)
    as hits (key text collate "C", ends_ms bigint, window_ms bigint, count bigint)
  order by key, ends_ms, window_ms
  on conflict (key, ends_ms, window_ms) do update set count = r.count + excluded.count
  returning key, ends_ms, window_ms, count`;

/** Rows that one statement forgets. */
const FORGET_ROWS = 2_000;

const FORGET = `delete from rates where ctid = any (array(
  select ctid from rates where ends_ms <= $1 order by ends_ms limit ${FORGET_ROWS} for update skip locked))`;

const nameOf = ({ key, endsMs, windowMs }: Hit): string => `${endsMs} ${windowMs} ${key}`;

/**
 * Counters that all instances share. Hits that come together are counted in one statement: each gets a count of its
 * own, in the order of the calls.
 */
export function openLimits({ run }: Database): RateLimits & { forget(nowMs: number): Promise<boolean> } {
  const count = gathering(async (hits: readonly Hit[]): Promise<readonly Window[]> => {
    const windows = new Map<string, { hit: Hit; count: number }>();
    const places = hits.map((hit) => {
      const name = nameOf(hit);
      const window = windows.get(name) ?? { hit, count: 0 };
      windows.set(name, window);
      return ++window.count;
    });
    const values = [...windows.values()].map(({ hit, count }) => ({
      key: hit.key,
      ends_ms: hit.endsMs,
      window_ms: hit.windowMs,
      count,
    }));
    const rows = await run<{ key: string; ends_ms: number; window_ms: number; count: number }>(COUNT, [
      JSON.stringify(values),
    ]);
    const after = new Map(
      rows.map((row) => [nameOf({ key: row.key, endsMs: row.ends_ms, windowMs: row.window_ms }), row.count]),
    );
    return hits.map((hit, i) => {
      const name = nameOf(hit);
      return { ...hit, count: after.get(name)! - windows.get(name)!.count + places[i]! };
    });
  });
  return {
    async hit(key, windowMs, nowMs) {
      const endsMs = (Math.floor(nowMs / windowMs) + 1) * windowMs;
      const window = await count({ key, windowMs, endsMs });
      return { count: window.count, endsMs };
    },
    /** True where there may be more to forget. */
    async forget(nowMs) {
      const rows = await run(`${FORGET} returning 1`, [nowMs]);
      return rows.length === FORGET_ROWS;
    },
  };
}
