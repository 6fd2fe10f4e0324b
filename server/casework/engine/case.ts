import type { JsonObject } from '../../core/read/json.ts';
import type { PersonRole } from '../../identity/permissions.ts';
import type { OrganizationRole } from '../../ports/identity.ts';
import type { ClockState } from './clocks.ts';

/** A case as it is stored. All of it is JSON, and all of it changes only by an action of its procedure. */
export interface CaseRecord {
  readonly id: string;
  readonly procedure: string;
  readonly state: string;
  readonly data: JsonObject;
  readonly clocks: readonly ClockState[];
  readonly openedMs: number;
  readonly updatedMs: number;
}

/** A case that only has its id: what an opening action starts from. */
export interface NewCase {
  readonly id: string;
  readonly state: null;
}

export const newCase = (id: string): NewCase => ({ id, state: null });

/** What somebody is in his organization (identity/permissions.ts); or a machine by its key, or the service itself. */
export type ActorRole = PersonRole | 'machine' | 'system';

export interface Actor {
  readonly organization: string;
  readonly organizationRole: OrganizationRole;
  /** Null: a machine by its key, or the service itself. */
  readonly person: string | null;
  readonly role: ActorRole;
  readonly name: string;
}

/** Values for a sentence. */
export type Detail = Readonly<Record<string, string | number>>;
