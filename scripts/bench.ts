import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { run as bulk } from './bench/bulk.ts';
import { run as checks } from './bench/check.ts';
import { cleanUpOnSignals } from './bench/cleanup.ts';
import { run as deposits } from './bench/deposit.ts';
import { run as folders } from './bench/folder.ts';
import { run as gas } from './bench/gas.ts';
import { run as growth } from './bench/growth.ts';
import { run as proofs } from './bench/proof.ts';
import { progress, type Row } from './bench/row.ts';
import { run as store } from './bench/store.ts';
import { run as tokens } from './bench/token.ts';
import { run as tree } from './bench/tree.ts';
import { run as uploads } from './bench/upload.ts';

/*
 * `npm run bench`: our side and the other side in one run, pair by pair, and the ratio of both. Ours has keys, indexes
 * and durability on. Names after the command run only those: `npm run bench -- tree upload`. BENCH_ROWS names a file for
 * the rows as JSON, from which scripts/readme/plots.ts makes the pictures of README.
 */

interface Bench {
  readonly run: () => Promise<Row[]>;
  /** programs of other people that it measures by, or compares with */
  readonly needs: readonly string[];
}

const BENCHES: Readonly<Record<string, Bench>> = {
  deposit: { run: deposits, needs: ['wrk'] },
  bulk: { run: bulk, needs: [] },
  folder: { run: folders, needs: ['openssl', 'sha256sum', 'xargs'] },
  upload: { run: uploads, needs: ['curl', 'openssl', 'dd'] },
  tree: { run: tree, needs: ['openssl'] },
  proof: { run: proofs, needs: [] },
  gas: { run: gas, needs: [] },
  check: { run: checks, needs: ['python3', 'python3-opentimestamps'] },
  token: { run: tokens, needs: ['wrk', 'openssl'] },
  store: { run: store, needs: [] },
  growth: { run: growth, needs: [] },
};

/** Packages of Debian where they are not called as their program. */
const PACKAGES: Readonly<Record<string, string>> = {
  dd: 'coreutils',
  sha256sum: 'coreutils',
  xargs: 'findutils',
};

/** Debian's libraries are its own python3's, whatever else is called so here. */
const DEBIAN_PYTHON = '/usr/bin/python3';

/** How to see whether something is there that is no program. */
const LIBRARIES: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'python3-opentimestamps': [DEBIAN_PYTHON, '-c', 'import opentimestamps'],
};

function isThere(name: string): boolean {
  const [program, ...args] = LIBRARIES[name] ?? [name, '--version'];
  const { error, status } = spawnSync(program, args, { stdio: 'ignore' });
  return error === undefined && (status === 0 || !Object.hasOwn(LIBRARIES, name));
}

const missingOf = (programs: readonly string[]): readonly string[] =>
  programs.filter((name) => !isThere(name));

/** What is still missing. As root on Debian it is installed, said beforehand; elsewhere that is the person's to do. */
function stillMissing(programs: readonly string[]): readonly string[] {
  const missing = missingOf(programs);
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return missing;
  const packages = missing.map((name) => PACKAGES[name] ?? name);
  progress(`正在安装 ${packages.join(' ')}（apt-get） / installing ${packages.join(' ')} by apt-get`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', ...packages],
  ])
    spawnSync('apt-get', args, { stdio: 'ignore', env });
  return missingOf(missing);
}

const verdictOf = ({ what, ratio, limit }: Row): string => {
  if (limit === undefined) return '';
  const isRate = /deposits|records|tokens/.test(what) && limit < 1;
  return `${isRate ? '≥' : '≤'} ${limit}: ${(isRate ? ratio >= limit : ratio <= limit) ? 'ok' : 'MISSED'}`;
};

const goalOf = ({ reached, least }: NonNullable<Row['goal']>): string =>
  `≥ ${least.toLocaleString('en')}: ${reached >= least ? 'ok' : 'MISSED'}`;

function show(row: Row): void {
  process.stdout.write(`${row.what}\n  ours   ${row.ours}\n  other  ${row.other}  (${row.otherName})\n`);
  process.stdout.write(`  ratio  ${row.ratio.toFixed(2)}  ${verdictOf(row)}\n`);
  if (row.goal !== undefined) process.stdout.write(`  goal   ${goalOf(row.goal)}\n`);
}

/** The names that were asked for, or all; undefined where one is not known. */
function wanted(names: readonly string[]): readonly string[] | undefined {
  const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
  if (unknown.length === 0) return names.length > 0 ? names : Object.keys(BENCHES);
  const known = Object.keys(BENCHES).join(' ');
  process.stderr.write(`bench: 没有 ${unknown.join(' ')}，可选 / there is no such; known are: ${known}\n`);
  return undefined;
}

async function main(): Promise<number> {
  const names = wanted(process.argv.slice(2));
  if (names === undefined) return 64;
  let skipped = 0;
  const rows: Row[] = [];
  for (const [i, name] of names.entries()) {
    const { run, needs } = BENCHES[name]!;
    const missing = stillMissing(needs);
    if (missing.length > 0) {
      const list = missing.join(' ');
      progress(`跳过 ${name}：请先安装 ${list} / skipped ${name}: please install ${list} first`);
      skipped++;
      continue;
    }
    progress(`${name}（${i + 1}/${names.length}） / ${name}, ${i + 1} of ${names.length}`);
    const began = performance.now();
    for (const row of await run()) {
      show(row);
      rows.push(row);
    }
    progress(`  ${Math.round((performance.now() - began) / 1_000)} s`);
  }
  progress(`共 ${Math.round(performance.now() / 60_000)} 分钟 / minutes in all`);
  const file = process.env['BENCH_ROWS'];
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(rows, undefined, 1)}\n`);
  return skipped === 0 ? 0 : 1;
}

const stopping = cleanUpOnSignals();
try {
  process.exitCode = await main();
} catch (error) {
  if (!stopping()) throw error;
}
