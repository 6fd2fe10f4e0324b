import type { PeopleSchema } from './people-schema.ts';

/*
 * Tables that are the same in both databases. Ids are text here; those of organizations refer to a table whose ids each
 * database keeps in its own way, so that nothing but the program holds the reference.
 */
export interface SharedSchema extends PeopleSchema {
  cases: CaseColumns;
  case_parties: { case_id: string; organization: string; part: string; until_ms: number | null };
  case_events: {
    case_id: string;
    place: number;
    sequence: number;
    leaf: string;
    content: string | null;
  };
  case_serials: { series: string; holder: string; serial: number };
  deeds: DeedColumns;
  /** of each database's own; read by these columns */
  entries: { sequence: number; entry: string };
}

export interface CaseColumns {
  id: string;
  procedure: string;
  state: string;
  organization: string;
  data: string;
  clocks: string;
  opened_ms: number;
  updated_ms: number;
  due_ms: number | null;
  events: number;
  last: string;
}

export interface DeedColumns {
  number: string;
  office: string;
  case_id: string;
  code_hash: string;
  state: 'valid' | 'corrected' | 'revoked';
  issued_ms: number;
  evidence: string | null;
  sha256: string;
  history: string;
}
