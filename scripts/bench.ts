import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { run as deposits } from './bench/deposit.ts';
import { run as proofs } from './bench/proof.ts';
import type { Row } from './bench/row.ts';
import { run as store } from './bench/store.ts';
import { run as tree } from './bench/tree.ts';
import { run as uploads } from './bench/upload.ts';

/*
 * `npm run bench`: our side and the other side in one run, pair by pair, and the ratio of both. Ours has keys, indexes
 * and durability on. Names after the command run only those: `npm run bench -- tree upload`.
 */

const BENCHES: Readonly<Record<string, () => Promise<Row[]>>> = {
  deposit: deposits,
  upload: uploads,
  tree,
  proof: proofs,
  store,
};

/** wrk makes the load; Debian has it. */
function needWrk(): void {
  const has = () => spawnSync('wrk', ['-v']).error === undefined;
  if (has()) return;
  if (process.getuid?.() === 0) {
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-y', '-qq', 'wrk'], { stdio: 'ignore' });
  }
  if (!has()) throw new Error('wrk is needed: apt-get install wrk');
}

const verdictOf = ({ what, ratio, limit }: Row): string => {
  if (limit === undefined) return '';
  const isRate = /deposits|records|tokens/.test(what) && limit < 1;
  return `${isRate ? '≥' : '≤'} ${limit}: ${(isRate ? ratio >= limit : ratio <= limit) ? 'ok' : 'MISSED'}`;
};

const wanted = process.argv.slice(2);
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  if (name === 'deposit') needWrk();
  for (const row of await bench()) {
    process.stdout.write(`${row.what}\n  ours   ${row.ours}\n  other  ${row.other}  (${row.otherName})\n`);
    process.stdout.write(`  ratio  ${row.ratio.toFixed(2)}  ${verdictOf(row)}\n`);
  }
}
