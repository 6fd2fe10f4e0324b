import type { Actor as EventActor } from '../core/entry/event.ts';
import type { ChainedEvent } from '../core/entry/event-chain.ts';
import { toHex } from '../core/read/bytes.ts';
import type { JsonObject } from '../core/read/json.ts';
import { newId } from '../journal/ids.ts';
import { ensureOwn } from '../journal/own.ts';
import type { CaseClaim, CaseEvent, CaseStore, StoredCase } from '../ports/cases.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdempotencyClaim } from '../ports/entry.ts';
import { EVENTS_ID, type IdentityStore } from '../ports/identity.ts';
import type { Issuer } from '../ports/issuer.ts';
import { chainedOf, headOf, nextEvent } from './chain.ts';
import { act, type Done, type Refusal, type Refused, refusedBefore } from './engine/act.ts';
import { type Actor, type CaseRecord, newCase } from './engine/case.ts';
import { due } from './engine/due.ts';
import { type Possible, possible } from './engine/possible.ts';
import { type Room, recordOf, rowOf } from './room.ts';

/*
 * How cases are run: read, judged by the table, and written with their event in one transaction, under the events that
 * were read. Whoever was overtaken reads and is judged anew, as if he had come a moment later.
 */

export interface CasesDeps {
  readonly store: CaseStore & Pick<IdentityStore, 'organization' | 'addOrganization'>;
  readonly rooms: readonly Room[];
  readonly issuer: Issuer;
  readonly clock: Clock;
  /** the service's name, as the organization of its own events has it */
  readonly service: string;
}

/** A person may be several in his organization; the action is done as the first of them that may do it. */
export type Actors = readonly [Actor, ...Actor[]];

export interface Kept {
  readonly outcome: 'done';
  readonly record: CaseRecord;
  /** kezheng-case-head/1, to be kept by whoever acted */
  readonly head: Uint8Array;
  readonly events: number;
}

export interface Opened extends Kept {
  readonly replayed: boolean;
}

export interface Cases {
  /** The same claim again within 24 hours opens no other case. Throws ClaimReused, NoSuchCase. */
  open(
    procedure: string,
    actors: Actors,
    action: string,
    input: unknown,
    claim?: IdempotencyClaim,
  ): Promise<Opened | Refused>;
  /** `beside`: what belongs to the event and not to the case, such as the whole result of a check. */
  act(
    id: string,
    actors: Actors,
    action: string,
    input: unknown,
    beside?: JsonObject,
  ): Promise<Kept | Refused>;
  possible(stored: StoredCase, actors: Actors): Promise<readonly Possible[]>;
  /** Why the action is not for these, whatever its input and the facts are; undefined where it may be. */
  refusedAtOnce(stored: StoredCase, actors: Actors, action: string): Promise<Refused | undefined>;
  /** Whether only the service itself does this action, for what somebody else asked of it. */
  isInternal(procedure: string, action: string): boolean;
  /** Now, of what is there; undefined where there is no such case. */
  head(id: string): Promise<Uint8Array | undefined>;
  /** Reminders, missed deadlines and what the service does itself; how many cases were looked at. */
  tick(limit: number): Promise<number>;
  roomOf(procedure: string): Room | undefined;
  /** names of those that are run here; readings of evidence and procedures of later versions are none of them */
  readonly procedures: readonly string[];
}

/** Who is overtaken this often meets a case that changes all the time: he is told to come again. */
const TRIES = 8;

export class CaseBusy extends Error {
  constructor(id: string) {
    super(`case ${id} was changed by others ${TRIES} times meanwhile`);
    this.name = 'CaseBusy';
  }
}

export class NoSuchCase extends Error {}

/** Of 10,000 events and 512 MiB that a checker takes (EVENTS.md). */
const PARTY_ROOM = { events: 3_000, bytes: 64 * 1024 * 1024 };
const OFFICE_ROOM = { events: 9_000, bytes: 256 * 1024 * 1024 };

/** There is no room for more of this party's in the case. */
export class CaseFull extends Error {}

/** An idempotency key that was used for another request. */
export class ClaimReused extends Error {}

