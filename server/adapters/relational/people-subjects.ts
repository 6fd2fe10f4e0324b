import type { Kysely } from 'kysely';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;
interface Subject {
  readonly issuer: string;
  readonly subject: string;
}

/** Who somebody is at another place where he signs in (OpenID Connect Core §2: issuer and subject together). */
export const subjectReads = (query: Query) => ({
  *personBySubject(issuer: string, subject: string): Work<string | undefined> {
    const found = yield* row(
      query
        .selectFrom('subjects')
        .select('person')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject),
    );
    return found?.person;
  },
  *subjectsOf(person: string): Work<readonly Subject[]> {
    return yield* rows(
      query
        .selectFrom('subjects')
        .select(['issuer', 'subject'])
        .where('person', '=', person)
        .orderBy('issuer')
        .orderBy('subject'),
    );
  },
});

export const subjectWrites = (query: Query) => ({
  *linkSubject(issuer: string, subject: string, person: string, nowMs: number): Work<boolean> {
    const linked = yield* row(
      query
        .insertInto('subjects')
        .values({ issuer, subject, person, linked_ms: nowMs })
        .onConflict((conflict) => conflict.columns(['issuer', 'subject']).doNothing())
        .returning('person'),
    );
    return linked !== undefined;
  },
  *unlinkSubject(person: string, issuer: string, subject: string): Work<boolean> {
    const unlinked = yield* row(
      query
        .deleteFrom('subjects')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .where('person', '=', person)
        .returning('person'),
    );
    return unlinked !== undefined;
  },
});
