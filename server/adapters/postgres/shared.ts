import { CompiledQuery, type Kysely, type Transaction } from 'kysely';
import type { JournalEntry } from '../../ports/store.ts';
import { type SharedReads, type SharedWrites, sharedReads, sharedWrites } from '../relational/shared.ts';
import type { SharedSchema } from '../relational/shared-schema.ts';
import type { Step, Work, Works } from '../relational/work.ts';
import type { Database } from './database.ts';
import { arraysOf, rowOf } from './row.ts';
import type { Schema } from './schema.ts';

type Run = (query: CompiledQuery) => Promise<unknown[]>;

const runner =
  (on: Kysely<Schema> | Transaction<Schema>): Run =>
  async (query) =>
    (await on.executeQuery(query)).rows;

async function drive<T>(work: Work<T>, doing: (step: Step) => Promise<unknown>): Promise<T> {
  let at = work.next();
  while (!at.done) at = work.next(await doing(at.value));
  return at.value;
}

const LOCK = 'select lock_journal() as newest';
const APPEND = `select append_entries($1::bigint, $2::uuid[], $3::uuid[], $4::bigint[], $5::bytea[], $6::text[], $7::bytea[],
  $8::text[], $9::bytea[], null)`;

/** The lock is held until the transaction ends: what comes last is appended last. */
async function append(run: Run, entry: JournalEntry): Promise<number> {
  const [{ newest }] = (await run(CompiledQuery.raw(LOCK))) as [{ newest: number }];
  await run(CompiledQuery.raw(APPEND, [newest, ...arraysOf([rowOf(entry, undefined)])]));
  return newest + 1;
}

export function openSharedReads({ query }: Database): SharedReads {
  const run = runner(query);
  const work = sharedReads(query as unknown as Kysely<SharedSchema>);
  return asynchronous(work, (one) =>
    drive(one, (step) => {
      if ('append' in step) throw new TypeError('nothing is appended by reading');
      return run(step.query);
    }),
  ) as SharedReads;
}

export function openSharedWrites({ query }: Database): SharedWrites {
  const work = sharedWrites(query as unknown as Kysely<SharedSchema>);
  return asynchronous(work, (one) =>
    query.transaction().execute((within) => {
      const run = runner(within);
      return drive(one, (step) => ('append' in step ? append(run, step.append) : run(step.query)));
    }),
  ) as SharedWrites;
}

function asynchronous(works: Works, run: (work: Work<unknown>) => Promise<unknown>): object {
  return Object.fromEntries(
    Object.entries(works).map(([name, work]) => [name, async (...args: never[]) => run(work(...args))]),
  );
}
