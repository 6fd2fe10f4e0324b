import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Filed, OpenArchive, Source } from '../core/container/open.ts';
import { CONTAINER_BYTES, containerOf } from '../core/container/package.ts';
import type { BesideShape } from '../messages/checked.ts';
import { sortFiles } from '../pipeline/archive-items.ts';
import type { Item } from '../pipeline/check-many.ts';
import { beginsAsLines, lineItems } from '../pipeline/line-items.ts';
import { hashStream } from './hash-file.ts';
import { sourceOf } from './source.ts';
import { UsageError, userPath } from './usage.ts';

/* Many certificates out of a folder, an archive or a file of lines; on a machine of one's own as many as there are. */

export interface Many {
  readonly items: Iterable<Item> | AsyncIterable<Item>;
  readonly beside: BesideShape;
  close(): Promise<void>;
}

const ALL = Number.POSITIVE_INFINITY;

const sorted = (files: readonly Filed[]) =>
  sortFiles(files, { hash: hashed, limits: { items: ALL, bytes: ALL } });

const hashed = async (stream: AsyncIterable<Uint8Array>) => {
  const { sha256, sm3, size } = await hashStream(stream);
  return { sha256, sm3: sm3!, size: size! };
};

/** Throws FormatError where an archive cannot be read, or holds no certificate. */
export async function openMany(path: string, openArchive: OpenArchive): Promise<Many> {
  const place = userPath(path);
  if ((await stat(place)).isDirectory())
    return { ...(await sorted(await filesBelow(place))), close: async () => {} };
  const file = await open(place, 'r');
  const close = () => file.close();
  try {
    return { ...(await manyIn(path, await sourceOf(file), openArchive)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function manyIn(path: string, source: Source, openArchive: OpenArchive): Promise<Omit<Many, 'close'>> {
  if (containerOf(await source.read(0, CONTAINER_BYTES)) === 'package')
    return sorted(await openArchive(source, { bytes: Number.MAX_SAFE_INTEGER, entries: ALL }));
  if (await beginsAsLines(source))
    return { items: lineItems(source), beside: { files: 0, unmatched: () => [], aside: [] } };
  throw new UsageError(
    `${path} 应为压缩包、文件夹或每行一份证书的文件 / is an archive, a folder, or a file with a certificate a line`,
  );
}

/** In the order of their names; links are not followed. */
async function filesBelow(folder: string): Promise<readonly Filed[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted()
    .map((path) => ({
      name: relative(folder, path).replaceAll(sep, '/'),
      unpack: () => createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>,
    }));
}
