import fs, { type PathLike } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';

/*
 * Loaded before a program (--import): at its Nth operation on the file system, POWER_CUT_AT, the power is cut. A disk
 * may then have lost whatever was not synced: bytes of files, and names in folders. This one has lost all of that,
 * while everything that was deleted stays deleted. What a rename replaced is kept in the folder POWER_CUT_ASIDE.
 */

const at = Number(process.env['POWER_CUT_AT']);
const aside = process.env['POWER_CUT_ASIDE']!;
const disk = { ...fs, promises: { ...fs.promises } };

/** Bytes that may be lost. */
const unsynced = new Set<string>();
/** Names that may be lost, each with what it replaced. */
let names: { readonly path: string; readonly replaced: string | undefined }[] = [];
let operations = 0;

function operation(): void {
  if (++operations !== at) return;
  for (const path of unsynced) if (disk.existsSync(path)) disk.truncateSync(path, 0);
  for (const { path, replaced } of names.reverse()) {
    disk.rmSync(path, { recursive: true, force: true });
    if (replaced !== undefined) disk.renameSync(replaced, path);
  }
  process.kill(process.pid, 'SIGKILL');
}

function synced(path: string): void {
  unsynced.delete(path);
  names = names.filter((name) => dirname(name.path) !== path);
}

function created(path: string): void {
  names.push({ path, replaced: undefined });
}

function opened(path: string, flags: unknown): void {
  if (!String(flags).startsWith('w')) return;
  if (!disk.existsSync(path)) created(path);
  unsynced.add(path);
}

Object.assign(fs.promises, {
  async open(path: string, flags: string, mode?: number) {
    operation();
    opened(path, flags);
    const handle = await disk.promises.open(path, flags, mode);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      operation();
      await sync();
      synced(path);
    };
    return handle;
  },
  async mkdir(path: string, options?: object) {
    operation();
    const answer = await disk.promises.mkdir(path, options);
    created(path);
    return answer;
  },
  async rename(from: string, to: string) {
    operation();
    const replaced = disk.existsSync(to) ? join(aside, String(operations)) : undefined;
    if (replaced !== undefined) disk.linkSync(to, replaced);
    await disk.promises.rename(from, to);
    if (unsynced.delete(from)) unsynced.add(to);
    names = names.filter((name) => name.path !== from);
    names.push({ path: to, replaced });
  },
  async rm(path: PathLike, options?: object) {
    operation();
    await disk.promises.rm(path, options);
  },
});
const pathOf = new Map<number, string>();
Object.assign(fs, {
  openSync(path: string, flags: string, mode?: number): number {
    operation();
    opened(path, flags);
    const file = disk.openSync(path, flags, mode);
    pathOf.set(file, path);
    return file;
  },
  fsyncSync(file: number): void {
    operation();
    disk.fsyncSync(file);
    synced(pathOf.get(file)!);
  },
});
syncBuiltinESMExports();
