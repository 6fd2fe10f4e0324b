import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import {
  type AbsentBlob,
  type BackupManifest,
  BLOB_LIST,
  copyFile,
  createFolders,
  DATABASE,
  type Digest,
  type Embedded,
  eachOf,
  isOfDisk,
  type ListedBlob,
  listFolder,
  nameOfBlob,
  readList,
  readManifest,
  readManifestOrCopy,
  Unreadable,
} from './archive.ts';
import { SIGNING_PAIRS } from './signing-files.ts';
import { syncFolder } from './sync-folder.ts';
import { EXIT, parse, UsageError, userPath } from './usage.ts';

/** Where everything is gathered and checked before any of it counts. */
const STAGING = '.restoring';

/** In the new data folder: what --incomplete could not restore. */
const NOT_RESTORED = 'not-restored.txt';

/** What is whole was restored, the rest was not; this command's own code. */
const EXIT_PARTLY = 3;

/** How many differences are written out where nothing was restored. */
const NAMED = 20;

/** A file that is not as the backup says. */
interface Finding {
  readonly why: 'damaged' | 'missing' | 'unchecked' | 'left-out';
  /** a part's path; of a blob its room and its name, which of a file is its SHA-256 */
  readonly name: string;
}

/**
 * kezheng restore FOLDER --data-dir DIR [--incomplete]: an installation out of a backup. Every byte is checked while it
 * is copied; where one is wrong, nothing is restored, or with --incomplete everything else, as long as the database is
 * whole. The database gets its place last: a run that is killed leaves a folder that has none.
 */
export async function restoreCommand(args: readonly string[], embedded: Embedded): Promise<number> {
  const { values, positionals } = parse(args, {
    'data-dir': { type: 'string' },
    incomplete: { type: 'boolean' },
  });
  const [given] = positionals;
  const target = values['data-dir'];
  if (given === undefined || positionals.length > 1 || target === undefined)
    throw new UsageError('restore FOLDER --data-dir DIR [--incomplete]');
  const folder = userPath(given);
  const dataDir = userPath(target);
  const isPartlyEnough = values.incomplete === true;
  const manifest = await manifestOf(folder, isPartlyEnough);
  if (manifest === undefined)
    throw new UsageError(`${folder} 中没有完整的备份 / there is no whole backup in it`);
  await refuseFull(dataDir);

  const staging = join(dataDir, STAGING);
  try {
    await rm(staging, { recursive: true, force: true });
    await embedded.makeFolder(staging, 0o700);
    const { findings, absent } = await gather({ folder, manifest, staging, embedded, isPartlyEnough });
    const isDatabaseWhole = findings.every(({ name }) => name !== DATABASE);
    if (findings.length > 0 && !(isPartlyEnough && isDatabaseWhole)) {
      await rm(staging, { recursive: true });
      return refuse(findings, isDatabaseWhole);
    }
    const lost = [...findings, ...(isPartlyEnough ? absent : [])];
    if (lost.length > 0)
      await embedded.writeDurably(join(staging, NOT_RESTORED), lost.map(lineOfFinding).join(''));
    await putInPlace(dataDir, staging, manifest, embedded);
    tell(dataDir, manifest, lost);
    if (findings.length > 0) return EXIT_PARTLY;
    return manifest.blobs.absent > 0 ? EXIT.incomplete : EXIT.valid;
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    process.stderr.write(`恢复没有完成，请重试 / not finished, run it again: ${error.message}\n`);
    return EXIT.invalid;
  }
}

