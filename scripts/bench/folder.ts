import { randomFillSync } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { program, removeFolder, temporaryFolder } from './cleanup.ts';
import { opensslVersion, pairs, progress, type Row, seconds, secondsOf } from './row.ts';
import { type BenchedService, startBenchedService } from './service.ts';

/*
 * A folder of many small files: deposited by `kezheng deposit --folder`, both digests, tree, index and the deposit
 * itself, beside the digests alone by other people's programs, one after the other, each with two processes.
 */

const FILES = 200_000;
const IN_A_FOLDER = 1_000;
const SIZE = 1_024;
const PAIRS = 3;

const CLI = join(import.meta.dirname, '..', '..', 'server', 'cli', 'main.ts');

function fill(folder: string): void {
  progress(`  ${FILES.toLocaleString('en')} × ${SIZE} B`);
  const bytes = Buffer.alloc(SIZE);
  for (let i = 0; i < FILES; i++) {
    const part = join(folder, String(Math.floor(i / IN_A_FOLDER)));
    if (i % IN_A_FOLDER === 0) mkdirSync(part);
    writeFileSync(join(part, `item-${i}.bin`), randomFillSync(bytes));
  }
}

async function ours(folder: string, { url, key }: BenchedService): Promise<number> {
  const args = [CLI, 'deposit', '--folder', folder, '--url', url, '--key', key, '--no-wait'];
  const took = await secondsOf(() => program(process.execPath, ...args));
  rmSync(`${folder}.kezheng-index`);
  return took;
}

const others = (folder: string): Promise<number> =>
  secondsOf(() =>
    program(
      'sh',
      '-c',
      'find "$0" -type f -print0 | xargs -0 -P2 -n 500 sha256sum > /dev/null && find "$0" -type f -print0 | xargs -0 -P2 -n 500 openssl dgst -sm3 > /dev/null',
      folder,
    ),
  );

export async function run(): Promise<Row[]> {
  const root = temporaryFolder();
  const folder = join(root, 'files');
  mkdirSync(folder);
  const service = await startBenchedService();
  try {
    fill(folder);
    const found = await pairs(
      PAIRS,
      () => ours(folder, service),
      () => others(folder),
    );
    return [
      {
        what: `${FILES.toLocaleString('en')} files of ${SIZE} bytes by deposit --folder`,
        ours: seconds(found.ours),
        other: seconds(found.other),
        otherName: `sha256sum, then ${opensslVersion()} dgst -sm3, xargs -P2 both: digests alone`,
        ratio: found.ratio,
        limit: 1,
      },
    ];
  } finally {
    await service.stop();
    removeFolder(root);
  }
}
