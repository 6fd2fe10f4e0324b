import type { Kysely } from 'kysely';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

export const demandReads = (query: Query) => ({
  *demandsSecondFactor(organization: string): Work<boolean> {
    const found = yield* row(
      query
        .selectFrom('second_factor_demands')
        .select('organization')
        .where('organization', '=', organization),
    );
    return found !== undefined;
  },
});

export const demandWrites = (query: Query) => ({
  *demandSecondFactor(organization: string, demanded: boolean, nowMs: number): Work<void> {
    if (demanded)
      yield* rows(
        query
          .insertInto('second_factor_demands')
          .values({ organization, since_ms: nowMs })
          .onConflict((conflict) => conflict.column('organization').doNothing()),
      );
    else yield* rows(query.deleteFrom('second_factor_demands').where('organization', '=', organization));
  },
});
