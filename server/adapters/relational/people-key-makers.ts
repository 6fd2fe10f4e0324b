import type { Kysely } from 'kysely';
import type { SharedSchema } from './shared-schema.ts';
import { rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

export const keyMakerReads = (query: Query) => ({
  *keysMadeBy(person: string, organization: string): Work<readonly string[]> {
    const found = yield* rows(
      query
        .selectFrom('key_makers')
        .select('key')
        .where('person', '=', person)
        .where('organization', '=', organization)
        .orderBy('key'),
    );
    return found.map(({ key }) => key);
  },
});

export const keyMakerWrites = (query: Query) => ({
  *recordKeyMaker(key: string, person: string, organization: string): Work<void> {
    yield* rows(query.insertInto('key_makers').values({ key, person, organization }));
  },
});
