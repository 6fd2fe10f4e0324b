import { existsSync, readFileSync } from 'node:fs';
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

/** The place that these data know of; undefined where nothing was ever to be moved. */
export function knownCold(dataDir: string): string | undefined {
  try {
    const { place } = JSON.parse(readFileSync(markIn(dataDir), 'utf8')) as { readonly place?: unknown };
    return typeof place === 'string' ? place : '…';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // A mark that somebody has spoilt is a mark all the same.
    if (error instanceof SyntaxError) return '…';
    throw error;
  }
}

/** Throws ColdRefused where what is set and what the data know of do not go together. */
export function checkCold(dataDir: string, place: string | undefined): void {
  const known = knownCold(dataDir);
  if (place === undefined) {
    if (known === undefined) return;
    throw new ColdRefused(
      `旧批次的树与原件已移往或将移往 ${known}，须配置为该处（确未移动过时可删去 cold.json）`,
      `trees and files of old batches go to ${known}, which must be set here (where none ever went, cold.json can be removed)`,
    );
  }
  if (isBucket(place)) return;
  if (known !== undefined && !existsSync(join(place, MARK)))
    throw new ColdRefused(
      `${place} 中没有标记文件 ${MARK}：磁盘是否没有挂载？`,
      `${place} has no file ${MARK}: is its disk not mounted?`,
    );
}

/** After checkCold, at the start of a service: from then on these data know of the place. */
export async function prepareCold(dataDir: string, place: string | undefined): Promise<void> {
  if (place === undefined) return;
  if (!isBucket(place)) {
    await makeFolder(place, 0o700);
    if (!existsSync(join(place, MARK)))
      await writeDurably(join(place, MARK), '可证冷存 / cold storage of kezheng\n');
  }
  if (knownCold(dataDir) !== place)
    await writeDurably(markIn(dataDir), `${JSON.stringify({ place, at: new Date().toISOString() })}\n`);
}
