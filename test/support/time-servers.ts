import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Test } from 'tap';
import { APT_LOCK } from './debian.ts';

/*
 * Real time servers (chrony) on loopback that lie: each runs under libfaketime, which shows it a wall clock that is as
 * wrong as a file says, while its monotonic clock stays true. `-x` keeps chrony from touching the clock of the machine.
 */

export interface LyingServer {
  /** as KEZHENG_NTP_SERVERS has it */
  readonly place: string;
  readonly port: number;
  /**
   * From now on it tells a time that is so much ahead of the truth: more than a second, or 0. For less chrony believes
   * when a datagram came in by the kernel's own clock, which nobody lies to, and the lie has two halves.
   */
  lie(aheadMs: number): void;
  stop(): Promise<void>;
  /** Again, on the same port. */
  start(): Promise<void>;
}

const ROOT = join(import.meta.dirname, '..', '..');
/** Debian's packages, unpacked and not installed: installed, chrony would start and set the clock of this machine. */
const UNPACKED = join(ROOT, '.tap', 'time-servers');

const firstOf = (...patterns: readonly string[]): string | undefined =>
  patterns.flatMap((pattern) => globSync(pattern))[0];

const chronyd = (): string | undefined => firstOf('/usr/sbin/chronyd', join(UNPACKED, 'usr/sbin/chronyd'));

export const libfaketime = (): string | undefined =>
  firstOf('/usr/lib/*/faketime/libfaketime.so.1', join(UNPACKED, 'usr/lib/*/faketime/libfaketime.so.1'));

function unpack(): void {
  if (!existsSync('/etc/debian_version')) return;
  mkdirSync(UNPACKED, { recursive: true });
  const script = `set -e
    test -e whole && exit 0
    apt-get download -q chrony libfaketime libcap2 libseccomp2 || {
      apt-get update -q
      apt-get download -q chrony libfaketime libcap2 libseccomp2
    }
    for package in *.deb; do dpkg -x "$package" .; done
    rm -- *.deb
    touch whole`;
  spawnSync('flock', [APT_LOCK, 'sh', '-c', script], { stdio: 'ignore', cwd: UNPACKED });
}

/** For `skip`: a reason, or false where tests can run. What is not there is fetched, where it can be. */
export function whyNoTimeServers(): string | false {
  const isThere = (): boolean => chronyd() !== undefined && libfaketime() !== undefined;
  if (!isThere()) unpack();
  if (isThere()) return false;
  if (process.env['CI']) throw new Error('chrony and libfaketime are missing and could not be fetched');
  return 'chrony and libfaketime are not there (Debian: apt-get install chrony faketime)';
}

/** What shows a process a wall clock as wrong as the file says, each time that it looks. */
export const faked = (file: string): Readonly<Record<string, string>> => ({
  LD_PRELOAD: libfaketime()!,
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_NO_CACHE: '1',
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
});

/** In one step: a reader finds the old line or the new one. */
export function writeLie(file: string, aheadMs: number): void {
  writeFileSync(`${file}.new`, `${aheadMs < 0 ? '-' : '+'}${Math.abs(aheadMs) / 1_000}s\n`);
  renameSync(`${file}.new`, file);
}

/** A port for UDP on which nobody listens now. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** Whether something that speaks NTP answers there. */
async function isAnswering(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    return await new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(false), 100);
      socket.on('error', () => resolve(false));
      socket.on('message', (bytes) => resolve(bytes.length === 48 && bytes[1] === 1));
      socket.send(Buffer.from(`23${'00'.repeat(47)}`, 'hex'), port, '127.0.0.1');
    });
  } finally {
    socket.close();
  }
}

const START_MS = 20_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Ended with the test; also where the test is killed. */
export async function startTimeServer(t: Test, aheadMs = 0): Promise<LyingServer> {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-time-'));
  const port = await freeUdpPort();
  const [file, configuration] = [join(folder, 'lie'), join(folder, 'chrony.conf')];
  const lines = ['local stratum 1', `port ${port}`, 'cmdport 0', 'bindaddress 127.0.0.1', 'allow 127.0.0.1'];
  writeFileSync(configuration, [...lines, `pidfile ${join(folder, 'pid')}`, ''].join('\n'));
  writeLie(file, aheadMs);
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = ['-x', '-d', '-U', '-u', userInfo().username, '-f', configuration];
    const own = spawn('setpriv', ['--pdeathsig', 'KILL', '--', chronyd()!, ...args], {
      env: {
        ...faked(file),
        LD_LIBRARY_PATH: ['usr/lib', 'lib']
          .flatMap((name) => globSync(join(UNPACKED, name, '*-linux-*')))
          .join(':'),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = own;
    const log: string[] = [];
    own.stderr.setEncoding('utf8').on('data', (text: string) => void log.push(text));
    for (const began = performance.now(); !(await isAnswering(port)); await sleep(20))
      if (own.exitCode !== null || performance.now() - began > START_MS)
        throw new Error(`chronyd does not answer: ${log.join('')}`);
  }

  async function stop(): Promise<void> {
    const own = child;
    if (own === undefined) return;
    child = undefined;
    const ended = new Promise<void>((resolve) => own.once('exit', () => resolve()));
    own.kill('SIGKILL');
    if (own.exitCode === null) await ended;
    // A killed server leaves this, and the next one would think that it still runs.
    await rm(join(folder, 'pid'), { force: true });
  }

  t.teardown(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });
  await start();
  return { ...{ place: `127.0.0.1:${port}`, port, stop, start }, lie: (ms) => writeLie(file, ms) };
}
