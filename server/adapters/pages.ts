import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page, Pages } from '../ports/pages.ts';

/** Where scripts/web.ts builds them. */
const BUILT = join(import.meta.dirname, '..', '..', 'build', 'web');

/** All of them into memory, some hundred kilobytes; undefined where none were built. */
export async function openPages(folder: string = BUILT): Promise<Pages | undefined> {
  const listed = await readList(join(folder, 'pages.json'));
  if (listed === undefined) return undefined;
  const pages = new Map<string, Page>();
  for (const [name, page] of Object.entries(listed)) {
    const [identity, gzip, br] = await Promise.all(
      ['', '.gz', '.br'].map((ending) => readFile(join(folder, name + ending))),
    );
    pages.set(name, { ...page, bodies: { identity: identity!, gzip: gzip!, br: br! } });
  }
  return pages;
}

async function readList(path: string): Promise<Record<string, Omit<Page, 'bodies'>> | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, Omit<Page, 'bodies'>>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
