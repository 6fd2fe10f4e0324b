import type { CaseParty, CaseRow, Deed, StoredCase } from '../ports/cases.ts';
import type { Actor, CaseRecord } from './engine/case.ts';
import { nextDueMs } from './engine/due.ts';
import type { Procedure } from './engine/table.ts';

/**
 * A procedure with what it takes to run it here: the table knows nothing of stores, a room looks up for it. Facts are
 * found anew for every action; for a mere look (`action` undefined) what is cheap to know is enough.
 */
export interface Room {
  readonly procedure: Procedure;
  facts(wanted: Wanted): Promise<unknown>;
  /** Which organizations take part, after the action. */
  partiesOf(record: CaseRecord): readonly CaseParty[];
  /** The public record of its deed, where the action made or changed one. */
  deedAfter?(record: CaseRecord, action: string, nowMs: number): Promise<Deed | undefined>;
  /** The deposits that the case is about, with whose they are; in the order of the case. */
  items(record: CaseRecord): Promise<readonly Item[]>;
  /** Ids of the identity numbers that its papers name. */
  identities(record: CaseRecord): readonly string[];
  /** The action that has to be done before this actor reads; undefined where he is a party and reads as he likes. */
  accessFor(record: CaseRecord, actors: readonly Actor[], what: Read, nowMs: number): Access | undefined;
  /** What this actor is shown of the case. */
  shown(record: CaseRecord, actors: readonly Actor[]): CaseRecord['data'];
  /** Whether this actor may read what an event of this action says; that there was one everybody sees. */
  isOpen(record: CaseRecord, action: string, actors: readonly Actor[]): boolean;
}

export interface Item {
  readonly organization: string;
  readonly id: string;
}

export type Read = 'package' | 'deed' | 'evidence';

export interface Access {
  readonly action: string;
  readonly input: unknown;
}

export interface Wanted {
  readonly record: CaseRecord | undefined;
  readonly action: string | undefined;
  readonly input: unknown;
  /** whose action it is or would be; without it nothing counts as anybody's own */
  readonly organization?: string | undefined;
  readonly nowMs: number;
}

export const recordOf = (stored: StoredCase): CaseRecord => ({
  id: stored.id,
  procedure: stored.procedure,
  state: stored.state,
  data: JSON.parse(stored.data) as CaseRecord['data'],
  clocks: JSON.parse(stored.clocks) as CaseRecord['clocks'],
  openedMs: stored.openedMs,
  updatedMs: stored.updatedMs,
});

export const rowOf = (record: CaseRecord, organization: string): CaseRow => ({
  id: record.id,
  procedure: record.procedure,
  state: record.state,
  organization,
  data: JSON.stringify(record.data),
  clocks: JSON.stringify(record.clocks),
  openedMs: record.openedMs,
  updatedMs: record.updatedMs,
  dueMs: nextDueMs(record) ?? undefined,
});
