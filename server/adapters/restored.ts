import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from './files.ts';

const markIn = (dataDir: string): string => join(dataDir, 'restored.json');

/** Says in the data themselves that they came out of a backup: whoever runs on them first compares them with the log. */
export const markRestored = (dataDir: string, backup: { readonly createdAt: string }): Promise<void> =>
  writeDurably(markIn(dataDir), `${JSON.stringify(backup)}\n`);

/** A crash before the mark is gone has the data compared once more, which is harmless. */
export function openRestoredMark(dataDir: string) {
  let isUncompared = existsSync(markIn(dataDir));
  return {
    isUncompared: () => isUncompared,
    async compared(): Promise<void> {
      isUncompared = false;
      await rm(markIn(dataDir), { force: true });
    },
  };
}
