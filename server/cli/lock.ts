import { randomUUID } from 'node:crypto';
import { readFile, readlink, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { syncFolder } from './sync-folder.ts';
import { UsageError } from './usage.ts';

/** The lock was taken over while the work was under way, which must not come to an end now. */
export class LockLost extends Error {}

export interface Lock {
  /** Asked for right before the work counts: of two that both believe to hold the lock only one goes on. */
  confirm(): Promise<void>;
  release(): Promise<void>;
}

/** Its holder says so often that it is there. */
const BEAT_MS = 5_000;
/** A holder in another container, on another machine, or from before this one was started: after so long it is gone. */
const SILENT_MS = 60_000;

/** Process, start of its machine with its space of process numbers, and something that no other has. */
const OWN = /^(\d{1,10})(?: (\S+))?(?: (\S+))?\n$/;

/**
 * One of a kind at a time. A lock whose process is gone is of a run that was killed, and so is one that nobody has
 * touched for a minute where its process cannot be looked for. `work` is what is done under it, in both languages. A
 * file under that name that is no lock is somebody's, and a UsageError.
 */
export async function takeLock(
  path: string,
  work: { readonly zh: string; readonly en: string },
): Promise<Lock> {
  const read = () => readFile(path, 'utf8').catch(() => undefined);
  const place = await placeOfProcesses();
  const found = await read();
  if (found !== undefined) {
    const holder = OWN.exec(found);
    if (holder === null && found !== '')
      throw new UsageError(`${path} 不是本程序的锁文件 / is not a lock of this program`);
    if (await isHeld(path, holder, place)) throw isUnderWay(path, work, holder?.[1]);
    await takeAway(path, found);
  }
  const own = `${process.pid} ${place} ${randomUUID()}\n`;
  try {
    await writeFile(path, own, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw isUnderWay(path, work, OWN.exec((await read()) ?? '')?.[1]);
  }
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), BEAT_MS);
  beat.unref();
  return {
    async confirm() {
      if ((await read()) !== own)
        throw new LockLost(`另一次${work.zh}接管了此处 / another ${work.en} has taken this place over`);
    },
    async release() {
      clearInterval(beat);
      if ((await read()) !== own) return;
      await rm(path, { force: true });
      await syncFolder(dirname(path));
    },
  };
}

/** What has been read as left behind, and not what another has put there since. */
async function takeAway(path: string, found: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const caught = await readFile(aside, 'utf8');
  // Somebody else was faster, and this is its lock: back it goes, unless a third one has the place by now.
  if (caught !== found) await writeFile(path, caught, { flag: 'wx', mode: 0o600 }).catch(() => {});
  await rm(aside, { force: true });
}

async function isHeld(path: string, holder: RegExpExecArray | null, place: string): Promise<boolean> {
  const [, pid, ofPlace] = holder ?? [];
  if (pid !== undefined && (ofPlace === place || ofPlace === undefined))
    return Number(pid) !== process.pid && (await isRunning(Number(pid)));
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  return Math.abs(Date.now() - mtimeMs) < SILENT_MS;
}

const isUnderWay = (
  path: string,
  { zh, en }: { readonly zh: string; readonly en: string },
  holder: string | undefined,
): UsageError =>
  new UsageError(
    holder === undefined
      ? `另一次${zh}正在进行（${path}） / another ${en} is under way (${path})`
      : `另一次${zh}正在进行（进程 ${holder}，${path}） / another ${en} is under way, process ${holder} (${path})`,
  );

/** Another one after each start of the machine, and in each container; "-" where the system does not tell. */
async function placeOfProcesses(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  const space = await readlink('/proc/self/ns/pid').catch(() => '');
  return `${boot.trim() || '-'}/${space || '-'}`;
}

/** A process that has ended and that nobody has asked after yet does nothing any more. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return !/^State:\s+[ZX]/m.test(status);
}
