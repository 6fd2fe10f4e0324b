import { MANIFEST_FORMAT } from '../../core/entry/manifest.ts';
import type { WebhookStore } from '../../ports/webhooks.ts';
import { requireUuid, uuidText } from '../relational/uuid.ts';
import type { Connection } from './connection.ts';

type Found = Awaited<ReturnType<WebhookStore['evidenceBetween']>>;

/** Events of cases stand in the same journal; canonical text has the format as it stands here. */
export function openEvidenceBetween(db: Connection) {
  const statement = db.prepare<[string, number, number], { organization: Buffer; id: Buffer }>(
    `select organization, id from entries
     where hex(organization) in (select value from json_each(?)) and sequence > ? and sequence <= ?
       and instr(entry, '"format":"${MANIFEST_FORMAT}"') > 0
     order by sequence`,
  );
  return {
    evidenceBetween(organizations: readonly string[], after: number, through: number): Found {
      const wanted = organizations.map((id) => requireUuid(id).toString('hex').toUpperCase());
      return statement
        .all(JSON.stringify(wanted), after, through)
        .map(({ organization, id }) => ({ organization: uuidText(organization), id: uuidText(id) }));
    },
  };
}
