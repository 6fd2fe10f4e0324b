import type { Statement } from 'better-sqlite3';
import type { Kysely } from 'kysely';
import type { JournalEntry } from '../../ports/store.ts';
import { sharedReads, sharedWrites } from '../relational/shared.ts';
import type { SharedSchema } from '../relational/shared-schema.ts';
import type { Work, Works } from '../relational/work.ts';
import type { Connection } from './connection.ts';
import type { Journal } from './journal.ts';
import { createPacker, unpack } from './packed.ts';
import { builder } from './statements.ts';

const query = builder as unknown as Kysely<SharedSchema>;

/** What a database does with one step. */
interface Doing {
  rows(sql: string, parameters: readonly unknown[]): unknown[];
  append(entry: JournalEntry): number;
}

function drive<T>(work: Work<T>, doing: Doing): T {
  let at = work.next();
  while (!at.done) {
    const step = at.value;
    const answer =
      'append' in step ? doing.append(step.append) : doing.rows(step.query.sql, step.query.parameters);
    at = work.next(answer);
  }
  return at.value;
}

/** Statements by their text: there are as many as the verbs have. */
function statementsOf(db: Connection): Doing['rows'] {
  const prepared = new Map<string, Statement<unknown[]>>();
  return (sql, parameters) => {
    let statement = prepared.get(sql);
    if (statement === undefined) {
      statement = db.prepare<unknown[]>(sql);
      prepared.set(sql, statement);
    }
    if (statement.reader) return statement.all(...parameters);
    statement.run(...parameters);
    return [];
  };
}

type Sync<W extends Works> = {
  [K in keyof W]: (...args: Parameters<W[K]>) => ReturnType<W[K]> extends Work<infer T> ? T : never;
};

function synchronous<W extends Works>(works: W, doing: Doing): Sync<W> {
  const verb =
    (work: (...args: never[]) => Work<unknown>) =>
    (...args: never[]) =>
      drive(work(...args), doing);
  return Object.fromEntries(Object.entries(works).map(([name, work]) => [name, verb(work)])) as Sync<W>;
}

export const openSharedReads = (db: Connection) =>
  synchronous(sharedReads(query), {
    rows: statementsOf(db),
    append() {
      throw new TypeError('nothing is appended by reading');
    },
  });

/** Each inside a transaction. */
export const openSharedWrites = (db: Connection, journal: Pick<Journal, 'append'>) =>
  synchronous(sharedWrites(query), {
    rows: statementsOf(db),
    append(entry) {
      const packer = createPacker(() => new ArrayBuffer(3 * entry.entry.length + 1024));
      packer.add(entry, undefined);
      const [one] = unpack(Buffer.from(packer.take()), 1);
      return journal.append(one!);
    },
  });

/** Names of the verbs that write, for whoever calls them from another thread. */
export const SHARED_WRITES = Object.keys(sharedWrites(query)) as (keyof ReturnType<typeof sharedWrites>)[];
