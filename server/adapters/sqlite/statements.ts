import {
  type Compilable,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Connection } from './connection.ts';
import type { Schema } from './schema.ts';

/** Builds SQL and runs none: better-sqlite3 runs it at once, Kysely's own driver would make each call a promise. */
export const builder = new Kysely<Schema>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

/** Stands in a query where a value comes at each run. */
class Slot {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export interface Prepared<I, O> {
  all(values: I): O[];
  get(values: I): O | undefined;
  /** How many rows were changed. */
  run(values: I): number;
}

/** A query built once, by Kysely, and prepared once; `of.name` in it is the value `name` of each run. */
export function prepare<I extends object, O = unknown>(
  db: Connection,
  build: (query: Kysely<Schema>, of: I) => Compilable<O>,
): Prepared<I, O> {
  const slots = new Proxy({}, { get: (_, name) => new Slot(String(name)) }) as I;
  const { sql, parameters } = build(builder, slots).compile();
  const statement = db.prepare<unknown[], O>(sql);
  const bind = (values: I) =>
    parameters.map((parameter) =>
      parameter instanceof Slot ? (values as Record<string, unknown>)[parameter.name] : parameter,
    );
  return {
    all: (values) => statement.all(...bind(values)),
    get: (values) => statement.get(...bind(values)),
    run: (values) => statement.run(...bind(values)).changes,
  };
}
