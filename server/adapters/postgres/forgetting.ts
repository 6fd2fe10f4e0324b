import type { Database } from './database.ts';
import { DAY_MS } from './schema.ts';

/** Rows that one statement deletes at most: some milliseconds. */
const FORGET_ROWS = 2_000;

const oldest = (table: string): string => `delete from ${table} where ctid = any (array(
  select ctid from ${table} where created_ms <= $1 order by created_ms limit ${FORGET_ROWS}
  for update skip locked)) returning 1`;

const STATEMENTS = ['idempotency_keys', 'bulk_calls'].map(oldest);

/**
 * Deletes a bounded number of claims that cannot count any more, oldest first; true where there may be more. A key
 * counts for 24 hours before and after its entry. Instances that do it at once delete different ones.
 */
export async function forgetOldKeys({ run }: Database, nowMs: number): Promise<boolean> {
  let mayBeMore = false;
  for (const statement of STATEMENTS) {
    const rows = await run(statement, [nowMs - 2 * DAY_MS]);
    mayBeMore ||= rows.length === FORGET_ROWS;
  }
  return mayBeMore;
}
