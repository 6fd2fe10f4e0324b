import { execFileSync, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SimpleMerkleTree } from '@openzeppelin/merkle-tree';
import { merkletreejsRoot } from '../../server/adapters/workers/merkletreejs.ts';
import { hashNodesInto } from '../../server/adapters/workers/node-hash.ts';
import { openTreeBuilder } from '../../server/adapters/workers/trees.ts';
import { toHex } from '../../server/core/read/bytes.ts';
import { buildTree, HASH_LENGTH } from '../../server/core/tree/tree.ts';
import { opensslVersion, pairs, type Row, seconds, secondsOf } from './row.ts';

const LEAVES = 1_000_000;
/** A leaf and a node for each entry; a node's preimage has 65 bytes. */
const HASHES = 2 * LEAVES;
const PREIMAGE = 65;
const PAIRS = 5;
const MEBIBYTE = 2 ** 20;
const MOST_MEBIBYTES = 600;

/**
 * What `openssl speed` needs for two million SHA-256 of 65 bytes, on one core. By the clock on the wall as ours: it
 * counts processor time otherwise, and a busy machine would slow down one side only.
 */
function opensslSeconds(): number {
  const args = ['speed', '-elapsed', '-seconds', '1', '-bytes', String(PREIMAGE), 'sha256'];
  const printed = execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const thousandBytes = Number(/([\d.]+)k\s*$/.exec(printed.trim())![1]);
  return HASHES / ((thousandBytes * 1_000) / PREIMAGE);
}

const randomLeaves = () => randomFillSync(new Uint8Array(LEAVES * HASH_LENGTH));

/** As it is installed; asked as a module, some packages do not give it. */
function versionOf(name: string): string {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** A tree of keccak over sorted pairs in JavaScript takes seconds for a tenth of the leaves. */
const FEW_LEAVES = 100_000;

async function besideOthers(leaves: Uint8Array): Promise<Row[]> {
  const ours = (some: Uint8Array) => () => secondsOf(() => buildTree(some, hashNodesInto()));
  const other = await pairs(PAIRS, ours(leaves), () => secondsOf(() => merkletreejsRoot(leaves)));
  const few = leaves.subarray(0, FEW_LEAVES * HASH_LENGTH);
  const texts = Array.from(
    { length: FEW_LEAVES },
    (_, i) => `0x${toHex(few.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH))}`,
  );
  const sorted = await pairs(2, ours(few), () => secondsOf(() => SimpleMerkleTree.of(texts)));
  return [
    {
      what: 'tree of 1,000,000 leaves by core alone',
      ours: seconds(other.ours),
      other: seconds(other.other),
      otherName: `merkletreejs ${versionOf('merkletreejs')} as our second implementation uses it`,
      ratio: other.ratio,
    },
    {
      what: `tree of ${FEW_LEAVES.toLocaleString('en')} leaves by core alone`,
      ours: seconds(sorted.ours),
      other: seconds(sorted.other),
      otherName: `@openzeppelin/merkle-tree ${versionOf('@openzeppelin/merkle-tree')}, another tree: keccak, sorted`,
      ratio: sorted.ratio,
    },
  ];
}

/** In a process of its own: what the tree takes, and not what the benchmarks before it left. */
function peakMebibytes(): number {
  const program = new URL('./tree-memory.ts', import.meta.url).pathname;
  return Number(spawnSync(process.execPath, [program], { encoding: 'utf8' }).stdout) / MEBIBYTE;
}

export async function run(): Promise<Row[]> {
  const leaves = randomLeaves();
  const trees = openTreeBuilder();
  const alone = await pairs(PAIRS, () => secondsOf(() => buildTree(leaves, hashNodesInto())), opensslSeconds);
  const both = await pairs(PAIRS, () => secondsOf(() => trees.build(leaves)), opensslSeconds);
  await trees.close();
  const peak = peakMebibytes();
  const otherName = `${opensslVersion()} speed -elapsed sha256, 2,000,000 × 65 bytes`;
  return [
    {
      what: 'tree of 1,000,000 leaves by core alone',
      ours: seconds(alone.ours),
      other: seconds(alone.other),
      otherName,
      ratio: alone.ratio,
      limit: 1.5,
    },
    {
      what: `the same by core and merkletreejs ${versionOf('merkletreejs')}, compared`,
      ours: seconds(both.ours),
      other: seconds(both.other),
      otherName,
      ratio: both.ratio,
      limit: 4,
    },
    {
      what: 'memory of that process at its peak',
      ours: `${Math.round(peak)} MiB`,
      other: `${MOST_MEBIBYTES} MiB`,
      otherName: 'what it may take',
      ratio: peak / MOST_MEBIBYTES,
      limit: 1,
    },
    ...(await besideOthers(leaves)),
  ];
}
