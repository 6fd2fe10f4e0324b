import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import {
  type AbsentBlob,
  BACKUP_FORMAT,
  type BackupManifest,
  BLOB_LIST,
  copyFile,
  createFolders,
  DATABASE,
  digestOf,
  type Embedded,
  eachOf,
  isOfDisk,
  type ListedBlob,
  lineOf,
  listFolder,
  MANIFEST,
  MOMENT,
  nameOfBlob,
  type Part,
  type Room,
  readList,
  readManifest,
  syncFolder,
} from './archive.ts';
import { EXIT, parse, UsageError, userPath } from './usage.ts';

/** Where the installation's data are. */
export interface BackupSource {
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly blobs: string | undefined;
  /** Configured elsewhere than in the data folder. */
  readonly issuerKeyFile: string | undefined;
  readonly issuerCertFile: string | undefined;
}

const LOCK = 'backup.lock';

/**
 * The demonstration's chain comes first: a chain that is older than the database is one that lost its last blocks, which
 * the service sets right by itself; a younger one would have roots that the database does not know.
 */
const BEFORE_DATABASE = ['chain/genesis.json', 'chain/operator.key', 'chain/state.json'];
const BESIDE_DATABASE = ['issuer.key.pem', 'issuer.cert.pem', 'trust.json', 'mode', 'demo.json'];

