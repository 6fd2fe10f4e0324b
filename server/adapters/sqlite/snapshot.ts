import { closeSync, fsyncSync, openSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { openForReading } from './connection.ts';

/**
 * One moment of the database, whole, in a new file, while the service goes on writing. VACUUM INTO reads in one
 * transaction, so it never begins anew; SQLite's backup API copies pages and starts over whenever another process has
 * written, which under load is always. Until it ends the write-ahead log cannot be cut, so it grows by what comes in.
 */
export function snapshotSqlite(path: string, file: string): void {
  // An empty file of our own mode is what VACUUM INTO may write to.
  closeSync(openSync(file, 'wx', 0o600));
  const db = openForReading(path);
  try {
    db.prepare('vacuum into ?').run(file);
  } finally {
    db.close();
  }
  const made = openSync(file, 'r+');
  fsyncSync(made);
  closeSync(made);
}

export interface NamedBlob {
  readonly room: 'files' | 'trees';
  readonly name: string;
  /** as the journal says; undefined of a tree */
  readonly size: number | undefined;
}

/** Every blob that the journal and the batches of this database refer to, once each; SQLite sorts on disk. */
export function* blobsNamedIn(file: string): Generator<NamedBlob, void, void> {
  const db = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    const files = db.prepare<[], { name: string; size: number }>(
      `select file.value ->> 'sha256' as name, max(file.value ->> 'size') as size
       from entries, json_each(iif(json_valid(entry), entry, '{}'), '$.files') as file
       where instr(entry, '"digests":"computed"') > 0 and file.value ->> 'digests' = 'computed'
       group by 1 order by 1`,
    );
    for (const { name, size } of files.iterate()) yield { room: 'files', name, size };
    const roots = db.prepare<[], string>('select distinct root from batches order by 1').pluck();
    for (const name of roots.iterate()) yield { room: 'trees', name, size: undefined };
  } finally {
    db.close();
  }
}
