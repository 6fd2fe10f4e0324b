import type { BlobRoom, Blobs } from '../ports/blobs.ts';
import { BlobUnavailable } from '../ports/blobs.ts';
import {
  type MovedRow,
  type MovedTable,
  MoveRefused,
  type StoreSource,
  type StoreTarget,
  type TargetState,
} from '../ports/move.ts';
import { StoreUnavailable } from '../ports/store.ts';
import { eachOf, isOfDisk } from './archive.ts';
import { compareFinished, compareTables, say } from './compare-store.ts';
import { copyBlob } from './copy-blob.ts';
import { EXIT, isPostgres, parse, UsageError } from './usage.ts';

/** What the command opens; `data.ts` knows how. */
export interface MoveTools {
  /** Where the database is; undefined: SQLite in the data folder. */
  readonly databaseUrl: string | undefined;
  /** Where the files are; undefined: in the data folder. */
  readonly blobs: string | undefined;
  /** What the service signs and seals with, configured or made by itself. */
  readonly keyFiles: readonly { readonly setting: string; readonly path: string }[];
  /** From then on no service starts on the database in the data folder. */
  markMoved(database: string, blobs: string | undefined): Promise<void>;
  /** Takes the place of the service, where none has it; to be given back. Undefined where a service runs. */
  hold(): Promise<(() => Promise<void>) | undefined>;
  openSource(): StoreSource;
  openTarget(url: string): Promise<StoreTarget>;
  openBlobs(address: string | undefined): Promise<Blobs & { close(): Promise<void> }>;
  /** Everything that stands in the folder. */
  listFolder(room: BlobRoom): AsyncIterable<{ readonly name: string; readonly size: number }>;
  /** What the database in the data folder refers to. */
  blobsNamed(): Iterable<{ readonly room: BlobRoom; readonly name: string }>;
}

const DAY_MS = 86_400_000;

/** Idempotency keys count for a day to either side of a clock that may have been set back. */
const KEYS_COUNT_MS = 2 * DAY_MS;

/** Rows, and bytes about, that go over at once. */
const ROWS_AT_ONCE = 1_000;
const BYTES_AT_ONCE = 4 * 2 ** 20;

/**
 * kezheng migrate-store: from SQLite and a folder to PostgreSQL and an S3-compatible store. The service is stopped;
 * what was copied before a break is not copied again; at the end everything is compared, and only then do services
 * start on the new database, and none any more on the old one. After that it compares once more and changes nothing.
 */
export async function migrateStoreCommand(args: readonly string[], tools: MoveTools): Promise<number> {
  const { values, positionals } = parse(args, {
    'to-database': { type: 'string' },
    'to-blobs': { type: 'string' },
  });
  const { 'to-database': database, 'to-blobs': blobs } = values;
  if (positionals.length > 0 || (database === undefined && blobs === undefined))
    throw new UsageError(
      'migrate-store --to-database postgres://… --to-blobs s3://…（至少一项 / one at least）',
    );
  if (database !== undefined && !isPostgres(database))
    throw new UsageError('--to-database 应为 postgres:// 地址 / is not a postgres:// address');
  if (blobs !== undefined && !blobs.startsWith('s3://'))
    throw new UsageError('--to-blobs 应为 s3:// 地址 / is not an s3:// address');
  if (database !== undefined && tools.databaseUrl !== undefined) throw isThere('DATABASE_URL');
  if (blobs !== undefined && tools.blobs !== undefined) throw isThere('BLOBS');

  const release = await tools.hold();
  if (release === undefined)
    throw new UsageError('服务正在运行，请先停止 / the service is running; stop it first');
  let source: StoreSource | undefined;
  try {
    // Holds the write lock: what is moved stays as it is until everything is compared.
    if (tools.databaseUrl === undefined) source = tools.openSource();
    const rows = database === undefined || source === undefined ? undefined : { source, database };
    // Before files are copied for hours to no purpose.
    const target = rows && (await lookAt(rows, tools));
    // Files first: the database never names one that is not there.
    const filesAre = blobs === undefined ? EXIT.valid : await moveBlobs(tools, blobs);
    const rowsAre = rows && target ? await moveRows(rows, target, tools, blobs) : EXIT.valid;
    if (rowsAre === EXIT.valid) tellSettings(database, blobs, tools);
    return rowsAre === EXIT.valid ? filesAre : rowsAre;
  } catch (error) {
    if (!(error instanceof StoreUnavailable || error instanceof BlobUnavailable || isOfDisk(error)))
      throw error;
    say(`没有完成，再次运行即从此处继续 / not finished; run it again to go on from here: ${error.message}`);
    return EXIT.invalid;
  } finally {
    try {
      source?.close();
    } finally {
      await release();
    }
  }
}

