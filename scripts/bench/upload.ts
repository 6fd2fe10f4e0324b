import { join } from 'node:path';
import { program } from './cleanup.ts';
import { opensslVersion, pairs, type Row, seconds, secondsOf } from './row.ts';
import { type BenchedService, startBenchedService } from './service.ts';

const BYTES = 2 ** 30;
const PAIRS = 3;

/** The slowest of three programs, each doing one part alone. */
async function slowest(file: string, dir: string): Promise<number> {
  const quiet = (command: string, ...args: string[]) => secondsOf(() => program(command, ...args));
  return Math.max(
    await quiet('openssl', 'dgst', '-sm3', file),
    await quiet('openssl', 'dgst', '-sha256', file),
    await quiet('dd', `if=${file}`, `of=${join(dir, 'copy')}`, 'bs=1M', 'conv=fsync'),
  );
}

/** The whole upload over HTTP by curl, until its 201: received, hashed twice, written, fsynced, deposited. */
async function upload(service: BenchedService, file: string): Promise<void> {
  const answer = await program(
    'curl',
    ...['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', `authorization: Bearer ${service.key}`],
    ...['-F', 'evidence={"title":"1 GiB"}', '-F', `file=@${file}`, `${service.url}/v1/evidence`],
  );
  if (answer !== '201') throw new Error(`upload: ${answer}`);
}

export async function run(): Promise<Row[]> {
  const service = await startBenchedService();
  try {
    const file = join(service.folder, 'original');
    await program('dd', 'if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${BYTES / 2 ** 20}`);
    const { ours, other, ratio } = await pairs(
      PAIRS,
      () => secondsOf(() => upload(service, file)),
      () => slowest(file, service.folder),
    );
    const otherName = `slowest of ${opensslVersion()} dgst -sm3, dgst -sha256, dd conv=fsync`;
    const what = 'upload of 1 GiB over HTTP: both digests, written and fsynced under its name, 201';
    return [{ what, ours: seconds(ours), other: seconds(other), otherName, ratio, limit: 1.5 }];
  } finally {
    await service.stop();
  }
}
