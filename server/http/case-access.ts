import type { FastifyRequest } from 'fastify';
import type { Actors } from '../casework/cases.ts';
import { type Read, type Room, recordOf } from '../casework/room.ts';
import type { StoredCase } from '../ports/cases.ts';
import { actorsOf, type CaseRoutes, caseFor, done } from './cases.ts';

/*
 * Whoever is no party of a case but was granted access leaves an event when he reads. A film that is played asks for
 * its file a hundred times: what one person reads of one thing within an hour is one reading.
 */

const ONE_READING_MS = 3_600_000;
/** Readings remembered; above it the memory starts anew, and a reading is told twice rather than not at all. */
const REMEMBERED = 20_000;

const seen = new WeakMap<object, Map<string, number>>();

/** The case, after whoever needs leave has left his event. `of`: which item, where it is one of several. */
export async function reading(
  deps: Pick<CaseRoutes, 'store' | 'cases' | 'clock'>,
  request: FastifyRequest,
  what: Read,
  of?: string,
): Promise<{ readonly stored: StoredCase; readonly room: Room }> {
  const stored = await caseFor(deps, request);
  const room = deps.cases.roomOf(stored.procedure)!;
  const actors = actorsOf(request.caller);
  const access = room.accessFor(recordOf(stored), actors, what, deps.clock.nowMs());
  // A HEAD tells nothing of what is in it.
  if (access === undefined || request.method === 'HEAD') return { stored, room };
  if (isTold(deps, stored.id, actors, `${what} ${of ?? ''}`)) return { stored, room };
  const beside = of === undefined ? undefined : { evidence: of };
  await done(deps, stored.procedure, (as) =>
    deps.cases.act(stored.id, as, access.action, access.input, beside),
  )(actors);
  tell(deps, stored.id, actors, `${what} ${of ?? ''}`);
  return { stored: (await deps.store.caseById(stored.id))!, room };
}

/** Of this instance; that the grant is still in force was asked before. */
const memoryOf = (cases: object): Map<string, number> => {
  let memory = seen.get(cases);
  if (memory === undefined || memory.size >= REMEMBERED) seen.set(cases, (memory = new Map()));
  return memory;
};

const nameOf = (id: string, [actor]: Actors, what: string): string =>
  `${id} ${actor.organization} ${actor.person} ${what}`;

function isTold(
  { cases, clock }: Pick<CaseRoutes, 'cases' | 'clock'>,
  id: string,
  actors: Actors,
  what: string,
) {
  const atMs = memoryOf(cases).get(nameOf(id, actors, what));
  return atMs !== undefined && Math.abs(clock.nowMs() - atMs) < ONE_READING_MS;
}

function tell(
  { cases, clock }: Pick<CaseRoutes, 'cases' | 'clock'>,
  id: string,
  actors: Actors,
  what: string,
) {
  memoryOf(cases).set(nameOf(id, actors, what), clock.nowMs());
}
