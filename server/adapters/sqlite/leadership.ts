import Sqlite from 'better-sqlite3';
import type { Leadership } from '../../ports/leadership.ts';

/**
 * Leadership among the processes that share a folder: an exclusive lock on a small file of its own, which the operating
 * system takes back from a process that died. Two services on one folder are rare, and mostly a mistake; the second one
 * answers and waits.
 */
export function openFolderLeadership(path: string): Leadership {
  const db = new Sqlite(path, { timeout: 0 });
  let holds = false;
  return {
    async lead() {
      if (holds) return true;
      try {
        db.exec('begin exclusive');
        holds = true;
      } catch (error) {
        if (!(error as { code?: string }).code?.startsWith('SQLITE_BUSY')) throw error;
      }
      return holds;
    },
    // It is never lost but with the process.
    term: () => 1,
    // Whoever shares the folder shares its disk: another one would get no further, and might be a mistake.
    async resign() {},
    async close() {
      holds = false;
      db.close();
    },
  };
}
