import Sqlite from 'better-sqlite3';
import { StoreUnavailable } from '../../ports/store.ts';

export type Connection = Sqlite.Database;

/** How long a statement waits for another process (the command line, a backup) before it gives up. */
const BUSY_MS = 5_000;

/** Pages of 4 KiB in the write-ahead log at which the writer copies it into the database; 32 MiB. */
const CHECKPOINT_PAGES = 8_000;

/** The same where another thread copies it, and the writer only if that one does not keep up; 96 MiB. */
const LATE_CHECKPOINT_PAGES = 24_000;

/** A log that grew while a long reader held it is cut back to this many bytes. */
const LOG_BYTES = 128 * 1024 * 1024;

/**
 * The writing connection. synchronous=FULL fsyncs the write-ahead log at each COMMIT: once it returned, the rows
 * survive a power cut; before that, a crash leaves none of the transaction.
 */
export function openForWriting(path: string): Connection {
  const db = new Sqlite(path, { timeout: BUSY_MS });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.pragma(`journal_size_limit = ${LOG_BYTES}`);
  return db;
}

/** From now on somebody else copies the log. */
export const leaveLog = (db: Connection): void =>
  void db.pragma(`wal_autocheckpoint = ${LATE_CHECKPOINT_PAGES}`);

/** Copies the log into the database and writes nothing of its own. */
export function openForCheckpoints(path: string): Connection {
  const db = new Sqlite(path, { fileMustExist: true, timeout: BUSY_MS });
  db.pragma('synchronous = FULL');
  db.pragma('wal_autocheckpoint = 0');
  return db;
}

/** Pages in the write-ahead log, and those of them that are in the database too; PASSIVE copies what it can first. */
export function logPages(db: Connection, mode: 'NOOP' | 'PASSIVE'): { pages: number; copied: number } {
  const [{ log, checkpointed }] = db.pragma(`wal_checkpoint(${mode})`) as [
    { log: number; checkpointed: number },
  ];
  return { pages: log, copied: checkpointed };
}

/** Sees every committed transaction and cannot write: no bug of a reader reaches the data. */
export const openForReading = (path: string): Connection =>
  new Sqlite(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });

/** Result codes that speak of the disk or of other processes and not of us; extended codes begin with these. */
const STORAGE_CODES = [
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_READONLY',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_CANTOPEN',
  'SQLITE_PROTOCOL',
  'SQLITE_NOMEM',
];

const codeOf = (error: unknown): string => (error instanceof Sqlite.SqliteError ? error.code : '');

export const isStorageFailure = (error: unknown): boolean =>
  STORAGE_CODES.some((code) => codeOf(error).startsWith(code));

/** A row that breaks a rule of the schema: that row alone is at fault. */
export const isConstraint = (error: unknown): boolean => codeOf(error).startsWith('SQLITE_CONSTRAINT');

/** After these SQLite has rolled back cleanly and the connection is as before; after others it is opened anew. */
export const isHarmless = (error: unknown): boolean =>
  codeOf(error) === 'SQLITE_FULL' || codeOf(error).startsWith('SQLITE_BUSY');

/** Runs a read; a failing disk becomes StoreUnavailable, everything else is a bug and stays as it is. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw isStorageFailure(error) ? new StoreUnavailable(`database: ${codeOf(error)}`, error) : error;
  }
}
