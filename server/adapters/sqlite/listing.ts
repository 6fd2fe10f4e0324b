import type { EvidenceFilter, EvidencePage, StoredEntry } from '../../ports/store.ts';
import { PROGRESS } from '../relational/rows.ts';
import { firstUuidOf, LAST_UUID, uuidBytes, uuidText } from '../relational/uuid.ts';
import type { BatchReads } from './batches.ts';
import type { Connection } from './connection.ts';
import { storedEntry } from './deposits.ts';
import { DIGESTS, lookupHash, segmentOf } from './lookup.ts';
import type { EntryRow } from './schema.ts';

/** Rows that one page looks at: whatever the filter, a page costs some milliseconds and may come back short. */
const SCAN_ROWS = 5_000;

type Page = { readonly after?: string; readonly limit: number };
type ListedRow = Pick<EntryRow, 'sequence' | 'organization' | 'id' | 'received_ms' | 'entry' | 'leaf'>;
type Item = EvidencePage['items'][number];

/** Newest part of the look-up by digest, which is in the writer's memory. */
export type RecentWithDigest = (organization: Uint8Array, digest: Uint8Array) => Promise<readonly number[]>;

interface Bounds {
  readonly organization: Buffer;
  /** exclusive: the cursor, and the time where the filter ends */
  readonly below: Buffer;
  readonly end: Buffer;
  /** inclusive */
  readonly from: Buffer;
  /** as the entry's JSON has it */
  readonly text: string | null;
  readonly progress: number | null;
}

const NOTHING: EvidencePage = { items: [], next: undefined };

export interface Listing {
  evidence(organization: string, id: string): StoredEntry | undefined;
  listEvidence(organization: string, filter: EvidenceFilter, page: Page): Promise<EvidencePage>;
}

export function openListing(db: Connection, batches: BatchReads, recent: RecentWithDigest): Listing {
  const byId = db.prepare<[Buffer, Buffer], ListedRow>(
    'select sequence, organization, id, received_ms, entry, leaf from entries where organization = ? and id = ?',
  );
  const byTime = openByTime(db);
  const byDigest = openByDigest(db, batches, recent);
  return {
    evidence(organizationText, idText) {
      const [organization, id] = [uuidBytes(organizationText), uuidBytes(idText)];
      const row = organization && id && byId.get(organization, id);
      return row && storedEntry(row);
    },
    async listEvidence(organization, filter, page) {
      const bounds = boundsOf(organization, filter, page);
      if (bounds === undefined) return NOTHING;
      if (filter.sha256 === undefined) return byTime(bounds, page.limit);
      if (!/^[0-9a-f]{64}$/.test(filter.sha256)) return NOTHING;
      return byDigest(bounds, Buffer.from(filter.sha256, 'hex'), page);
    },
  };
}

/** Undefined where nothing can be found: an organization or a cursor that is none. */
function boundsOf(organization: string, filter: EvidenceFilter, page: Page): Bounds | undefined {
  const owner = uuidBytes(organization);
  const after = page.after === undefined ? LAST_UUID : uuidBytes(page.after);
  if (owner === undefined || after === undefined) return undefined;
  const end = filter.toMs === undefined ? LAST_UUID : firstUuidOf(filter.toMs);
  return {
    organization: owner,
    below: Buffer.compare(after, end) < 0 ? after : end,
    end,
    from: firstUuidOf(filter.fromMs ?? 0),
    // The entry is RFC 8785 text, which escapes in strings exactly what JSON.stringify escapes.
    text: filter.text === undefined ? null : JSON.stringify(filter.text).slice(1, -1),
    progress: filter.state === undefined ? null : PROGRESS.indexOf(filter.state),
  };
}

