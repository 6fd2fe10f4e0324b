import { createHash } from 'node:crypto';
import process from 'node:process';
import type { MovedRow, MovedTable, StoreSource, StoreTarget } from '../ports/move.ts';

/* What was moved and what is there, row by row. */

export const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** The tables that are not the same on both sides. */
export async function compareTables(
  source: StoreSource,
  target: StoreTarget,
  cutoffMs: number,
): Promise<MovedTable[]> {
  const different: MovedTable[] = [];
  for (const table of source.tables) {
    const [here, there] = [await summary(source.rows(table, cutoffMs)), await summary(target.rows(table))];
    const isEqual = here.count === there.count && here.sha256 === there.sha256;
    const told = isEqual ? '一致 equal' : `不一致 DIFFERENT (${here.count} ${here.sha256})`;
    say(`${table}: ${there.count} 行 / rows ${there.sha256} ${told}`);
    if (!isEqual) different.push(table);
  }
  return different;
}

/** Of these a service adds rows and changes none; the others follow the chain, the clock and the operator. */
const ONLY_GROW: readonly MovedTable[] = [
  ...(['organizations', 'entries', 'file_digests', 'logs', 'attempts', 'anchor_events'] as const),
  ...(['certificates', 'serials', 'token_evidence', 'batch_tokens', 'case_serials'] as const),
];

/** Whether everything is still there that was moved; a service may have gone on with it meanwhile. */
export async function compareFinished(
  source: StoreSource,
  target: StoreTarget,
  cutoffMs: number,
): Promise<boolean> {
  const different = await compareTables(source, target, cutoffMs);
  if (different.length === 0) {
    say('此前已经搬完，两边完全一致 / already done, and both sides are equal');
    return true;
  }
  const lost: MovedTable[] = [];
  for (const table of ONLY_GROW)
    if (different.includes(table) && !(await isWithin(source.rows(table, cutoffMs), target.rows(table))))
      lost.push(table);
  say(
    lost.length === 0
      ? `此前已经搬完，新数据库此后又有变化：服务已在那里继续，所搬的都在 / already done; everything that was moved is there, and a service has gone on with it: ${different}`
      : `此前已经搬完，但所搬的行已不全在新数据库中 / already done, but rows that were moved are not all there any more: ${lost}`,
  );
  return lost.length === 0;
}

/** Whether each row of the first stands in the second too; both in one order. */
async function isWithin(rows: Iterable<MovedRow>, all: AsyncIterable<MovedRow>): Promise<boolean> {
  const looking = rows[Symbol.iterator]();
  try {
    let wanted = looking.next();
    for await (const row of all) {
      if (wanted.done) return true;
      if (lineOf(row) === lineOf(wanted.value)) wanted = looking.next();
    }
    return wanted.done === true;
  } finally {
    // Its connection does nothing else before it is told that nobody reads on.
    looking.return?.();
  }
}

/** How many rows, and one hash over all of them in their order. */
async function summary(
  rows: Iterable<MovedRow> | AsyncIterable<MovedRow>,
): Promise<{ count: number; sha256: string }> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const row of rows) {
    count++;
    hash.update(`${lineOf(row)}\n`);
  }
  return { count, sha256: hash.digest('hex') };
}

const lineOf = (row: MovedRow): string =>
  JSON.stringify(
    row.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)),
  );
