import type { Accounts } from '../identity/accounts.ts';
import { instant } from './people-schemas.ts';

const USUAL_PAGE = 50;

/** Newest first. */
export async function eventsPage(
  { store }: Pick<Accounts, 'store'>,
  of: { readonly person: string } | { readonly organization: string },
  { before, limit = USUAL_PAGE }: { readonly before?: number; readonly limit?: number },
) {
  const found = await store.accountEvents(of, {
    ...(before !== undefined && { beforeMs: before }),
    limit: limit + 1,
  });
  const items = wholeMoments(found, limit);
  return {
    items: items.map(({ atMs, action, person, organization, detail }) => ({
      at: instant(atMs),
      action,
      person: person ?? null,
      organization: organization ?? null,
      detail: JSON.parse(detail) as unknown,
    })),
    next: found.length > limit ? items.at(-1)!.atMs : null,
  };
}

/** A page ends between two moments and not within one: what comes next is asked for by its time. */
function wholeMoments<Event extends { readonly atMs: number }>(
  found: readonly Event[],
  limit: number,
): readonly Event[] {
  const beyond = found[limit];
  if (beyond === undefined) return found;
  const whole = found.filter(({ atMs }) => atMs > beyond.atMs);
  return whole.length > 0 ? whole : found.slice(0, limit);
}
