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
  case_serials: { key: 2, columns: ['series', 'holder', 'serial'], numbers: ['serial'] },
  deeds: {
    key: 1,
    columns: [
      ...['number', 'office', 'case_id', 'code_hash', 'state', 'issued_ms', 'evidence', 'sha256', 'history'],
    ],
    numbers: ['issued_ms'],
  },
  office_settings: { key: 2, columns: ['organization', 'name', 'value'] },
  case_papers: { key: 2, columns: ['case_id', 'name', 'about', 'bytes'], bytes: ['bytes'] },
} as const satisfies Readonly<Record<string, SharedTable>>;

export type SharedTableName = keyof typeof SHARED_TABLES;
export const SHARED_TABLE_NAMES = Object.keys(SHARED_TABLES) as SharedTableName[];
