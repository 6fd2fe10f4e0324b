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
  office_settings: { organization: string; name: string; value: string };
  case_papers: { case_id: string; name: string; about: string; bytes: Uint8Array };
  webhooks: WebhookColumns;
  webhook_messages: { id: string; organization: string; type: string; at_ms: number; data: string };
  webhook_deliveries: DeliveryColumns;
  webhook_attempts: {
    delivery: string;
    number: number;
    at_ms: number;
    duration_ms: number;
    status: number | null;
    error: string | null;
  };
  webhook_cursors: { source: string; sequence: number };
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

export interface WebhookColumns {
  id: string;
  organization: string;
  place: number | null;
  url: string;
  description: string;
  types: string;
  secret: Uint8Array;
  previous: Uint8Array | null;
  previous_until_ms: number | null;
  created_ms: number;
  disabled_ms: number | null;
  disabled_why: 'by-owner' | 'gone' | 'failing' | null;
  failing_since_ms: number | null;
  rests_until_ms: number | null;
  last_number: number;
}

export interface DeliveryColumns {
  id: string;
  webhook: string;
  number: number;
  message: string;
  state: 'waiting' | 'delivered' | 'failed';
  attempts: number;
  tries: number;
  due_ms: number | null;
  created_ms: number;
  settled_ms: number | null;
}