export function createCases(deps: CasesDeps): Cases {
  const { store, clock } = deps;
  const roomOf = (name: string): Room | undefined =>
    deps.rooms.find(({ procedure }) => procedure.name === name);

  async function keep(
    at: Standing,
    done: Done,
    actor: Actor,
    beside?: JsonObject,
  ): Promise<Kept | undefined> {
    const { room, stored, last } = at;
    const nowMs = done.record.updatedMs;
    const event = nextEvent(
      last,
      {
        case: done.record.id,
        procedure: room.procedure.name,
        action: done.event.action,
        actor: eventActor(actor),
        to: done.event.to,
        content: beside === undefined ? done.event.content : { ...done.event.content, ...beside },
      },
      nowMs,
    );
    const outcome = await store.stepCase({
      case: rowOf(done.record, stored?.organization ?? actor.organization),
      expected: stored?.events ?? 0,
      after: stored?.last,
      entry: event.entry,
      content: event.content,
      parties: room.partiesOf(done.record),
      deed: await room.deedAfter?.(done.record, done.event.action, nowMs),
      claim: at.claim,
    });
    if (outcome === 'key-reused') throw new ClaimReused();
    if (typeof outcome === 'object') return asItIs(outcome.replayed);
    if (outcome !== 'kept' && !(await isThere(event.chained))) return undefined;
    const head = await headOf(deps.issuer, event.chained, nowMs);
    return { outcome: 'done', record: done.record, head, events: event.chained.event.index + 1 };
  }

  /** A step that was done though its answer was lost, and is asked for again, finds its own event there. */
  const isThere = async ({ event, leaf }: ChainedEvent): Promise<boolean> =>
    (await store.caseById(event.case))?.last === toHex(leaf);

  /** A case that was opened before by the same request, as it is now. */
  async function asItIs(id: string): Promise<Kept> {
    const { stored, record, last } = await standingOf(id);
    const head = await headOf(deps.issuer, chainedOf(last!), clock.nowMs());
    return { outcome: 'done', record: record!, head, events: stored!.events };
  }

  /** Of refusals the one that says most; undefined where one of them may go on. */
  function refusedAtOnce({ room, record, id }: Standing, actors: Actors, action: string, input: unknown) {
    const refusals = actors.map((actor) =>
      refusedBefore(room.procedure, record ?? newCase(id), { action, actor, input }),
    );
    if (refusals.includes(undefined)) return undefined;
    return refusals.find((refusal) => refusal!.code !== 'not-yours') ?? refusals[0];
  }

  async function refusedWith(at: Standing, actors: Actors, refusal: Refusal): Promise<Refused> {
    return { outcome: 'refused', ...refusal, possible: await possibleAt(at, actors) };
  }

  async function possibleAt({ room, record, id }: Standing, actors: Actors): Promise<readonly Possible[]> {
    const nowMs = clock.nowMs();
    const facts = await room.facts({ record, action: undefined, input: undefined, nowMs });
    return merged(
      actors.map((actor) => possible(room.procedure, record ?? newCase(id), actor, facts, nowMs)),
    );
  }

  /** Judged as each of what he is. Facts are looked up for nobody whom the table refuses without them. */
  async function judge(at: Standing, actors: Actors, action: string, input: unknown) {
    const atOnce = refusedAtOnce(at, actors, action, input);
    if (atOnce !== undefined) return refusedWith(at, actors, atOnce);
    const { room, record } = at;
    const nowMs = clock.nowMs();
    const { organization } = actors[0];
    const facts = await room.facts({ record, action, input, organization, nowMs });
    let refused: Refused | undefined;
    for (const actor of actors) {
      const result = act(room.procedure, record ?? newCase(at.id), { action, actor, input, facts, nowMs });
      if (result.outcome === 'done') return { done: result, actor };
      if (refused === undefined || refused.code === 'not-yours') refused = result;
    }
    return refused!;
  }

  async function perform(
    stand: () => Promise<Standing>,
    actors: Actors,
    action: string,
    input: unknown,
    beside?: JsonObject,
  ): Promise<Kept | Refused> {
    for (let tried = 0; tried < TRIES; tried++) {
      const at = await stand();
      await expectRoom(at, actors);
      const judged = await judge(at, actors, action, input);
      if ('outcome' in judged) return judged;
      const kept = await keep(at, judged.done, judged.actor, beside);
      if (kept !== undefined) return kept;
    }
    throw new CaseBusy(action);
  }

  const standingWithout = (stored: StoredCase): Standing => ({
    ...{ id: stored.id, room: roomOf(stored.procedure)!, stored, record: recordOf(stored), last: undefined },
  });

  /** Whoever fills a case must not make it one that no checker takes: the office and its clocks always have room left. */
  async function expectRoom({ stored }: Standing, [actor]: Actors): Promise<void> {
    if (stored === undefined || actor.role === 'system') return;
    const limits = actor.organizationRole === 'notary' ? OFFICE_ROOM : PARTY_ROOM;
    if (stored.events >= limits.events || (await store.caseBytes(stored.id)) >= limits.bytes)
      throw new CaseFull();
  }

  async function standingOf(id: string): Promise<Standing> {
    const stored = await store.caseById(id);
    const room = stored && roomOf(stored.procedure);
    if (stored === undefined || room === undefined) throw new NoSuchCase(id);
    const [last] = await store.caseEvents(id, stored.events - 1, 1);
    return { id, room, stored, record: recordOf(stored), last };
  }

  /** What its clocks ask for, told by an event of its own; then what the service itself has to do. */
  async function tickOne(id: string): Promise<void> {
    const at = await standingOf(id);
    const nowMs = clock.nowMs();
    const { record, reminders, passed, automatic } = due(at.room.procedure, at.record!, nowMs);
    if (reminders.length > 0 || passed.length > 0) {
      const content = {
        reminders: reminders.map(({ clock: name, before, deadlineMs }) => ({
          ...{ clock: name, before },
          deadline: new Date(deadlineMs).toISOString(),
        })),
        passed: passed.map(({ clock: name, deadlineMs }) => ({
          clock: name,
          deadline: new Date(deadlineMs).toISOString(),
        })),
      };
      const action = passed.length > 0 ? 'deadline-passed' : 'reminder';
      const event = { action, from: record.state, to: record.state, content };
      // Overtaken: the next round finds it as it is then.
      await keep(at, { outcome: 'done', record: { ...record, updatedMs: nowMs }, event }, SYSTEM);
    }
    for (const action of automatic) await perform(() => standingOf(id), [SYSTEM], action, {});
  }

  return {
    roomOf,
    procedures: deps.rooms.map(({ procedure }) => procedure.name),
    async open(procedure, actors, action, input, claimed) {
      const room = roomOf(procedure);
      if (room === undefined) throw new NoSuchCase(procedure);
      const nowMs = clock.nowMs();
      const claim = claimed && { ...claimed, organization: actors[0].organization, nowMs };
      const earlier = claim && (await store.claimedCase(claim));
      if (earlier === 'key-reused') throw new ClaimReused();
      if (earlier !== undefined) return { ...(await asItIs(earlier.replayed)), replayed: true };
      await ensureOwn(store, EVENTS_ID, deps.service, nowMs);
      const id = newId(nowMs);
      const standing = { id, room, claim, stored: undefined, record: undefined, last: undefined };
      const outcome = await perform(async () => standing, actors, action, input);
      return outcome.outcome === 'done' ? { ...outcome, replayed: outcome.record.id !== id } : outcome;
    },
    act: (id, actors, action, input, beside) => perform(() => standingOf(id), actors, action, input, beside),
    possible: (stored, actors) => possibleAt(standingWithout(stored), actors),
    refusedAtOnce: async (stored, actors, action) => {
      const at = standingWithout(stored);
      const refusal = refusedAtOnce(at, actors, action, undefined);
      return refusal && refusedWith(at, actors, refusal);
    },
    isInternal: (procedure, action) =>
      roomOf(procedure)?.procedure.transitions.some(
        (one) => one.action === action && one.internal === true,
      ) ?? false,
    async head(id) {
      const stored = await store.caseById(id);
      if (stored === undefined) return undefined;
      const [last] = await store.caseEvents(id, stored.events - 1, 1);
      return headOf(deps.issuer, chainedOf(last!), clock.nowMs());
    },
    async tick(limit) {
      const found = await store.dueCases(clock.nowMs(), limit);
      const failed: unknown[] = [];
      // One that cannot be told must not keep the others from it.
      for (const { id } of found) await tickOne(id).catch((error: unknown) => failed.push(error));
      if (failed.length > 0) throw failed[0];
      return found.length;
    },
  };
}

interface Standing {
  readonly id: string;
  readonly room: Room;
  readonly stored: StoredCase | undefined;
  readonly record: CaseRecord | undefined;
  readonly last: CaseEvent | undefined;
  readonly claim?: CaseClaim | undefined;
}

const SYSTEM: Actor = {
  organization: EVENTS_ID,
  organizationRole: 'operator',
  person: null,
  role: 'system',
  name: '',
};

const eventActor = ({ organization, person, role }: Actor): EventActor => ({ organization, person, role });

/** In the order of the table: allowed where one of them may; else the reason that says most. */
function merged(lists: readonly (readonly Possible[])[]): readonly Possible[] {
  const [first = [], ...others] = lists;
  return first.map((one, i) => {
    const all = [one, ...others.map((list) => list[i]!)];
    return (
      all.find(({ allowed }) => allowed) ?? all.find((each) => !each.allowed && each.code === 'guard') ?? one
    );
  });
}
