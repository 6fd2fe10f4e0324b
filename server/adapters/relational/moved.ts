import type { MovedSharedTable } from '../../ports/move.ts';

/** A column as both databases have it: JSON is text in these tables. */
export type SharedColumn = readonly [name: string, type: 'text' | 'bigint' | 'bytea'];

interface SharedTable {
  /** how many of the columns, from the first, are the key */
  readonly key: number;
  readonly columns: readonly SharedColumn[];
}

const table = (key: number, ...columns: readonly SharedColumn[]): SharedTable => ({ key, columns });
const texts = (...names: readonly string[]): SharedColumn[] => names.map((name) => [name, 'text']);
const numbers = (...names: readonly string[]): SharedColumn[] => names.map((name) => [name, 'bigint']);
const bytes = (name: string): SharedColumn => [name, 'bytea'];

/**
 * Tables that are the same in both databases, in the order in which they refer to each other. Sessions, tickets and
 * wrong passwords stay behind: people sign in anew.
 */
export const SHARED_TABLES: Readonly<Record<MovedSharedTable, SharedTable>> = {
  persons: table(
    1,
    ...texts('id', 'login', 'name', 'password'),
    bytes('totp'),
    ...numbers('totp_step', 'created_ms', 'closed_ms'),
  ),
  memberships: table(2, ...texts('person', 'organization', 'roles'), ...numbers('since_ms', 'ended_ms')),
  invitations: table(
    1,
    ...texts('id', 'organization', 'person', 'roles', 'note', 'token_hash', 'invited_by'),
    ...numbers('created_ms', 'expires_ms', 'used_ms', 'revoked_ms'),
  ),
  passkeys: table(
    1,
    ...texts('id', 'person'),
    bytes('public_key'),
    ...numbers('counter'),
    ...texts('transports', 'label'),
    ...numbers('created_ms', 'used_ms'),
  ),
  recovery_codes: table(2, ...texts('person', 'hash')),
  subjects: table(2, ...texts('issuer', 'subject', 'person'), ...numbers('linked_ms')),
  account_events: table(
    1,
    ...numbers('id'),
    ...texts('person', 'organization'),
    ...numbers('at_ms'),
    ...texts('action', 'detail'),
  ),
  identity_numbers: table(
    1,
    ...texts('id', 'organization', 'kind', 'masked'),
    bytes('sealed'),
    ...numbers('created_ms', 'erased_ms'),
  ),
  key_uses: table(1, ...texts('key'), ...numbers('at_ms')),
  cases: table(
    1,
    ...texts('id', 'procedure', 'state', 'organization', 'data', 'clocks'),
    ...numbers('opened_ms', 'updated_ms', 'due_ms', 'events'),
    ...texts('last'),
  ),
  case_parties: table(3, ...texts('case_id', 'organization', 'part'), ...numbers('until_ms')),
  case_events: table(2, ...texts('case_id'), ...numbers('place', 'sequence'), ...texts('leaf', 'content')),
  case_serials: table(2, ...texts('series', 'holder'), ...numbers('serial')),
  deeds: table(
    1,
    ...texts('number', 'office', 'case_id', 'code_hash', 'state'),
    ...numbers('issued_ms'),
    ...texts('evidence', 'sha256', 'history'),
  ),
};

export const SHARED_NAMES = Object.keys(SHARED_TABLES) as readonly MovedSharedTable[];
