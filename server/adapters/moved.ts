import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from './files.ts';

/** Where the data of a folder went. */
export interface Moved {
  /** of the database, without user and password */
  readonly database: string;
  /** of the files; null where they stayed in the folder */
  readonly blobs: string | null;
  /** ISO 8601 */
  readonly at: string;
}

const markIn = (dataDir: string): string => join(dataDir, 'moved.json');

/** Says in the folder itself that its database is elsewhere now: a service that started on it would fork the log. */
export const markMoved = (dataDir: string, moved: Moved): Promise<void> =>
  writeDurably(markIn(dataDir), `${JSON.stringify(moved, null, 2)}\n`);

/**
 * Where the data of this folder went, or undefined where they are still here. Where they went, nothing may start on
 * the database in the folder. A mark that somebody has spoilt is a mark all the same.
 */
export async function movedTo(dataDir: string): Promise<Moved | undefined> {
  let text: string;
  try {
    text = await readFile(markIn(dataDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { database, blobs, at } = parsed(text);
  return {
    database: typeof database === 'string' ? database : 'postgres://…',
    blobs: typeof blobs === 'string' ? blobs : null,
    at: typeof at === 'string' ? at : '…',
  };
}

function parsed(text: string): Partial<Record<keyof Moved, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
