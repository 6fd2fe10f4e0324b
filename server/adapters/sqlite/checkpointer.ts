import { parentPort, workerData } from 'node:worker_threads';
import { type Connection, logPages, openForCheckpoints } from './connection.ts';

/*
 * The thread that copies the write-ahead log into the database while the writer goes on. The copy waits for the disk a
 * twentieth of a second at a time, which would otherwise be a pause for every deposit. Without this thread nothing is
 * lost: the log grows until the writer copies it itself.
 */

const { path } = workerData as { path: string };

/** Pages in the log that are worth an fsync of the database: 8 MiB. */
const WORTH_COPYING = 2_000;

/** Pages after which the log begins anew: 32 MiB. */
const LONG_LOG = 8_000;

const EVERY_MS = 200;

let db: Connection | undefined;

/** True where the log is long and all but copied: what the writer then copies itself is a few milliseconds' worth. */
function round(): boolean {
  db ??= openForCheckpoints(path);
  const { pages, copied } = logPages(db, 'NOOP');
  if (pages - copied < WORTH_COPYING) return false;
  return logPages(db, 'PASSIVE').pages >= LONG_LOG;
}

setInterval(() => {
  try {
    if (round()) parentPort!.postMessage('long');
  } catch {
    // A disk that fails is the writer's to tell of; the file may be gone, or come back.
    db?.close();
    db = undefined;
  }
}, EVERY_MS);
