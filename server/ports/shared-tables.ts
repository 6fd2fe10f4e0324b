/*
 * Tables that both databases have alike, with their columns as they are now: how many of them, from the first, are the
 * key, and which are numbers or bytes. All others are text. In the order in which the tables refer to each other.
 */
export interface SharedTable {
  readonly key: number;
  readonly columns: readonly string[];
  readonly numbers?: readonly string[];
  readonly bytes?: readonly string[];
}

export const SHARED_TABLES = {
  persons: {
    key: 1,
    columns: ['id', 'login', 'name', 'password', 'totp', 'totp_step', 'created_ms', 'closed_ms'],
    numbers: ['totp_step', 'created_ms', 'closed_ms'],
    bytes: ['totp'],
  },
  memberships: {
    key: 2,
    columns: ['person', 'organization', 'roles', 'since_ms', 'ended_ms'],
    numbers: ['since_ms', 'ended_ms'],
  },
  invitations: {
    key: 1,
    columns: [
      ...['id', 'organization', 'person', 'roles', 'note', 'token_hash', 'invited_by', 'created_ms'],
      ...['expires_ms', 'used_ms', 'revoked_ms'],
    ],
    numbers: ['created_ms', 'expires_ms', 'used_ms', 'revoked_ms'],
  },
  passkeys: {
    key: 1,
    columns: ['id', 'person', 'public_key', 'counter', 'transports', 'label', 'created_ms', 'used_ms'],
    numbers: ['counter', 'created_ms', 'used_ms'],
    bytes: ['public_key'],
  },
  recovery_codes: { key: 2, columns: ['person', 'hash'] },
  subjects: { key: 2, columns: ['issuer', 'subject', 'person', 'linked_ms'], numbers: ['linked_ms'] },
  account_events: {
    key: 1,
    columns: ['id', 'person', 'organization', 'at_ms', 'action', 'detail'],
    numbers: ['id', 'at_ms'],
  },
  identity_numbers: {
    key: 1,
    columns: ['id', 'organization', 'kind', 'masked', 'sealed', 'created_ms', 'erased_ms'],
    numbers: ['created_ms', 'erased_ms'],
    bytes: ['sealed'],
  },
  key_uses: { key: 1, columns: ['key', 'at_ms'], numbers: ['at_ms'] },
  key_makers: { key: 1, columns: ['key', 'person', 'organization'] },
  second_factor_demands: { key: 1, columns: ['organization', 'since_ms'], numbers: ['since_ms'] },
  cases: {
    key: 1,
    columns: [
      ...['id', 'procedure', 'state', 'organization', 'data', 'clocks', 'opened_ms', 'updated_ms', 'due_ms'],
      ...['events', 'last'],
    ],
    numbers: ['opened_ms', 'updated_ms', 'due_ms', 'events'],
  },
  case_parties: { key: 3, columns: ['case_id', 'organization', 'part', 'until_ms'], numbers: ['until_ms'] },
  case_events: {
    key: 2,
    columns: ['case_id', 'place', 'sequence', 'leaf', 'content'],
    numbers: ['place', 'sequence'],
  },
  case_claims: {
    key: 2,
    columns: ['organization', 'key', 'fingerprint', 'case_id', 'created_ms'],
    numbers: ['created_ms'],
  },
  case_serials: { key: 2, columns: ['series', 'holder', 'serial'], numbers: ['serial'] },
  deeds: {
    key: 1,
    columns: [
      ...['number', 'office', 'case_id', 'code_hash', 'state', 'issued_ms', 'evidence', 'sha256', 'history'],
    ],
    numbers: ['issued_ms'],
  },
  office_settings: { key: 2, columns: ['organization', 'name', 'value'] },
  webhooks: {
    key: 1,
    columns: [
      ...['id', 'organization', 'place', 'url', 'description', 'types', 'secret', 'previous'],
      ...['previous_until_ms', 'created_ms', 'disabled_ms', 'disabled_why', 'failing_since_ms'],
      ...['rests_until_ms', 'last_number'],
    ],
    numbers: [
      ...['place', 'previous_until_ms', 'created_ms', 'disabled_ms', 'failing_since_ms', 'rests_until_ms'],
      'last_number',
    ],
    bytes: ['secret', 'previous'],
  },
  webhook_messages: {
    key: 1,
    columns: ['id', 'organization', 'type', 'at_ms', 'data'],
    numbers: ['at_ms'],
  },
  webhook_deliveries: {
    key: 1,
    columns: [
      ...['id', 'webhook', 'number', 'message', 'state', 'attempts', 'tries', 'due_ms', 'created_ms'],
      'settled_ms',
    ],
    numbers: ['number', 'attempts', 'tries', 'due_ms', 'created_ms', 'settled_ms'],
  },
  webhook_attempts: {
    key: 2,
    columns: ['delivery', 'number', 'at_ms', 'duration_ms', 'status', 'error'],
    numbers: ['number', 'at_ms', 'duration_ms', 'status'],
  },
  webhook_cursors: { key: 1, columns: ['source', 'sequence'], numbers: ['sequence'] },
  case_papers: { key: 2, columns: ['case_id', 'name', 'about', 'bytes'], bytes: ['bytes'] },
} as const satisfies Readonly<Record<string, SharedTable>>;

export type SharedTableName = keyof typeof SHARED_TABLES;
export const SHARED_TABLE_NAMES = Object.keys(SHARED_TABLES) as SharedTableName[];
