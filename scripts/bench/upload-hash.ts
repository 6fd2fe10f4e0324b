import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderBlobs } from '../../server/adapters/folder/blobs.ts';
import { openDigests } from '../../server/adapters/workers/digests.ts';
import type { Blobs } from '../../server/ports/blobs.ts';
import type { Digests } from '../../server/ports/work.ts';
import { opensslVersion, pairs, type Row, seconds, secondsOf } from './row.ts';

const BYTES = 2 ** 30;
const PAIRS = 3;
/** What a socket brings at a time. */
const PIECE = 64 * 1024;

/** Both digests and the file, durable under its name: all that an upload does behind HTTP. */
async function receive(file: string, blobs: Blobs, digests: Digests): Promise<void> {
  const incoming = await blobs.receive();
  const digest = digests.begin();
  for await (const chunk of createReadStream(file, { highWaterMark: PIECE })) {
    await incoming.write(chunk as Buffer);
    await digest.update(chunk as Buffer);
  }
  await incoming.keep('files', (await digest.finish()).sha256);
}

/** The slowest of three programs, each doing one part alone. */
async function slowest(file: string, dir: string): Promise<number> {
  const quiet = (command: string, ...args: string[]) =>
    secondsOf(() => execFileSync(command, args, { stdio: 'ignore' }));
  return Math.max(
    await quiet('openssl', 'dgst', '-sm3', file),
    await quiet('openssl', 'dgst', '-sha256', file),
    await quiet('dd', `if=${file}`, `of=${join(dir, 'copy')}`, 'bs=1M', 'conv=fsync'),
  );
}

export async function run(): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), 'kezheng-bench-'));
  const digests = openDigests();
  try {
    const blobs = await openFolderBlobs({ dir });
    const file = join(dir, 'original');
    execFileSync('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${BYTES / 2 ** 20}`], {
      stdio: 'ignore',
    });
    const { ours, other, ratio } = await pairs(
      PAIRS,
      () => secondsOf(() => receive(file, blobs, digests)),
      () => slowest(file, dir),
    );
    const otherName = `slowest of ${opensslVersion()} dgst -sm3, dgst -sha256, dd conv=fsync`;
    const what = '1 GiB: both digests in one pass, written and fsynced under its name';
    return [{ what, ours: seconds(ours), other: seconds(other), otherName, ratio, limit: 1.5 }];
  } finally {
    await digests.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
