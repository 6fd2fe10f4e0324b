import type { FixityStore } from '../../server/ports/store.ts';
import type { Database, Sync } from './store.ts';

/* Stored files and when they were last hashed, in the simulated database. */

export function fixityVerbs(database: Database): Sync<FixityStore> {
  return {
    unlistedEntries(limit, text) {
      const { entries, batches, listedThrough } = database.tables;
      const sealed = batches.at(-1)?.lastSequence ?? 0;
      const looked = entries
        .filter(({ sequence }) => sequence > listedThrough && sequence <= sealed)
        .slice(0, limit);
      return {
        entries: looked.filter(({ entry }) => entry.includes(text)),
        through: looked.at(-1)?.sequence,
      };
    },
    listFiles(files, through) {
      const { tables } = database;
      for (const file of files)
        if (!tables.files.has(file.sha256)) tables.files.set(file.sha256, { ...file, check: undefined });
      tables.listedThrough = Math.max(tables.listedThrough, through);
    },
    filesToCheck(last, beforeMs, limit) {
      const due = [...database.tables.files.values()].filter(
        ({ check, receivedMs }) =>
          (check?.result ?? 'unchecked') === last && (check?.checkedMs ?? receivedMs) < beforeMs,
      );
      return due.slice(0, limit).map(({ sha256, sm3, size }) => ({ sha256, sm3, size }));
    },
    recordFixity(checks) {
      for (const check of checks) {
        const file = database.tables.files.get(check.sha256);
        if (file !== undefined) file.check = check;
      }
    },
    fixityOf: (sha256s) => sha256s.map((sha256) => database.tables.files.get(sha256)?.check),
    fixityTotals() {
      const results = [...database.tables.files.values()].map(({ check }) => check?.result);
      const of = (result: string) => results.filter((one) => one === result).length;
      return { missing: of('missing'), damaged: of('damaged') };
    },
  };
}
