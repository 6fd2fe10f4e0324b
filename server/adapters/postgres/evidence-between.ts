import { MANIFEST_FORMAT } from '../../core/entry/manifest.ts';
import type { WebhookStore } from '../../ports/webhooks.ts';
import type { Database } from './database.ts';

/** Events of cases stand in the same journal; canonical text has the format as it stands here. */
const BETWEEN = `select organization::text as organization, array_agg(id::text order by sequence) as ids from entries
  where organization = any($1::uuid[]) and sequence > $2 and sequence <= $3
    and strpos(entry, '"format":"${MANIFEST_FORMAT}"') > 0
  group by organization`;

export const openEvidenceBetween = ({ run }: Database): Pick<WebhookStore, 'evidenceBetween'> => ({
  evidenceBetween: (organizations, after, through) => run(BETWEEN, [[...organizations], after, through]),
});
