import type { Kysely } from 'kysely';
import type { AccountEvent } from '../../ports/people.ts';
import type { SharedSchema } from './shared-schema.ts';
import { rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

export const accountEventReads = (query: Query) => ({
  *accountEvents(
    { person, organization }: { readonly person?: string; readonly organization?: string },
    { beforeMs, limit }: { readonly beforeMs?: number; readonly limit: number },
  ): Work<readonly AccountEvent[]> {
    let found = query.selectFrom('account_events').selectAll();
    if (person !== undefined) found = found.where('person', '=', person);
    if (organization !== undefined) found = found.where('organization', '=', organization);
    if (beforeMs !== undefined) found = found.where('at_ms', '<', beforeMs);
    const events = yield* rows(found.orderBy('at_ms', 'desc').orderBy('id', 'desc').limit(limit));
    return events.map((of) => ({
      person: of.person ?? undefined,
      organization: of.organization ?? undefined,
      atMs: of.at_ms,
      action: of.action,
      detail: of.detail,
    }));
  },
});

export const accountEventWrites = (query: Query) => ({
  *recordAccountEvent({ person, organization, atMs, action, detail }: AccountEvent): Work<void> {
    yield* rows(
      query.insertInto('account_events').values({
        person: person ?? null,
        organization: organization ?? null,
        at_ms: atMs,
        action,
        detail,
      }),
    );
  },
});
