import { existsSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';
import {
  BACKUP_FORMAT,
  type BackupManifest,
  BLOB_LIST,
  copyFile,
  createFolders,
  DATABASE,
  digestOf,
  type Embedded,
  isOfDisk,
  LOCK,
  listFolder,
  MANIFEST,
  MOMENT,
  nameOfBlob,
  type Part,
  readManifest,
  readManifestOrCopy,
} from './archive.ts';
import { type ColdSource, type CopiedBlobs, copyBlobs } from './backup-blobs.ts';
import { type Lock, LockLost, takeLock } from './lock.ts';
import { DATA_KEYS, KEY_FILES, SIGNING_PAIRS } from './signing-files.ts';
import { EXIT, parse, UsageError, userPath } from './usage.ts';

/** Where the installation's data are. */
export interface BackupSource {
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly blobs: string | undefined;
  /** Where old batches' trees and files were moved to; undefined: nowhere. */
  readonly coldBlobs?: string | undefined;
  openCold(place: string): Promise<ColdSource & { close(): void }>;
  /** Where what it signs with stands, by its name in a backup, where it is configured to stand elsewhere. */
  readonly configured: Readonly<Record<string, string | undefined>>;
}

/**
 * The demonstration's chain comes first: a chain that is older than the database is one that lost its last blocks, which
 * the service sets right by itself; a younger one would have roots that the database does not know.
 */
const BEFORE_DATABASE = ['chain/genesis.json', 'chain/operator.key', 'chain/state.json'];
const BESIDE_DATABASE = [...KEY_FILES.map(({ path }) => path), 'trust.json', 'mode', 'demo.json'];

/** kezheng backup FOLDER: the whole of an embedded installation, while its service runs. */
export async function backupCommand(
  args: readonly string[],
  source: BackupSource,
  embedded: Embedded,
): Promise<number> {
  const { values, positionals } = parse(args, { link: { type: 'boolean' }, verify: { type: 'boolean' } });
  const [given] = positionals;
  if (given === undefined || positionals.length > 1)
    throw new UsageError('backup FOLDER：缺少文件夹 / the folder is missing');
  if (source.databaseUrl !== undefined || source.blobs !== undefined)
    throw new UsageError(
      'PostgreSQL 与 S3 请用它们自己的备份 / PostgreSQL and S3 have backups of their own; this one is for the data folder',
    );
  const folder = userPath(given);
  refuseInside(folder, source.dataDir);
  const [link, verify] = [values.link === true, values.verify === true];
  try {
    await embedded.makeFolder(folder, 0o700);
    await refuseForeign(folder);
    const lock = await takeLock(join(folder, LOCK), { zh: '备份', en: 'backup' });
    try {
      const earlier = await earlierIn(folder, verify);
      return tell(await backup({ folder, source, embedded, link, verify, earlier, lock, nowMs: Date.now() }));
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (!isOfDisk(error) && !(error instanceof LockLost)) throw error;
    process.stderr.write(
      `备份没有完成，此前的备份未受影响 / not finished; an earlier backup is as it was: ${error.message}\n`,
    );
    return EXIT.invalid;
  }
}

interface Job {
  readonly folder: string;
  readonly source: BackupSource;
  readonly embedded: Embedded;
  readonly link: boolean;
  readonly verify: boolean;
  readonly earlier: BackupManifest | undefined;
  readonly lock: Lock;
  readonly nowMs: number;
}

interface Done {
  readonly manifest: BackupManifest;
  readonly blobs: CopiedBlobs;
  readonly folder: string;
  readonly notInIt: readonly string[];
}

/** A description that is damaged or gone keeps nothing from being verified. */
async function earlierIn(folder: string, verify: boolean): Promise<BackupManifest | undefined> {
  // It may as well be somebody's own backup.json, in a folder that is none of ours.
  const isOurs = (await listFolder(folder)).some((name) => MOMENT.test(name));
  if (verify && isOurs) return readManifestOrCopy(folder);
  try {
    return await readManifest(folder);
  } catch (error) {
    if (!(error instanceof UsageError && isOurs)) throw error;
    throw new UsageError(`${error.message}；可用 --verify 重建 / --verify makes it anew`);
  }
}

/**
 * Everything is durable before backup.json names it, and the backup before is deleted only after that: killed at any
 * moment, the folder holds the old backup or the new one. What has been copied already is found by the next run.
 */
async function backup(job: Job): Promise<Done> {
  const { folder, source, embedded, earlier } = job;
  const createdAt = new Date(job.nowMs).toISOString();
  const moment = createdAt.replaceAll(':', '-');
  const place = join(folder, moment);
  try {
    const { parts, blobs } = await copyAll(job, place);
    const manifest: BackupManifest = {
      format: BACKUP_FORMAT,
      createdAt,
      moment,
      parts,
      blobs: { count: blobs.count, bytes: blobs.bytes, absent: blobs.absent.length },
      checkedUpTo: blobs.checkedUpTo,
    };
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    await embedded.writeDurably(join(place, MANIFEST), text);
    await job.lock.confirm();
    await embedded.writeDurably(join(folder, MANIFEST), text);
    await removeOlder(folder, moment, earlier?.moment);
    const notInIt = await notInBackup(source, manifest);
    if (blobs.elsewhere > 0)
      notInIt.push(
        `冷存中的 ${blobs.elsewhere} 个文件，由该存储自行备份 / ${blobs.elsewhere} files in cold storage, which has backups of its own`,
      );
    return { manifest, blobs, folder, notInIt };
  } catch (error) {
    // On a full disk the next run needs its room. Where backup.json was replaced already, the moment stays.
    const named = await readManifest(folder).catch(() => undefined);
    if (named?.moment !== moment && isOfDisk(error)) await rm(place, { recursive: true, force: true });
    throw error;
  }
}

/** One moment in its place, durable, and every blob that it refers to. */
async function copyAll(job: Job, place: string): Promise<{ parts: Part[]; blobs: CopiedBlobs }> {
  const { folder, source, embedded } = job;
  const folders = createFolders(embedded.makeFolder);
  await folders.make(join(place, 'chain'));
  const parts: Part[] = [];
  for (const path of BEFORE_DATABASE) parts.push(...(await copyPart(source, place, path)));
  embedded.snapshot(join(source.dataDir, DATABASE), join(place, DATABASE));
  parts.push({ path: DATABASE, mode: 0o600, ...(await digestOf(join(place, DATABASE))) });
  // Of a cold folder everything is in the backup; a bucket is still needed beside what is restored.
  const cold = source.coldBlobs?.startsWith('s3://') ? ['cold.json'] : [];
  for (const path of [...BESIDE_DATABASE, ...cold]) parts.push(...(await copyPart(source, place, path)));
  const blobs = await withCold(source, (cold) =>
    copyBlobs({ ...job, dataDir: source.dataDir, cold }, place, folders, job.earlier),
  );
  parts.push({ path: BLOB_LIST, mode: 0o600, ...(await digestOf(join(place, BLOB_LIST))) });
  await folders.sync(folder);
  return { parts, blobs };
}

async function withCold<T>(
  { coldBlobs, openCold }: BackupSource,
  use: (cold: ColdSource | undefined) => Promise<T>,
): Promise<T> {
  if (coldBlobs === undefined) return use(undefined);
  const cold = await openCold(coldBlobs);
  try {
    return await use(cold);
  } finally {
    cold.close();
  }
}

/** Its bytes, or nothing where the installation has none: a configured chain has no state of ours, for one. */
async function copyPart(source: BackupSource, place: string, path: string): Promise<Part[]> {
  const from = source.configured[path] ?? join(source.dataDir, path);
  if (!existsSync(from)) return [];
  const mode = (await stat(from)).mode & 0o777;
  const { size, sha256 } = await copyFile(from, join(place, path), mode);
  return [{ path, size, sha256, mode }];
}

/** The moment that was replaced, and what runs before this one have left; a later one is of a run that took over. */
async function removeOlder(folder: string, moment: string, replaced: string | undefined): Promise<void> {
  for (const name of await listFolder(folder))
    if (MOMENT.test(name) && name !== moment && (name < moment || name === replaced))
      await rm(join(folder, name), { recursive: true });
}

/**
 * On purpose: the operator's key pays for transactions and is where its owner put it, and settings hold secrets of
 * other systems. The demonstration's key is in it, since it belongs to nothing but its chain.
 */
async function notInBackup({ dataDir }: BackupSource, { parts }: BackupManifest): Promise<string[]> {
  const mode = await readFile(join(dataDir, 'mode'), 'utf8').catch(() => '');
  if (mode.trim() !== 'configured') return [];
  const missing = [
    '操作者私钥 KEZHENG_OPERATOR_KEY_FILE；遗失则只能另起一条日志 / the operator key; without it there will be another log',
    '设置（环境变量）、KEZHENG_TRUST_FILE 所指文件 / settings (environment), the file of KEZHENG_TRUST_FILE',
  ];
  for (const { key, cert, zh, en } of SIGNING_PAIRS) {
    const settings = [key, cert].map(({ setting }) => `KEZHENG_${setting}`);
    if (!parts.some(({ path }) => path === key.path))
      missing.push(
        `${zh} ${settings.join('、')}；备份时给出这两项设置即包含在内 / ${en}; they are in it where a backup is given these two settings`,
      );
  }
  if (!parts.some(({ path }) => path === DATA_KEYS.path))
    missing.push(
      `加密密钥 KEZHENG_${DATA_KEYS.setting}；备份时给出此项设置即包含在内，遗失则第二凭证与证件号码无法读取 / the keys under which secrets are sealed; in it where a backup is given this setting; without them second factors and identity numbers cannot be read`,
    );
  return missing;
}

function refuseInside(folder: string, dataDir: string): void {
  const way = relative(dataDir, folder);
  if (way !== '..' && !way.startsWith('../'))
    throw new UsageError(`备份不能放在数据目录内 / a backup does not go into the data folder: ${folder}`);
}

/** A folder with something else in it is somebody's; a first backup that was not finished has left only our own names. */
async function refuseForeign(folder: string): Promise<void> {
  const names = await listFolder(folder);
  if (names.includes(MANIFEST) || names.includes(LOCK)) return;
  if (!names.every((name) => name === 'blobs' || MOMENT.test(name)))
    throw new UsageError(
      `${folder} 不是空文件夹，也不是备份 / is neither empty nor a backup; name another folder`,
    );
}

/** How many names are written out; all are in blobs.list. */
const NAMED = 20;

const named = (lines: readonly string[]): string =>
  [...lines.slice(0, NAMED), ...(lines.length > NAMED ? ['…'] : [])].map((line) => `  ${line}\n`).join('');

/** The rest is safe; what the installation itself has lost a backup cannot bring back, and must not hide. */
function tell({ folder, manifest, blobs: { healed, absent }, notInIt }: Done): number {
  const { count, bytes } = manifest.blobs;
  const told = [`${folder}：${count} 个文件，${bytes} 字节 / ${count} files, ${bytes} bytes\n`];
  if (healed.length > 0)
    told.push(
      `备份中 ${healed.length} 个文件已损坏，已重新复制；请检查存放备份的磁盘 / copies were damaged and were made anew; look at the disk that holds the backup:\n`,
      named(healed.map(nameOfBlob)),
    );
  if (notInIt.length > 0)
    told.push('不在备份中，须另行保存 / not in the backup, to be kept elsewhere:\n', named(notInIt));
  if (absent.length > 0)
    told.push(
      `${absent.length} 个文件缺失或损坏，不在备份中 / files are missing or damaged and not in the backup:\n`,
      named(absent.map((blob) => `${blob.why}  ${nameOfBlob(blob)}`)),
    );
  process.stderr.write(told.join(''));
  return absent.length > 0 ? EXIT.incomplete : EXIT.valid;
}
