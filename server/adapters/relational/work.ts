import type { Compilable, CompiledQuery } from 'kysely';
import type { JournalEntry } from '../../ports/store.ts';

/*
 * What both databases do alike is written once: a piece of work names its statements one by one and is given their
 * rows. SQLite runs it at once in the thread that writes, PostgreSQL over the network; either way all of it is one
 * transaction. No statement may fail on purpose (PostgreSQL would give the whole transaction up): a row that may be
 * there already is inserted with ON CONFLICT and looked for by RETURNING.
 */
export type Step = { readonly query: CompiledQuery } | { readonly append: JournalEntry };
export type Work<T> = Generator<Step, T, unknown>;

export function* rows<Row>(query: Compilable<Row>): Work<Row[]> {
  return (yield { query: query.compile() }) as Row[];
}

export function* row<Row>(query: Compilable<Row>): Work<Row | undefined> {
  return (yield* rows(query))[0];
}

/** The entry becomes one of the log; its place in the journal. */
export function* append(entry: JournalEntry): Work<number> {
  return (yield { append: entry }) as number;
}

export type Works = Readonly<Record<string, (...args: never[]) => Work<unknown>>>;

type Returned<W> = W extends Generator<unknown, infer T, unknown> ? T : never;

/** The same verbs as everybody else calls them. */
export type Verbs<W extends Works> = {
  readonly [K in keyof W]: (...args: Parameters<W[K]>) => Promise<Returned<ReturnType<W[K]>>>;
};