const isThere = (name: string): UsageError =>
  new UsageError(`KEZHENG_${name} 已配置，不再是 SQLite 与文件夹 / is set: it has been moved already`);

// ---------------------------------------------------------------- rows

interface Rows {
  readonly source: StoreSource;
  /** Where they go. */
  readonly database: string;
}

/** The target is open no longer than it is needed: between looking and copying there may be hours. */
async function withTarget<T>(
  { database }: Rows,
  tools: MoveTools,
  use: (target: StoreTarget) => Promise<T>,
): Promise<T> {
  const target = await tools.openTarget(database);
  try {
    return await use(target);
  } catch (error) {
    throw error instanceof MoveRefused ? new UsageError(REFUSED[error.reason]) : error;
  } finally {
    await target.close();
  }
}

const REFUSED: Readonly<Record<MoveRefused['reason'], string>> = {
  'not-empty':
    '目标数据库已有数据，请换一个空数据库 / there are data in the target database already: take an empty one',
  'other-source':
    '复制中断之后源数据变过，请换一个空数据库重新开始 / the source has changed since the copy was begun: begin anew in an empty database',
  'finished-from-other':
    '目标数据库已由另一份数据，或由此处的数据在后来变动之前，搬入完毕 / the target database was filled and finished from other data, or from these before they changed',
};

const lookAt = (rows: Rows, tools: MoveTools): Promise<TargetState> =>
  withTarget(rows, tools, (target) => target.look(rows.source.fingerprint()));

const moveRows = (
  rows: Rows,
  found: TargetState,
  tools: MoveTools,
  blobs: string | undefined,
): Promise<number> =>
  withTarget(rows, tools, async (target) => {
    const { source, database } = rows;
    if (found.state === 'finished') {
      const isThere = await compareFinished(source, target, found.cutoffMs);
      if (isThere) await tools.markMoved(withoutUser(database), blobs);
      return isThere ? EXIT.valid : EXIT.invalid;
    }
    if (!(await copyAndCompare(source, target))) return EXIT.invalid;
    // In this order: at no moment could services start on both, with one key for one log.
    await tools.markMoved(withoutUser(database), blobs);
    await target.finish();
    return EXIT.valid;
  });

async function copyAndCompare(source: StoreSource, target: StoreTarget): Promise<boolean> {
  const { cutoffMs } = await target.begin(source.fingerprint(), Date.now() - KEYS_COUNT_MS);
  for (const table of source.tables) {
    const count = await copyTable(source, target, table, cutoffMs);
    say(`${table}: ${count} 行已复制 / rows copied`);
  }
  const different = await compareTables(source, target, cutoffMs);
  if (different.length > 0)
    say(
      `两边不一致，新数据库不可用 / the two sides differ, the new database is not to be used: ${different}`,
    );
  return different.length === 0;
}

