import type { Kysely } from 'kysely';
import type { SharedSchema } from './shared-schema.ts';
import { rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

/** Rows of each table that one piece forgets at most. */
const FORGET_ROWS = 500;
const DAY_MS = 86_400_000;
/** So long an admin sees what became of an invitation, and the operator who tried which names that are nobody's. */
const SHOWN_MS = 30 * DAY_MS;
/** Wrong passwords so long ago say nothing any more: waiting it out is slower than the longest wait for each try. */
const FAILURES_MS = DAY_MS;

/** A bounded piece of what is over; true where there may be more. */
export const forgetPeople = (query: Query) =>
  function* (nowMs: number): Work<boolean> {
    const old = [
      query
        .deleteFrom('sessions')
        .where('id', 'in', (of) =>
          of.selectFrom('sessions').select('id').where('expires_ms', '<=', nowMs).limit(FORGET_ROWS),
        )
        .returning('id'),
      query
        .deleteFrom('tickets')
        .where('id', 'in', (of) =>
          of.selectFrom('tickets').select('id').where('expires_ms', '<=', nowMs).limit(FORGET_ROWS),
        )
        .returning('id'),
      query
        .deleteFrom('invitations')
        .where('id', 'in', (of) =>
          of
            .selectFrom('invitations')
            .select('id')
            .where('expires_ms', '<=', nowMs - SHOWN_MS)
            .limit(FORGET_ROWS),
        )
        .returning('id'),
      query
        .deleteFrom('sign_in_failures')
        .where('account', 'in', (of) =>
          of
            .selectFrom('sign_in_failures')
            .select('account')
            .where('last_ms', '<=', nowMs - FAILURES_MS)
            .limit(FORGET_ROWS),
        )
        .returning('account'),
      // Of people events are kept for good; these are of nobody.
      query
        .deleteFrom('account_events')
        .where('id', 'in', (of) =>
          of
            .selectFrom('account_events')
            .select('id')
            .where('person', 'is', null)
            .where('organization', 'is', null)
            .where('at_ms', '<=', nowMs - SHOWN_MS)
            .limit(FORGET_ROWS),
        )
        .returning('id'),
    ];
    let mayBeMore = false;
    for (const statement of old) {
      const gone = yield* rows<unknown>(statement);
      mayBeMore ||= gone.length === FORGET_ROWS;
    }
    return mayBeMore;
  };
