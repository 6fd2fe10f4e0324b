import { MANIFEST_FORMAT } from '../../core/entry/manifest.ts';
import type { WebhookStore } from '../../ports/webhooks.ts';
import { requireUuid, UUID_LENGTH, uuidText } from '../relational/uuid.ts';
import type { Connection } from './connection.ts';

type Found = Awaited<ReturnType<WebhookStore['evidenceBetween']>>;

const HEX_LENGTH = 2 * UUID_LENGTH;

/**
 * Events of cases stand in the same journal; canonical text has the format as it stands here. One row for each
 * organization: this thread takes deposits, and a row for each of them would cost it several times as much.
 */
export function openEvidenceBetween(db: Connection) {
  const statement = db.prepare<[string, number, number], { organization: Buffer; ids: string }>(
    `select organization, group_concat(hex(id), '' order by sequence) as ids from entries
     where hex(organization) in (select value from json_each(?)) and sequence > ? and sequence <= ?
       and instr(entry, '"format":"${MANIFEST_FORMAT}"') > 0
     group by organization`,
  );
  return {
    evidenceBetween(organizations: readonly string[], after: number, through: number): Found {
      const wanted = organizations.map((id) => requireUuid(id).toString('hex').toUpperCase());
      return statement
        .all(JSON.stringify(wanted), after, through)
        .map(({ organization, ids }) => ({ organization: uuidText(organization), ids: idsIn(ids) }));
    },
  };
}

function idsIn(text: string): string[] {
  const bytes = Buffer.from(text, 'hex');
  return Array.from({ length: text.length / HEX_LENGTH }, (_, i) =>
    uuidText(bytes.subarray(i * UUID_LENGTH, (i + 1) * UUID_LENGTH)),
  );
}
