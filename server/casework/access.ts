import type { Actor as EventActor } from '../core/entry/event.ts';
import { parseEvent } from '../core/entry/event.ts';
import { utf8 } from '../core/read/bytes.ts';
import { ensureOwn } from '../journal/own.ts';
import type { CaseEvent, CaseStore, StoredCase } from '../ports/cases.ts';
import type { Clock } from '../ports/clock.ts';
import { EVENTS_ID, type IdentityStore } from '../ports/identity.ts';
import type { Issuer } from '../ports/issuer.ts';
import { CaseBusy } from './cases.ts';
import { chainedOf, headOf, nextEvent } from './chain.ts';

/*
 * Reading of evidence by the operator's staff (中立性). Each reading is an event of a chain that belongs to the evidence
 * alone: its case has the evidence's own id and one state. Nothing is decided here, so that it needs no procedure; that
 * nobody reads without leaving his event is the order in which it is done: the event first, durable, and then the answer.
 */

export const EVIDENCE_ACCESS = 'evidence-access/1';
/** The only state, and the only action. */
const READ = 'read';

export interface AccessDeps {
  readonly store: Pick<CaseStore, 'stepCase' | 'caseById' | 'caseEvents'> &
    Pick<IdentityStore, 'organization' | 'addOrganization'>;
  readonly issuer: Issuer;
  readonly clock: Clock;
  /** the service's name, as the organization of its own events has it */
  readonly service: string;
}

export interface Reading {
  readonly evidence: string;
  /** whose the evidence is: he finds the chain, and is told */
  readonly owner: string;
  readonly by: EventActor & { readonly person: string };
  /** what of it, as the path has it: `evidence`, `certificate`, `files/0` */
  readonly what: string;
  readonly reason: string;
}

/** A reading as its owner sees it. */
export interface Seen {
  readonly index: number;
  readonly at: string;
  readonly by: EventActor;
  /** undefined where what the event says was erased */
  readonly what: string | undefined;
  readonly reason: string | undefined;
  /** hex */
  readonly leaf: string;
}

export interface Readings {
  readonly count: number;
  readonly lastAt: string;
}

export interface Accesses {
  /** Durable when it returns; whoever answers before that lets somebody read unseen. */
  record(reading: Reading): Promise<void>;
  /** Undefined where nobody ever read it. */
  chainOf(evidence: string): Promise<StoredCase | undefined>;
  /** From this index on, in order. */
  seen(evidence: string, from: number, limit: number): Promise<readonly Seen[]>;
  /** kezheng-case-head/1 of now. */
  head(chain: StoredCase): Promise<Uint8Array>;
  readings(evidence: string): Promise<Readings | undefined>;
}

/** Who is overtaken this often is told to come again, and reads nothing. */
const TRIES = 8;

export function createAccesses(deps: AccessDeps): Accesses {
  const { store, clock, issuer } = deps;

  /** Another case under this id is impossible by chance, and is not read as if it were a chain of readings. */
  async function chainOf(evidence: string): Promise<StoredCase | undefined> {
    const stored = await store.caseById(evidence);
    return stored?.procedure === EVIDENCE_ACCESS ? stored : undefined;
  }

  const lastOf = async ({ id, events }: StoredCase): Promise<CaseEvent> =>
    (await store.caseEvents(id, events - 1, 1))[0]!;

  async function tryToRecord({ evidence, owner, by, what, reason }: Reading): Promise<boolean> {
    const stored = await chainOf(evidence);
    const last = stored && (await lastOf(stored));
    const nowMs = clock.nowMs();
    const about = { case: evidence, procedure: EVIDENCE_ACCESS, action: READ, to: READ };
    const event = nextEvent(last, { ...about, actor: by, content: { reason, what } }, nowMs);
    const atMs = event.entry.receivedMs;
    const outcome = await store.stepCase({
      case: {
        id: evidence,
        procedure: EVIDENCE_ACCESS,
        state: READ,
        organization: stored?.organization ?? by.organization,
        data: '{}',
        clocks: '[]',
        openedMs: stored?.openedMs ?? atMs,
        updatedMs: atMs,
        dueMs: undefined,
      },
      expected: stored?.events ?? 0,
      after: stored?.last,
      entry: event.entry,
      content: event.content,
      parties: [{ organization: owner, part: 'owner', untilMs: undefined }],
    });
    return outcome === 'kept';
  }

  return {
    chainOf,
    async record(reading) {
      await ensureOwn(store, EVENTS_ID, deps.service, clock.nowMs());
      for (let tried = 0; tried < TRIES; tried++) if (await tryToRecord(reading)) return;
      throw new CaseBusy(reading.evidence);
    },
    async seen(evidence, from, limit) {
      if ((await chainOf(evidence)) === undefined) return [];
      return (await store.caseEvents(evidence, from, limit)).map(seenOf);
    },
    head: async (chain) => headOf(issuer, chainedOf(await lastOf(chain)), clock.nowMs()),
    async readings(evidence) {
      const chain = await chainOf(evidence);
      if (chain === undefined) return undefined;
      const { at } = parseEvent(utf8((await lastOf(chain)).entry));
      return { count: chain.events, lastAt: at };
    },
  };
}

function seenOf({ index, leaf, entry, content }: CaseEvent): Seen {
  const { at, actor } = parseEvent(utf8(entry));
  const { what, reason } = (content === undefined ? {} : JSON.parse(content)) as Partial<Reading>;
  return { index, at, by: actor, what, reason, leaf };
}
