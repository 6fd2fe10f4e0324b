import type { Kysely } from 'kysely';
import type { CaseClaim, Claimed } from '../../ports/cases.ts';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

const DAY_MS = 86_400_000;

/** What this key opened before, or that it was used for another request. */
export function* claimedCase(query: Query, claim: CaseClaim): Work<Claimed | undefined> {
  const known = yield* row(
    query
      .selectFrom('case_claims')
      .selectAll()
      .where('organization', '=', claim.organization)
      .where('key', '=', claim.key),
  );
  if (known === undefined || Math.abs(claim.nowMs - known.created_ms) >= DAY_MS) return undefined;
  return known.fingerprint === claim.fingerprint ? { replayed: known.case_id } : 'key-reused';
}

/**
 * The key for this case, before anything of it is there; undefined where it has it. Of two that come at once the second
 * waits for the first one's row, and finds it. Those that count no more are forgotten by the way.
 */
export function* takeClaim(query: Query, claim: CaseClaim, id: string): Work<Claimed | undefined> {
  const { organization, key, fingerprint, nowMs } = claim;
  yield* rows(
    query
      .deleteFrom('case_claims')
      .where('organization', '=', organization)
      .where((is) => is.or([is('created_ms', '<=', nowMs - DAY_MS), is('created_ms', '>=', nowMs + DAY_MS)])),
  );
  const kept = yield* row(
    query
      .insertInto('case_claims')
      .values({ organization, key, fingerprint, case_id: id, created_ms: nowMs })
      .onConflict((conflict) => conflict.doNothing())
      .returning('key'),
  );
  return kept === undefined ? ((yield* claimedCase(query, claim)) ?? 'key-reused') : undefined;
}
