import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeFolder, writeDurably } from './files.ts';
import { parseS3Address } from './s3/address.ts';

/*
 * Where old batches' trees and files are moved to. Two marks keep an installation from losing sight of them: cold.json
 * in the data folder says that there is such a place, so that nothing runs that does not know it; and a file in a cold
 * folder says that it is the one, so that a disk which is not mounted is no empty place.
 */

/** Why the setting cannot be used as it is. */
export class ColdRefused extends Error {
  readonly zh: string;
  readonly en: string;
  constructor(zh: string, en: string) {
    super(`${zh} / ${en}`);
    this.name = 'ColdRefused';
    this.zh = zh;
    this.en = en;
  }
}

const MARK = 'kezheng-cold';

const markIn = (dataDir: string): string => join(dataDir, 'cold.json');

export const isBucket = (place: string): boolean => place.startsWith('s3://');

/** `s3://…` or a folder, whole; throws BadS3Address or ColdRefused. */
export function parseColdPlace(
  given: string,
  near: { readonly dataDir: string; readonly blobs: string | undefined },
): string {
  const place = isBucket(given) ? given : resolve(given);
  if (isBucket(place)) {
    const [cold, own] = [
      parseS3Address(place),
      near.blobs === undefined ? undefined : parseS3Address(near.blobs),
    ];
    if (own && own.bucket === cold.bucket && own.prefix === cold.prefix && own.endpoint === cold.endpoint)
      throw new ColdRefused('与 KEZHENG_BLOBS 是同一处', 'is the same place as KEZHENG_BLOBS');
  } else if (`${place}/`.startsWith(`${resolve(near.dataDir)}/`)) {
    throw new ColdRefused('须在数据目录之外', 'must be outside of the data folder');
  }
  return place;
}

interface Known {
  readonly place: string;
  /** the same in the mark of a cold folder */
  readonly id: string;
}

/** The place that these data know of; undefined where nothing was ever to be moved. */
export const knownCold = (dataDir: string): string | undefined => known(dataDir)?.place;

function known(dataDir: string): Known | undefined {
  try {
    const { place, id } = JSON.parse(readFileSync(markIn(dataDir), 'utf8')) as Partial<
      Record<keyof Known, unknown>
    >;
    return { place: typeof place === 'string' ? place : '…', id: typeof id === 'string' ? id : '…' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // A mark that somebody has spoilt is a mark all the same.
    if (error instanceof SyntaxError) return { place: '…', id: '…' };
    throw error;
  }
}

/** The id in a cold folder; undefined where it is none. */
function idIn(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, MARK), 'utf8').split('\n')[0]!;
  } catch {
    return undefined;
  }
}

/** Throws ColdRefused where what is set and what the data know of do not go together. */
export function checkCold(dataDir: string, place: string | undefined): void {
  const before = known(dataDir);
  if (before === undefined) return;
  if (place === undefined)
    throw new ColdRefused(
      `旧批次的树与原件已移往或将移往 ${before.place}，须配置为该处（确未移动过时可删去 cold.json）`,
      `trees and files of old batches go to ${before.place}, which must be set here (where none ever went, cold.json can be removed)`,
    );
  if (isBucket(place)) {
    if (place !== before.place)
      throw new ColdRefused(
        `此处数据的冷存是 ${before.place}；内容已全部搬到新处的，请先改写数据目录的 cold.json`,
        `the cold place of these data is ${before.place}; where all of it was moved, change cold.json in the data folder first`,
      );
    return;
  }
  const id = idIn(place);
  if (id === undefined)
    throw new ColdRefused(
      `${place} 中没有标记文件 ${MARK}：磁盘是否没有挂载？`,
      `${place} has no file ${MARK}: is its disk not mounted?`,
    );
  if (id !== before.id)
    throw new ColdRefused(
      `${place} 是另一处数据的冷存；此处的是 ${before.place}`,
      `${place} is the cold place of other data; that of these is ${before.place}`,
    );
}

/** After checkCold, at the start of a service: from then on these data know of the place. Instances share its id. */
export async function prepareCold(dataDir: string, place: string | undefined): Promise<void> {
  if (place === undefined) return;
  const before = known(dataDir);
  const id = before?.id ?? (isBucket(place) ? undefined : idIn(place)) ?? randomUUID();
  if (!isBucket(place)) {
    await makeFolder(place, 0o700);
    if (idIn(place) === undefined)
      await writeDurably(join(place, MARK), `${id}\n可证冷存 / cold storage of kezheng\n`);
  }
  if (before?.place !== place)
    await writeDurably(markIn(dataDir), `${JSON.stringify({ place, id, at: new Date().toISOString() })}\n`);
}