/** Goes on after the last row that the target has. */
async function copyTable(
  source: StoreSource,
  target: StoreTarget,
  table: MovedTable,
  cutoffMs: number,
): Promise<number> {
  let rows: MovedRow[] = [];
  let bytes = 0;
  let count = 0;
  const send = async (): Promise<void> => {
    if (rows.length > 0) await target.add(table, rows);
    count += rows.length;
    rows = [];
    bytes = 0;
  };
  for (const row of source.rows(table, cutoffMs, await target.last(table))) {
    rows.push(row);
    bytes += sizeOf(row);
    if (rows.length === ROWS_AT_ONCE || bytes >= BYTES_AT_ONCE) await send();
  }
  await send();
  return count;
}

const sizeOf = (row: MovedRow): number =>
  row.reduce<number>(
    (sum, value) => sum + (typeof value === 'object' || typeof value === 'string' ? (value?.length ?? 0) : 8),
    0,
  );

// ---------------------------------------------------------------- files

const ROOMS: readonly BlobRoom[] = ['files', 'trees'];
const NAME = /^[0-9a-f]{64}$/;

/** How many names are written out. */
const NAMED = 20;

async function moveBlobs(tools: MoveTools, address: string): Promise<number> {
  const from = await tools.openBlobs(undefined);
  const to = await tools.openBlobs(address);
  const wrong: string[] = [];
  let count = 0;
  try {
    for (const room of ROOMS)
      await eachOf(tools.listFolder(room), async ({ name, size }) => {
        // What stands there under another name is nothing that the service ever wrote.
        if (!NAME.test(name)) return;
        if ((await copyBlob(from, to, room, name, size)) === 'there') count++;
        else wrong.push(`damaged  ${room}/${name}`);
      });
    if (tools.databaseUrl === undefined)
      await eachOf(tools.blobsNamed(), async ({ room, name }) => {
        if ((await from.size(room, name)) === undefined) wrong.push(`missing  ${room}/${name}`);
      });
  } finally {
    await to.close();
    await from.close();
  }
  say(`${count} 个文件已在新处，并重新计算过摘要 / files are in the new place, each hashed again there`);
  if (wrong.length === 0) return EXIT.valid;
  say(`${wrong.length} 个文件在源处即已缺失或损坏 / files are missing or damaged where they were:`);
  for (const line of wrong.slice(0, NAMED)) say(`  ${line}`);
  return EXIT.incomplete;
}

// ---------------------------------------------------------------- what comes next

function tellSettings(
  database: string | undefined,
  blobs: string | undefined,
  { keyFiles }: MoveTools,
): void {
  say('完成。以后以这些变量启动服务 / done. From now on start the service with:');
  if (database !== undefined) {
    say(`  KEZHENG_DATABASE_URL=${withoutPassword(database)}`);
    // All instances sign and seal as one: what the service made for itself goes on as what is configured.
    for (const { setting, path } of keyFiles) say(`  KEZHENG_${setting}=${path}`);
  }
  if (blobs !== undefined) say(`  KEZHENG_BLOBS=${blobs}`);
  if (database !== undefined)
    say(
      '原数据库与文件可以留作备份；数据目录中的 moved.json 使服务不会再以其启动，只有放弃新数据库时才可删去 / keep the old database and files as a backup; moved.json in the data folder keeps services from starting on them: remove it only where the new database is given up',
    );
}

/** Parameters in which drivers take secrets too. */
const SECRET = ['password', 'sslpassword'];

function withoutPassword(address: string): string {
  if (!URL.canParse(address)) return 'postgres://…';
  const url = new URL(address);
  if (url.password !== '') url.password = '***';
  for (const name of SECRET) if (url.searchParams.has(name)) url.searchParams.set(name, '***');
  return url.href;
}

/** What says where it is and not who may use it. */
function withoutUser(address: string): string {
  if (!URL.canParse(address)) return 'postgres://…';
  const url = new URL(address);
  url.username = '';
  url.password = '';
  for (const name of [...SECRET, 'user']) url.searchParams.delete(name);
  return url.href;
}
