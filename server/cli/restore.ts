import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import {
  type BackupManifest,
  BLOB_LIST,
  copyFile,
  createFolders,
  DATABASE,
  type Embedded,
  eachOf,
  isOfDisk,
  listFolder,
  nameOfBlob,
  readList,
  readManifest,
  syncFolder,
} from './archive.ts';
import { EXIT, parse, UsageError, userPath } from './usage.ts';

/** Where everything is gathered and checked before any of it counts. */
const STAGING = '.restoring';

/** How many differences are written out. */
const NAMED = 20;

/**
 * kezheng restore FOLDER --data-dir DIR: an installation out of a backup. Every byte is checked while it is copied;
 * where one is wrong, nothing is restored. The database gets its place last: a run that is killed leaves a folder
 * that has none.
 */
export async function restoreCommand(args: readonly string[], embedded: Embedded): Promise<number> {
  const { values, positionals } = parse(args, { 'data-dir': { type: 'string' } });
  const [given] = positionals;
  const target = values['data-dir'];
  if (given === undefined || positionals.length > 1 || target === undefined)
    throw new UsageError('restore FOLDER --data-dir DIR');
  const folder = userPath(given);
  const dataDir = userPath(target);
  const manifest = await readManifest(folder);
  if (manifest === undefined)
    throw new UsageError(`${folder} 中没有完整的备份 / there is no whole backup in it`);
  await refuseFull(dataDir);

  const staging = join(dataDir, STAGING);
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true, mode: 0o700 });
  try {
    const wrong = await gather(folder, manifest, staging, embedded);
    if (wrong.length > 0) {
      await rm(staging, { recursive: true });
      return refuse(wrong);
    }
    await putInPlace(dataDir, staging, manifest, embedded);
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    process.stderr.write(`恢复没有完成，请重试 / not finished, run it again: ${error.message}\n`);
    return EXIT.invalid;
  }
  tell(dataDir, manifest);
  return EXIT.valid;
}

/** What stands there is somebody's, except what a run that was killed has gathered and not put in its place. */
async function refuseFull(dataDir: string): Promise<void> {
  const names = await listFolder(dataDir);
  if (names.every((name) => name === STAGING)) return;
  const why = names.includes(STAGING)
    ? '上一次恢复被中断，请清空后重试 / an earlier restore was interrupted; empty it and run this again'
    : '不是空文件夹，不在其上恢复 / is not empty, nothing is restored into it';
  throw new UsageError(`${dataDir}：${why}`);
}

/** Copies all into the staging folder; what is not as the backup says, by name. */
async function gather(
  folder: string,
  { moment, parts, blobs }: BackupManifest,
  staging: string,
  embedded: Embedded,
): Promise<string[]> {
  const wrong: string[] = [];
  const folders = createFolders();
  const bring = async (
    from: string,
    to: string,
    expected: { size: number; sha256: string; mode: number },
    name: string,
  ): Promise<void> => {
    await folders.make(dirname(to));
    const isRight = (copied: { size: number; sha256: string }) =>
      copied.size === expected.size && copied.sha256 === expected.sha256;
    try {
      const { accepted } = await copyFile(from, to, expected.mode, isRight);
      if (!accepted) wrong.push(`damaged  ${name}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      wrong.push(`missing  ${name}`);
    }
  };
  for (const part of parts)
    await bring(join(folder, moment, part.path), join(staging, part.path), part, part.path);
  // Without a list that can be believed nothing can be said of the blobs.
  if (wrong.length > 0) return wrong;

  for (const room of ['files', 'trees', 'tmp']) await folders.make(join(staging, 'blobs', room));
  const list = join(staging, BLOB_LIST);
  let count = 0;
  await eachOf(readList(list), async (blob) => {
    if ('why' in blob) return;
    count++;
    const from = embedded.blobPath(join(folder, 'blobs'), blob.room, blob.name);
    const to = embedded.blobPath(join(staging, 'blobs'), blob.room, blob.name);
    await bring(from, to, { ...blob, mode: 0o600 }, nameOfBlob(blob));
  });
  if (count !== blobs.count) wrong.push(`damaged  ${BLOB_LIST}`);
  await rm(list);
  await folders.sync(staging);
  return wrong;
}

/** The mark first: whenever the database is there, it says that it came out of a backup. */
async function putInPlace(
  dataDir: string,
  staging: string,
  { createdAt }: BackupManifest,
  embedded: Embedded,
): Promise<void> {
  await chmod(dataDir, 0o700);
  await embedded.markRestored(dataDir, { createdAt });
  const names = (await listFolder(staging)).filter((name) => name !== DATABASE);
  for (const name of [...names, DATABASE]) await rename(join(staging, name), join(dataDir, name));
  await syncFolder(dataDir);
  await rm(staging, { recursive: true });
}

function refuse(wrong: readonly string[]): number {
  const named = wrong.slice(0, NAMED).map((line) => `  ${line}\n`);
  process.stderr.write(
    `备份已损坏（${wrong.length} 处），没有恢复 / the backup is damaged in ${wrong.length} places, nothing was restored:\n${named.join('')}`,
  );
  return EXIT.invalid;
}

function tell(dataDir: string, { createdAt, blobs }: BackupManifest): void {
  process.stderr.write(
    `已恢复到 ${dataDir}：${createdAt} 的备份，${blobs.count} 个文件 / restored, as of ${createdAt}, ${blobs.count} files\n`,
  );
  if (blobs.absent > 0)
    process.stderr.write(
      `备份时即有 ${blobs.absent} 个文件缺失或损坏 / ${blobs.absent} files were missing or damaged already when it was made\n`,
    );
  process.stderr.write(
    '服务启动后先与链上日志比对，然后才封批 / the service compares these data with the log on the chain before it makes a batch\n',
  );
}