function openByTime(db: Connection): (bounds: Bounds, limit: number) => EvidencePage {
  const lastLookedAt = db
    .prepare<[Bounds], Buffer>(
      `select id from entries where organization = @organization and id < @below and id >= @from
       order by id desc limit 1 offset ${SCAN_ROWS - 1}`,
    )
    .pluck();
  const rows = db.prepare<[Bounds & { limit: number }], ListedRow & { progress: number }>(
    `select * from (select sequence, organization, id, received_ms, entry, leaf, coalesce(
         (select case when last_sequence >= sequence then progress end from batches
          where first_sequence <= sequence order by first_sequence desc limit 1), 0) as progress
       from entries where organization = @organization and id < @below and id >= @from)
     where (@text is null or instr(entry, @text) > 0) and (@progress is null or progress = @progress)
     order by id desc limit @limit`,
  );
  return (bounds, limit) => {
    // Where every row counts, the page itself is the bound.
    const isSearch = bounds.text !== null || bounds.progress !== null;
    const cut = isSearch ? lastLookedAt.get(bounds) : undefined;
    const found = rows.all({ ...bounds, from: cut ?? bounds.from, limit: limit + 1 });
    const items = found
      .slice(0, limit)
      .map((row): Item => ({ ...storedEntry(row), state: PROGRESS[row.progress]! }));
    if (found.length > limit) return { items, next: items.at(-1)!.id };
    return { items, next: cut && uuidText(cut) };
  };
}

/** In the order of the journal, which is that of the ids except for deposits that arrived in the same moment. */
function openByDigest(db: Connection, batches: BatchReads, recent: RecentWithDigest) {
  const newestSequence = db.prepare<[], number | null>('select max(sequence) from entries').pluck();
  const inSegment = db
    .prepare<number[], number>(
      `select sequence from lookup where kind = ${DIGESTS} and bucket = ? and hash = ? and sequence < ?
       order by sequence desc limit ?`,
    )
    .pluck();
  const bySequence = db.prepare<[number], EntryRow>('select * from entries where sequence = ?');
  const atOrBefore = db.prepare<[Buffer, Buffer], { sequence: number; id: Buffer }>(
    'select sequence, id from entries where organization = ? and id <= ? order by id desc limit 1',
  );

  function startOf(organization: Buffer, after: string | undefined): number {
    if (after === undefined) return Number.MAX_SAFE_INTEGER;
    const id = uuidBytes(after)!;
    const found = atOrBefore.get(organization, id);
    if (found === undefined) return 0;
    return found.id.equals(id) ? found.sequence : found.sequence + 1;
  }

  /** Newest first, at most SCAN_ROWS. Memory was asked before: what is merged meanwhile is found twice, not never. */
  function candidates(fromMemory: readonly number[], hash: number, below: number): number[] {
    const found = new Set(fromMemory.filter((sequence) => sequence < below));
    const newest = Math.min(newestSequence.get() ?? 0, below);
    for (let segment = segmentOf(newest); segment >= 0; segment--) {
      for (const sequence of inSegment.all(segment, hash, below, SCAN_ROWS)) found.add(sequence);
      if (found.size >= SCAN_ROWS) break;
    }
    return [...found].sort((a, b) => b - a).slice(0, SCAN_ROWS);
  }

  function matches(row: EntryRow, bounds: Bounds, digest: Buffer): boolean {
    return (
      bounds.organization.equals(row.organization) &&
      hasDigest(Buffer.from(row.digests), digest) &&
      Buffer.compare(row.id, bounds.from) >= 0 &&
      Buffer.compare(row.id, bounds.end) < 0 &&
      (bounds.text === null || row.entry.includes(bounds.text))
    );
  }

  return async (bounds: Bounds, digest: Buffer, page: Page): Promise<EvidencePage> => {
    const fromMemory = await recent(bounds.organization, digest);
    const below = startOf(bounds.organization, page.after);
    const sequences = candidates(fromMemory, lookupHash(bounds.organization, digest), below);
    const items: Item[] = [];
    for (const sequence of sequences) {
      const row = bySequence.get(sequence);
      if (row === undefined || !matches(row, bounds, digest)) continue;
      const state = batches.stateOf(sequence);
      if (bounds.progress !== null && state !== PROGRESS[bounds.progress]) continue;
      if (items.length === page.limit) return { items, next: items.at(-1)!.id };
      items.push({ ...storedEntry(row), state });
    }
    const last = sequences.length === SCAN_ROWS ? bySequence.get(sequences.at(-1)!) : undefined;
    return { items, next: last && uuidText(last.id) };
  };
}

function hasDigest(digests: Buffer, digest: Buffer): boolean {
  for (let at = 0; at < digests.length; at += digest.length)
    if (digests.subarray(at, at + digest.length).equals(digest)) return true;
  return false;
}
