import type { Generated } from 'kysely';

/** Tables of people, the same in both databases. Lists are JSON. */
export interface PeopleSchema {
  persons: PersonColumns;
  sign_in_failures: { account: string; count: number; until_ms: number; last_ms: number };
  memberships: MembershipColumns;
  membership_changes: { organization: string; count: number };
  invitations: InvitationColumns;
  sessions: SessionColumns;
  passkeys: PasskeyColumns;
  recovery_codes: { person: string; hash: string };
  subjects: { issuer: string; subject: string; person: string; linked_ms: number };
  tickets: { id: string; kind: string; person: string | null; data: string; expires_ms: number };
  account_events: AccountEventColumns;
  identity_numbers: IdentityNumberColumns;
  key_uses: { key: string; at_ms: number };
  key_makers: { key: string; person: string; organization: string };
  second_factor_demands: { organization: string; since_ms: number };
}

export interface PersonColumns {
  id: string;
  login: string;
  name: string;
  password: string | null;
  totp: Uint8Array | null;
  totp_step: number;
  created_ms: number;
  closed_ms: number | null;
}

export interface MembershipColumns {
  person: string;
  organization: string;
  roles: string;
  since_ms: number;
  ended_ms: number | null;
}

export interface InvitationColumns {
  id: string;
  organization: string;
  person: string | null;
  roles: string;
  note: string;
  token_hash: string;
  invited_by: string;
  created_ms: number;
  expires_ms: number;
  used_ms: number | null;
  revoked_ms: number | null;
}

export interface SessionColumns {
  id: string;
  person: string;
  organization: string;
  created_ms: number;
  seen_ms: number;
  expires_ms: number;
  proved_ms: number;
  factors: string;
}

export interface PasskeyColumns {
  id: string;
  person: string;
  public_key: Uint8Array;
  counter: number;
  transports: string;
  label: string;
  created_ms: number;
  used_ms: number | null;
}

export interface AccountEventColumns {
  id: Generated<number>;
  person: string | null;
  organization: string | null;
  at_ms: number;
  action: string;
  detail: string;
}

export interface IdentityNumberColumns {
  id: string;
  organization: string;
  kind: string;
  masked: string;
  sealed: Uint8Array;
  created_ms: number;
  erased_ms: number | null;
}

export const listOf = (json: string): readonly string[] => JSON.parse(json) as string[];

/** Both databases hand out buffers of their own; outside they are plain bytes. */
export const bytesOf = (stored: Uint8Array): Uint8Array => new Uint8Array(stored);
