import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** A real file system of its own, small enough to be filled. */
export interface SmallDisk {
  readonly dir: string;
  fill(): void;
  free(): void;
  readOnly(isReadOnly: boolean): void;
}

const run = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

function mountAt(megabytes: number): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'kezheng-disk-'));
  if (run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'kezheng-test', dir)) return dir;
  rmdirSync(dir);
  return undefined;
}

function unmount(dir: string): void {
  run('umount', '-l', dir);
  rmdirSync(dir);
}

/** For `skip`: only root may mount, and not in every container. */
export function whyNoSmallDisk(): string | false {
  const dir = mountAt(1);
  if (dir === undefined) return 'no file system can be mounted here';
  unmount(dir);
  return false;
}

export function mountSmallDisk(t: Test, megabytes: number): SmallDisk {
  const dir = mountAt(megabytes)!;
  t.teardown(() => unmount(dir));
  const filler = join(dir, 'filler');
  return {
    dir,
    fill() {
      const { bavail, bsize } = statfsSync(dir);
      try {
        writeFileSync(filler, Buffer.alloc(bavail * bsize));
      } catch (error) {
        // Somebody else wrote meanwhile: it is full all the same.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    },
    free: () => rmSync(filler, { force: true }),
    readOnly: (isReadOnly) => void run('mount', '-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, dir),
  };
}