async function manifestOf(folder: string, isPartlyEnough: boolean): Promise<BackupManifest | undefined> {
  if (isPartlyEnough) return readManifestOrCopy(folder);
  try {
    return await readManifest(folder);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message}；可用 --incomplete 按其副本恢复 / --incomplete goes by its copy`);
  }
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

interface Gathering {
  readonly folder: string;
  readonly manifest: BackupManifest;
  readonly staging: string;
  readonly embedded: Embedded;
  readonly isPartlyEnough: boolean;
}

interface Gathered {
  readonly findings: readonly Finding[];
  /** What the installation did not have whole when it was backed up. */
  readonly absent: readonly Finding[];
}

/** Copies all that is as the backup says into the staging folder; what is not, by name. */
async function gather(job: Gathering): Promise<Gathered> {
  const { folder, manifest, staging, embedded } = job;
  const folders = createFolders(embedded.makeFolder);
  const findings: Finding[] = [];
  for (const part of manifest.parts) {
    const to = join(staging, part.path);
    await folders.make(dirname(to));
    const why = await bring(join(folder, manifest.moment, part.path), to, part.mode, part);
    if (why !== undefined) findings.push({ why, name: part.path });
  }
  const isWhole = (path: string): boolean => findings.every(({ name }) => name !== path);
  if (!isWhole(DATABASE) || (findings.length > 0 && !job.isPartlyEnough)) return { findings, absent: [] };

  const list = join(staging, BLOB_LIST);
  const blobs = isWhole(BLOB_LIST) ? readList(list) : embedded.blobsNamedIn(join(staging, DATABASE));
  const gathered = await gatherBlobs(job, folders, blobs, isWhole(BLOB_LIST));
  findings.push(...(await keepTogether(job, findings)), ...gathered.findings);
  await rm(list, { force: true });
  await folders.sync(staging);
  return { findings, absent: gathered.absent };
}

/** Of what was copied, the digest is compared on the way; what is wrong has no name afterwards. */
async function bring(
  from: string,
  to: string,
  mode: number,
  expected: Partial<Digest>,
): Promise<'damaged' | 'missing' | undefined> {
  const isRight = ({ size, sha256 }: Digest): boolean =>
    size === (expected.size ?? size) && sha256 === (expected.sha256 ?? sha256);
  try {
    return (await copyFile(from, to, mode, isRight)).accepted ? undefined : 'damaged';
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    if (error.isMissing) return 'missing';
    if (error.isOfMedium) return 'damaged';
    throw error;
  }
}

type Named = ListedBlob | AbsentBlob | { readonly room: 'files' | 'trees'; readonly name: string };

/**
 * The blobs that the list names, or the database where there is no list that can be believed. Without the list a file
 * is checked by its name still; a tree is brought as it is, and is computed anew from its entries by fsck.
 */
async function gatherBlobs(
  { folder, manifest, staging, embedded }: Gathering,
  folders: ReturnType<typeof createFolders>,
  blobs: Iterable<Named> | AsyncIterable<Named>,
  hasList: boolean,
): Promise<{ findings: Finding[]; absent: Finding[] }> {
  for (const room of ['files', 'trees', 'tmp']) await folders.make(join(staging, 'blobs', room));
  const [findings, absent]: [Finding[], Finding[]] = [[], []];
  let count = 0;
  await eachOf(blobs, async (blob) => {
    const name = nameOfBlob(blob);
    if ('why' in blob) {
      absent.push({ why: blob.why, name });
      return;
    }
    count++;
    const from = embedded.blobPath(join(folder, 'blobs'), blob.room, blob.name);
    const to = embedded.blobPath(join(staging, 'blobs'), blob.room, blob.name);
    await folders.make(dirname(to));
    const byName = blob.room === 'files' ? { sha256: blob.name } : {};
    const why = await bring(from, to, 0o600, 'sha256' in blob ? blob : byName);
    const isUnchecked = !hasList && blob.room === 'trees';
    if (why !== undefined || isUnchecked) findings.push({ why: why ?? 'unchecked', name });
  });
  if (hasList && count !== manifest.blobs.count) findings.push({ why: 'damaged', name: BLOB_LIST });
  return { findings, absent };
}

/**
 * What is of no use, or worse, without another part: where the service finds a key without its certificate it makes
 * both anew, over the good key; blocks are of one genesis.
 */
const NEEDS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    SIGNING_PAIRS.flatMap(({ key, cert }) => [
      [key.path, cert.path],
      [cert.path, key.path],
    ]),
  ),
  'chain/state.json': 'chain/genesis.json',
};

/** What is left out for the sake of what is lost. Without its mode an installation counts as a configured one. */
async function keepTogether({ manifest, staging }: Gathering, lost: readonly Finding[]): Promise<Finding[]> {
  const isLost = (path: string): boolean => lost.some(({ name }) => name === path);
  const leftOut: Finding[] = [];
  for (const { path } of manifest.parts) {
    if (isLost(path) || !isLost(NEEDS[path] ?? '')) continue;
    await rm(join(staging, path));
    leftOut.push({ why: 'left-out', name: path });
  }
  // The stricter of the two: a demonstration would open the data with keys that lie in a file.
  if (isLost('mode')) await writeFile(join(staging, 'mode'), 'configured', { flush: true });
  return leftOut;
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

const lineOfFinding = ({ why, name }: Finding): string => `${why}  ${name}\n`;

const indented = (findings: readonly Finding[]): string =>
  findings.map((finding) => `  ${lineOfFinding(finding)}`).join('');

function refuse(findings: readonly Finding[], isDatabaseWhole: boolean): number {
  const advice = isDatabaseWhole
    ? '加 --incomplete 可恢复其余完好的部分 / --incomplete restores everything else\n'
    : '数据库本身已损坏，此备份不能恢复 / the database itself is damaged, this backup cannot be restored\n';
  const more = findings.length > NAMED ? '  …\n' : '';
  process.stderr.write(
    `备份已损坏（${findings.length} 处），没有恢复 / the backup is damaged in ${findings.length} places, nothing was restored:\n${indented(findings.slice(0, NAMED))}${more}${advice}`,
  );
  return EXIT.invalid;
}

function tell(dataDir: string, { createdAt, blobs }: BackupManifest, lost: readonly Finding[]): void {
  const told = [
    `已恢复到 ${dataDir}：${createdAt} 的备份，备份中 ${blobs.count} 个文件 / restored, as of ${createdAt}, ${blobs.count} files in the backup\n`,
  ];
  if (blobs.absent > 0)
    told.push(
      `备份时即有 ${blobs.absent} 个文件缺失或损坏 / ${blobs.absent} files were missing or damaged already when it was made\n`,
    );
  if (lost.length > 0)
    told.push(
      `未能完好恢复的 ${lost.length} 项，亦列于 ${NOT_RESTORED}；fsck 可重建上链的树 / not restored whole, also in ${NOT_RESTORED}; fsck --repair makes trees anew:\n${indented(lost)}`,
    );
  told.push(
    '服务启动后先与链上日志比对，然后才封批 / the service compares these data with the log on the chain before it makes a batch\n',
  );
  process.stderr.write(told.join(''));
}