/** kezheng backup FOLDER: the whole of an embedded installation, while its service runs. */
export async function backupCommand(
  args: readonly string[],
  source: BackupSource,
  embedded: Embedded,
): Promise<number> {
  const { values, positionals } = parse(args, { link: { type: 'boolean' } });
  const [given] = positionals;
  if (given === undefined || positionals.length > 1)
    throw new UsageError('backup FOLDER：缺少文件夹 / the folder is missing');
  if (source.databaseUrl !== undefined || source.blobs !== undefined)
    throw new UsageError(
      'PostgreSQL 与 S3 请用它们自己的备份 / PostgreSQL and S3 have backups of their own; this one is for the data folder',
    );
  const folder = userPath(given);
  refuseInside(folder, source.dataDir);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await refuseForeign(folder);
  const unlock = await lock(folder);
  try {
    const absent = await backup({ folder, source, embedded, link: values.link === true, nowMs: Date.now() });
    await unlock();
    return tellAbsent(absent);
  } catch (error) {
    if (!isOfDisk(error)) throw error;
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
  readonly nowMs: number;
}

/**
 * Everything is durable before backup.json names it, and the backup before is deleted only after that: killed at any
 * moment, the folder holds the old backup or the new one. What has been copied already is found by the next run.
 */
async function backup(job: Job): Promise<readonly AbsentBlob[]> {
  const { folder, source, embedded } = job;
  const createdAt = new Date(job.nowMs).toISOString();
  const moment = createdAt.replaceAll(':', '-');
  const place = join(folder, moment);
  const earlier = await readManifest(folder);
  const folders = createFolders();
  await folders.make(join(place, 'chain'));

  const parts: Part[] = [];
  for (const path of BEFORE_DATABASE) parts.push(...(await copyPart(source, place, path)));
  embedded.snapshot(join(source.dataDir, DATABASE), join(place, DATABASE));
  parts.push({ path: DATABASE, mode: 0o600, ...(await digestOf(join(place, DATABASE))) });
  for (const path of BESIDE_DATABASE) parts.push(...(await copyPart(source, place, path)));

  const { absent, ...blobs } = await copyBlobs(job, place, folders, earlier);
  parts.push({ path: BLOB_LIST, mode: 0o600, ...(await digestOf(join(place, BLOB_LIST))) });
  await folders.sync(folder);

  const manifest: BackupManifest = {
    format: BACKUP_FORMAT,
    createdAt,
    moment,
    parts,
    blobs: { ...blobs, absent: absent.length },
  };
  await embedded.writeDurably(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  await removeOthers(folder, moment);
  process.stderr.write(
    `${folder}：${blobs.count} 个文件，${blobs.bytes} 字节 / ${blobs.count} files, ${blobs.bytes} bytes\n`,
  );
  return absent;
}

/** Its bytes, or nothing where the installation has none: a configured chain has no state of ours, for one. */
async function copyPart(source: BackupSource, place: string, path: string): Promise<Part[]> {
  const configured: Readonly<Record<string, string | undefined>> = {
    'issuer.key.pem': source.issuerKeyFile,
    'issuer.cert.pem': source.issuerCertFile,
  };
  const from = configured[path] ?? join(source.dataDir, path);
  if (!existsSync(from)) return [];
  const mode = (await stat(from)).mode & 0o777;
  const { size, sha256 } = await copyFile(from, join(place, path), mode);
  return [{ path, size, sha256, mode }];
}

type Folders = ReturnType<typeof createFolders>;

async function copyBlobs(
  { folder, source, embedded, link: mayLink }: Job,
  place: string,
  folders: Folders,
  earlier: BackupManifest | undefined,
) {
  const known = earlier === undefined ? new Map<string, ListedBlob>() : await treesOf(folder, earlier);
  const list = openSync(join(place, BLOB_LIST), 'wx', 0o600);
  const absent: AbsentBlob[] = [];
  let count = 0;
  let bytes = 0;
  try {
    await eachOf(embedded.blobsNamedIn(join(place, DATABASE)), async ({ room, name, size }) => {
      const from = embedded.blobPath(join(source.dataDir, 'blobs'), room, name);
      const to = embedded.blobPath(join(folder, 'blobs'), room, name);
      await folders.make(dirname(to));
      const there = await kept(to, room, name, size, known.get(name));
      const got = there ?? (await take(from, to, room, name, mayLink));
      writeSync(list, lineOf(got));
      if ('why' in got) {
        absent.push(got);
        return;
      }
      count++;
      bytes += got.size;
    });
    fsyncSync(list);
  } finally {
    closeSync(list);
  }
  return { count, bytes, absent };
}

/** Of a tree the name says nothing of its bytes, so the list of the last backup does. */
async function treesOf(folder: string, { moment }: BackupManifest): Promise<Map<string, ListedBlob>> {
  const trees = new Map<string, ListedBlob>();
  for await (const blob of readList(join(folder, moment, BLOB_LIST)))
    if (blob.room === 'trees' && !('why' in blob)) trees.set(blob.name, blob);
  return trees;
}

/** Copied by an earlier run: it got its name only when it was whole. */
async function kept(
  to: string,
  room: Room,
  name: string,
  size: number | undefined,
  known: ListedBlob | undefined,
): Promise<ListedBlob | undefined> {
  if (!existsSync(to)) return undefined;
  const there = (await stat(to)).size;
  if (room === 'trees') {
    const now = known?.size === there ? known : await digestOf(to);
    return { room, name, size: there, sha256: now.sha256 };
  }
  return there === size ? { room, name, size: there, sha256: name } : undefined;
}

/** A file whose bytes are not those of its name is not copied; a link is taken as it is, and looked at when restored. */
async function take(
  from: string,
  to: string,
  room: Room,
  name: string,
  mayLink: boolean,
): Promise<ListedBlob | AbsentBlob> {
  if (!existsSync(from)) return { room, name, why: 'missing' };
  if (mayLink && (await linked(from, to))) {
    const { size, sha256 } =
      room === 'files' ? { size: (await stat(to)).size, sha256: name } : await digestOf(to);
    return { room, name, size, sha256 };
  }
  const isRight = ({ sha256 }: { sha256: string }) => room === 'trees' || sha256 === name;
  const { size, sha256, accepted } = await copyFile(from, to, 0o600, isRight);
  return accepted ? { room, name, size, sha256 } : { room, name, why: 'damaged' };
}

/** False where the two are on different file systems, or where this one has no links. */
async function linked(from: string, to: string): Promise<boolean> {
  await rm(to, { force: true });
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
    return false;
  }
}

/** Older moments, and what runs that did not come to their end have left. */
async function removeOthers(folder: string, moment: string): Promise<void> {
  for (const name of await listFolder(folder))
    if (MOMENT.test(name) && name !== moment) await rm(join(folder, name), { recursive: true });
}

function refuseInside(folder: string, dataDir: string): void {
  const way = relative(dataDir, folder);
  if (way !== '..' && !way.startsWith('../'))
    throw new UsageError(`备份不能放在数据目录内 / a backup does not go into the data folder: ${folder}`);
}

/** A folder with something else in it is somebody's. */
async function refuseForeign(folder: string): Promise<void> {
  const names = await listFolder(folder);
  if (names.length > 0 && !names.includes(MANIFEST) && !names.includes(LOCK))
    throw new UsageError(
      `${folder} 不是空文件夹，也不是备份 / is neither empty nor a backup; name another folder`,
    );
}

/** One backup at a time. A lock whose process is gone is of a run that was killed. */
async function lock(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, LOCK);
  const holder = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
  if (holder > 0 && holder !== process.pid && isRunning(holder))
    throw new UsageError(
      `另一次备份正在进行（进程 ${holder}） / another backup is under way, process ${holder}`,
    );
  await writeFile(path, `${process.pid}\n`);
  return async () => {
    await rm(path, { force: true });
    await syncFolder(folder);
  };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** How many names are written out; all are in blobs.list. */
const NAMED = 20;

/** The rest is safe; what the installation itself has lost a backup cannot bring back, and must not hide. */
function tellAbsent(absent: readonly AbsentBlob[]): number {
  if (absent.length === 0) return EXIT.valid;
  const names = absent.slice(0, NAMED).map((blob) => `  ${blob.why}  ${nameOfBlob(blob)}\n`);
  process.stderr.write(
    `${absent.length} 个文件缺失或损坏，不在备份中 / files are missing or damaged and not in the backup:\n${names.join('')}`,
  );
  return EXIT.incomplete;
}
