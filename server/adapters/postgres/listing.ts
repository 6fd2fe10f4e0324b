import type { EntryState, EvidenceFilter, EvidencePage, EvidenceStore } from '../../ports/store.ts';
import { PROGRESS } from '../relational/rows.ts';
import { firstUuidOf, LAST_UUID, uuidBytes, uuidText } from '../relational/uuid.ts';
import type { Database } from './database.ts';
import { storedEntry } from './deposits.ts';
import type { EntryRow } from './schema.ts';

/** Rows that one page looks at: whatever the filter, a page costs some milliseconds and may come back short. */
const SCAN_ROWS = 5_000;

type Page = { readonly after?: string; readonly limit: number };
type ListedRow = EntryRow & { progress: number };

interface Bounds {
  readonly organization: string;
  /** ids, exclusive: the cursor or where the filter ends, whichever comes first */
  readonly below: string;
  readonly end: string;
  /** inclusive */
  readonly from: string;
  /** as the entry's JSON has it */
  readonly text: string | null;
  readonly progress: number | null;
}

const NOTHING: EvidencePage = { items: [], next: undefined };

/** How far the batch of the entry `e` is. */
const PROGRESS_OF_ENTRY = `coalesce((select case when b.last_sequence >= e.sequence then b.progress end
  from batches b where b.first_sequence <= e.sequence order by b.first_sequence desc limit 1), 0)`;

/** The id of the last entry that this page looks at. */
const LAST_LOOKED_AT = `select id from entries where organization = $1 and id < $2 and id >= $3
  order by id desc limit 1 offset ${SCAN_ROWS - 1}`;

const BY_TIME = `select * from (
    select e.*, ${PROGRESS_OF_ENTRY} as progress from entries e
    where e.organization = $1 and e.id < $2 and e.id >= $3 and ($4::text is null or strpos(e.entry, $4) > 0)
    order by e.id desc) as found
  where $5::integer is null or progress = $5
  order by id desc limit $6`;

/** In the order of the journal, which is that of the ids except for deposits that arrived in the same moment. */
const BY_DIGEST = `with looked_at as materialized (
    select sequence from file_digests where organization = $1 and digest = $2 and sequence < $3
    order by sequence desc limit ${SCAN_ROWS}),
  found as (
    select e.*, ${PROGRESS_OF_ENTRY} as progress from looked_at join entries e using (sequence)
    where e.id >= $4 and e.id < $5 and ($6::text is null or strpos(e.entry, $6) > 0))
  select found.*, (select count(*) from looked_at) as looked, (select min(sequence) from looked_at) as oldest
  from (select 1) as always
    left join (select * from found where $7::integer is null or progress = $7
      order by sequence desc limit $8) as found on true
  order by found.sequence desc`;

export function openListing({ query, run }: Database): Pick<EvidenceStore, 'evidence' | 'listEvidence'> {
  const bySequence = (sequence: number) =>
    query.selectFrom('entries').select('id').where('sequence', '=', sequence).executeTakeFirst();

  async function byTime(bounds: Bounds, limit: number): Promise<EvidencePage> {
    const { organization, below, from, text, progress } = bounds;
    // Where every row counts, the page itself is the bound.
    const isSearch = text !== null || progress !== null;
    const [cut] = isSearch ? await run<{ id: string }>(LAST_LOOKED_AT, [organization, below, from]) : [];
    const found = await run<ListedRow>(BY_TIME, [
      organization,
      below,
      cut?.id ?? from,
      text,
      progress,
      limit + 1,
    ]);
    return pageOf(found, limit, cut?.id);
  }

  /** Where the cursor is in the journal, exclusive. */
  async function startOf(organization: string, after: string | undefined): Promise<number> {
    if (after === undefined) return Number.MAX_SAFE_INTEGER;
    const found = await query
      .selectFrom('entries')
      .select(['sequence', 'id'])
      .where('organization', '=', organization)
      .where('id', '<=', after)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (found === undefined) return 0;
    return found.id === after ? found.sequence : found.sequence + 1;
  }

  async function byDigest(bounds: Bounds, sha256: string, page: Page): Promise<EvidencePage> {
    const rows = await run<
      { [K in keyof ListedRow]: ListedRow[K] | null } & { looked: number; oldest: number }
    >(BY_DIGEST, [
      bounds.organization,
      Buffer.from(sha256, 'hex'),
      await startOf(bounds.organization, page.after),
      bounds.from,
      bounds.end,
      bounds.text,
      bounds.progress,
      page.limit + 1,
    ]);
    const { looked, oldest } = rows[0]!;
    const found = rows.filter((row): row is typeof row & ListedRow => row.sequence !== null);
    const cut = looked === SCAN_ROWS ? (await bySequence(oldest))?.id : undefined;
    return pageOf(found, page.limit, cut);
  }

  return {
    async evidence(organization, id) {
      if (uuidBytes(organization) === undefined || uuidBytes(id) === undefined) return undefined;
      const row = await query
        .selectFrom('entries')
        .selectAll()
        .where('organization', '=', organization)
        .where('id', '=', id)
        .executeTakeFirst();
      return row && storedEntry(row);
    },
    async listEvidence(organization, filter, page) {
      const bounds = boundsOf(organization, filter, page);
      if (bounds === undefined) return NOTHING;
      if (filter.sha256 === undefined) return byTime(bounds, page.limit);
      if (!/^[0-9a-f]{64}$/.test(filter.sha256)) return NOTHING;
      return byDigest(bounds, filter.sha256, page);
    },
  };
}

/** `found` has one more than the page where there are more; else `cut` is where the scan ended, if it did not end. */
function pageOf(found: readonly ListedRow[], limit: number, cut: string | undefined): EvidencePage {
  const items = found
    .slice(0, limit)
    .map((row) => ({ ...storedEntry(row), state: PROGRESS[row.progress] as EntryState }));
  return { items, next: found.length > limit ? items.at(-1)!.id : cut };
}

const LAST = uuidText(LAST_UUID);
const firstIdOf = (ms: number): string => uuidText(firstUuidOf(ms));

/** Undefined where nothing can be found: an organization or a cursor that is none. */
function boundsOf(organization: string, filter: EvidenceFilter, page: Page): Bounds | undefined {
  const after = page.after ?? LAST;
  if (uuidBytes(organization) === undefined || uuidBytes(after) === undefined) return undefined;
  const end = filter.toMs === undefined ? LAST : firstIdOf(filter.toMs);
  return {
    organization,
    // Hex in lower case: in the order of the text as in that of the bytes.
    below: after < end ? after : end,
    end,
    from: firstIdOf(filter.fromMs ?? 0),
    // The entry is RFC 8785 text, which escapes in strings exactly what JSON.stringify escapes.
    text: filter.text === undefined ? null : JSON.stringify(filter.text).slice(1, -1),
    progress: filter.state === undefined ? null : PROGRESS.indexOf(filter.state),
  };
}
