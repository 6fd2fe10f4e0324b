import type { FixityCheck, FixityResult, StoredEntry, StoredFile } from '../../ports/store.ts';
import type { Connection } from './connection.ts';
import { storedEntry } from './deposits.ts';
import type { EntryRow, Schema } from './schema.ts';

type FixityRow = Schema['fixity'];
type FileRow = Pick<FixityRow, 'sha256' | 'sm3' | 'size'>;
type ListedFile = StoredFile & { readonly receivedMs: number };

export function openFixityReads(db: Connection) {
  // In SQLite the journal has no gaps, and batches take it from the front.
  const bounds = db.prepare<[], { through: number; sealed: number }>(
    `select (select listed_through from fixity_state) as through,
       coalesce((select last_sequence from batches order by number desc limit 1), 0) as sealed`,
  );
  const holding = db.prepare<[number, number, string], EntryRow>(
    `select sequence, organization, id, received_ms, entry, leaf from entries
     where sequence > ? and sequence <= ? and instr(entry, ?) > 0 order by sequence`,
  );
  const due = db.prepare<[string, number, number], FileRow>(
    'select sha256, sm3, size from fixity where result = ? and since_ms < ? order by since_ms limit ?',
  );
  const bySha256 = db.prepare<[Buffer], FixityRow>(
    "select * from fixity where sha256 = ? and result <> 'unchecked'",
  );
  const count = db.prepare<[FixityResult], number>('select count(*) from fixity where result = ?').pluck();
  return {
    unlistedEntries(limit: number, text: string): { entries: StoredEntry[]; through: number | undefined } {
      const { through, sealed } = bounds.get()!;
      const last = Math.min(through + limit, sealed);
      if (last <= through) return { entries: [], through: undefined };
      return { entries: holding.all(through, last, text).map(storedEntry), through: last };
    },
    filesToCheck: (last: FixityResult | 'unchecked', beforeMs: number, limit: number): StoredFile[] =>
      due.all(last, beforeMs, limit).map((row) => ({
        sha256: hex(row.sha256),
        sm3: hex(row.sm3),
        size: row.size,
      })),
    fixityOf: (sha256s: readonly string[]): (FixityCheck | undefined)[] =>
      sha256s.map((sha256) => {
        const row = bySha256.get(Buffer.from(sha256, 'hex'));
        return row && checkOf(row);
      }),
    fixityTotals: () => ({ missing: count.get('missing')!, damaged: count.get('damaged')! }),
  };
}

export function openFixityWrites(db: Connection) {
  const add = db.prepare<[Buffer, Buffer, number, number]>(
    `insert into fixity (sha256, sm3, size, result, since_ms) values (?, ?, ?, 'unchecked', ?)
     on conflict do nothing`,
  );
  const move = db.prepare<[number]>('update fixity_state set listed_through = max(listed_through, ?)');
  const record = db.prepare<[FixityResult, number, string | null, Buffer]>(
    'update fixity set result = ?, since_ms = ?, found = ? where sha256 = ?',
  );
  return {
    listFiles(files: readonly ListedFile[], through: number): void {
      for (const { sha256, sm3, size, receivedMs } of files)
        add.run(Buffer.from(sha256, 'hex'), Buffer.from(sm3, 'hex'), size, receivedMs);
      move.run(through);
    },
    recordFixity(checks: readonly FixityCheck[]): void {
      for (const { sha256, result, checkedMs, found } of checks) {
        const text = found === undefined ? null : JSON.stringify(found);
        record.run(result, checkedMs, text, Buffer.from(sha256, 'hex'));
      }
    },
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const checkOf = (row: FixityRow): FixityCheck => ({
  sha256: hex(row.sha256),
  checkedMs: row.since_ms,
  result: row.result as FixityResult,
  found: row.found === null ? undefined : (JSON.parse(row.found) as StoredFile),
});
