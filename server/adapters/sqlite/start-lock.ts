import Sqlite from 'better-sqlite3';

/** What is made at a first start takes a second: who waits longer waits for somebody who hangs, and goes on without. */
const WAIT_MS = 30_000;

/**
 * One after the other on this file, also of several processes that start at once. The lock goes with its process,
 * however that ends. Where there can be no such file the work is done all the same, and says itself what is wrong.
 */
export async function oneAtATime<T>(path: string, work: () => Promise<T>): Promise<T> {
  const release = take(path);
  try {
    return await work();
  } finally {
    release();
  }
}

function take(path: string): () => void {
  let db: Sqlite.Database | undefined;
  try {
    db = new Sqlite(path, { timeout: WAIT_MS });
    db.exec('begin exclusive');
  } catch (error) {
    if (!(error instanceof Sqlite.SqliteError || error instanceof TypeError)) throw error;
  }
  return () => void db?.close();
}
