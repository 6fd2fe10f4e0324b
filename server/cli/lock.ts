import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
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

/**
 * One of a kind at a time. A lock whose process is gone is of a run that was killed, and so is one from before this
 * machine was started: its process number may be anybody's by now. `work` is what is done under it, in both languages.
 */
export async function takeLock(
  path: string,
  work: { readonly zh: string; readonly en: string },
): Promise<Lock> {
  const isUnderWay = (holder: number): UsageError =>
    new UsageError(
      `另一次${work.zh}正在进行（进程 ${holder}） / another ${work.en} is under way, process ${holder}`,
    );
  const read = () => readFile(path, 'utf8').catch(() => '');
  const boot = await bootId();
  const [pid, ofBoot] = (await read()).trim().split(' ');
  const holder = Number.parseInt(pid ?? '', 10);
  const isOfThisBoot = ofBoot === undefined || ofBoot === boot;
  if (holder > 0 && holder !== process.pid && isOfThisBoot && isRunning(holder)) throw isUnderWay(holder);
  await rm(path, { force: true });
  const own = `${process.pid} ${boot} ${randomUUID()}\n`;
  try {
    await writeFile(path, own, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw isUnderWay(Number.parseInt(await read(), 10));
  }
  return {
    async confirm() {
      if ((await read()) !== own)
        throw new LockLost(`另一次${work.zh}接管了此处 / another ${work.en} has taken this place over`);
    },
    async release() {
      if ((await read()) !== own) return;
      await rm(path, { force: true });
      await syncFolder(dirname(path));
    },
  };
}

/** Another one after each start of the machine; "-" where the system does not tell. */
const bootId = async (): Promise<string> =>
  (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim() || '-';

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
