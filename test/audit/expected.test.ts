import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Wallet } from 'ethers';
import t, { type Test } from 'tap';
import { operatorOf } from '../../server/adapters/inspection.ts';
import { leafOf } from '../../server/audit/merkle.ts';
import { treeOf } from '../../server/audit/trees.ts';
import { CHAIN_ID, CONTRACT, KEY, OPERATOR, OTHER } from '../support/anvil.ts';
import { copyOf, inDatabase, install, look, mergeLookup } from './installation.ts';

/*
 * Whoever holds the database can make it agree with itself. What was anchored before is on the chain all the same, and
 * fsck must find it there: by the settings, by a trust list that is kept elsewhere, or at least by the service's own.
 */

t.setTimeout(300_000);
const made = await install(t);
await made.service.stop();
await mergeLookup(made.dataDir);
const rpcUrl = made.anvil.url;
const LOG = `log/${OPERATOR}`;
const KEY_FILE = join(made.dataDir, 'test-operator.key');
const TRUST = join(made.dataDir, 'trust.json');
const SETTINGS = { KEZHENG_CHAIN_ID: String(CHAIN_ID), KEZHENG_OPERATOR_KEY_FILE: KEY_FILE };

const OF_CHAIN = ['certificates', 'serials', 'anchor_events', 'attempts', 'anchors', 'logs'];
const OF_JOURNAL = ['batches', 'lookup', 'fixity', 'bulk_calls', 'entries'];

function empty(dir: string, tables: readonly string[]): void {
  inDatabase(dir, (db) => {
    for (const table of tables) db.exec(`delete from ${table}`);
    db.exec('update batches set progress = 1');
  });
}

/** Entry 3 exchanged, and everything made anew that follows from it in the database. */
function forge(dir: string): void {
  inDatabase(dir, (db) => {
    const old = db.prepare('select entry from entries where sequence = 3').pluck().get() as string;
    const bytes = Buffer.from(old.replace('仅摘要', '仅篡改'), 'utf8');
    db.prepare('update entries set entry = cast(? as text), leaf = ? where sequence = 3').run(
      bytes,
      leafOf(bytes),
    );
    const sealed = 'select leaf from entries where sequence between 2 and 6 order by sequence';
    const leaves = Uint8Array.from(Buffer.concat(db.prepare(sealed).pluck().all() as Buffer[]));
    db.prepare('update batches set root = ? where number = 2').run(treeOf(leaves).root);
  });
}

interface Ran {
  readonly code: number | null;
  readonly out: string;
  /** `code table/key` of errors and warnings */
  readonly told: readonly string[];
  readonly notes: readonly string[];
  readonly unread: readonly string[];
}

async function run(
  dir: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const cli = join(import.meta.dirname, '..', '..', 'server', 'cli', 'main.ts');
  const child = spawn(process.execPath, [cli, 'fsck', '--json', '--quick', ...args], {
    env: { ...process.env, KEZHENG_DATA_DIR: dir, ...env },
  });
  let out = '';
  child.stdout.on('data', (text) => (out += text));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const lines = out
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, string>]));
  const named = (isNote: boolean) =>
    lines
      .filter(({ type, severity }) => type === 'finding' && (severity === 'note') === isNote)
      .map((one) => `${one['code']} ${one['table']}/${one['key']}`);
  const unread = lines.flatMap(({ type, part }) => (type === 'unread' ? [part!] : []));
  return { code, out, told: named(false), notes: named(true), unread };
}

const onNode = ['--rpc', rpcUrl];

t.test('an honest installation is clean by its settings, by a trust list and by its own', async (t) => {
  const configured = await run(made.dataDir, onNode, SETTINGS);
  t.strictSame([configured.code, configured.told, configured.notes], [0, [], []], configured.out);
  const listed = await run(made.dataDir, [...onNode, '--trust', TRUST]);
  t.strictSame([listed.code, listed.told, listed.notes], [0, [], []], listed.out);
  const alone = await run(made.dataDir, onNode);
  t.equal(alone.code, 0);
  t.strictSame(alone.notes, ['log-known-from-data logs/*'], 'and it says that this proves less');
});

t.test('where it is not known which log should be there, that is no clean answer', async (t) => {
  const dir = copyOf(t, made);
  rmSync(join(dir, 'trust.json'));
  const { code, told, notes } = await run(dir, onNode);
  t.strictSame([code, told, notes], [2, [], ['log-not-known logs/*']]);
  writeFileSync(join(dir, 'trust.json'), '{');
  t.strictSame((await run(dir, onNode)).unread, ['trust.json']);
  t.equal((await run(dir, onNode, SETTINGS)).code, 0, 'the settings are enough');
});

t.test('without a node nothing is clean', async (t) => {
  const { code, notes } = await run(made.dataDir, [], SETTINGS);
  t.strictSame([code, notes], [2, ['chain-not-asked chain/*']]);
});

const FORGERIES: Readonly<Record<string, (dir: string) => void>> = {
  'a forged entry, with every record of the chain deleted': (dir) => {
    forge(dir);
    empty(dir, OF_CHAIN);
  },
  'every entry, batch and record deleted': (dir) => empty(dir, [...OF_CHAIN, ...OF_JOURNAL]),
  'every entry and batch deleted': (dir) => empty(dir, ['certificates', 'serials', ...OF_JOURNAL]),
};

for (const [what, damage] of Object.entries(FORGERIES))
  t.test(`named by the settings, by a trust list and by its own: ${what}`, async (t) => {
    const dir = copyOf(t, made);
    damage(dir);
    for (const [args, env] of [
      [onNode, SETTINGS],
      [[...onNode, '--trust', TRUST], {}],
      [onNode, {}],
    ] as const) {
      const { code, told } = await run(dir, args, env);
      t.equal(code, 1);
      t.ok(told.some((one) => /^(?:log-root-foreign|anchor-batch-missing) .*:1$/.test(one)));
    }
  });

t.test('a log without its records is named with each root that the chain has', async (t) => {
  const dir = copyOf(t, made);
  forge(dir);
  empty(dir, OF_CHAIN);
  const { told } = await look(dir, { rpcUrl });
  const ofLog = told.filter((one) => one.includes(LOG)).sort();
  t.strictSame(ofLog, [
    ...[0, 2, 3].map((index) => `anchor-unrecorded ${LOG}:${index}`),
    `log-root-foreign ${LOG}:1`,
    `log-unrecorded ${LOG}`,
  ]);
});

t.test('--repair records the deleted log again, as far as its batches are what was anchored', async (t) => {
  const dir = copyOf(t, made);
  empty(dir, OF_CHAIN);
  const { repairs } = await look(dir, { rpcUrl, repair: true });
  t.strictSame(
    repairs,
    [0, 1, 2, 3].map((index) => `anchor-unrecorded ${LOG}:${index}`),
  );
  const again = await look(dir, { rpcUrl });
  t.strictSame([again.told, again.notes], [[], ['certificates-none certificates/*']]);
});

t.test('a history that was anchored under another key is named by both of its ends', async (t) => {
  const dir = copyOf(t, made);
  forge(dir);
  empty(dir, OF_CHAIN);
  inDatabase(dir, (db) => {
    const { genesisHash } = JSON.parse(readFileSync(TRUST, 'utf8')).logs[0];
    db.prepare('insert into logs values (1, ?, ?, ?, ?)').run(CHAIN_ID, genesisHash, CONTRACT, OTHER);
  });
  const { told } = await look(dir, { rpcUrl });
  t.ok(told.includes('log-unexpected logs/1'));
  t.ok(told.includes(`log-unrecorded ${LOG}`));
});

t.test('an earlier key’s log is expected where a trust list names it', async (t) => {
  const dir = copyOf(t, made);
  const otherKey = join(dir, 'other.key');
  writeFileSync(otherKey, '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d\n');
  const env = { ...SETTINGS, KEZHENG_OPERATOR_KEY_FILE: otherKey };
  t.strictSame((await run(dir, onNode, env)).told, ['log-unexpected logs/1']);
  const both = await run(dir, [...onNode, '--trust', TRUST], env);
  t.strictSame([both.code, both.told], [0, []], both.out);
});

t.test(
  'settings that cannot be used are told, and a key that is not ours to read is no hindrance',
  async (t) => {
    const badKey = join(made.dataDir, 'bad.key');
    for (const content of ['0x12', `0x${'0'.repeat(64)}`]) {
      writeFileSync(badKey, content);
      const env = { ...SETTINGS, KEZHENG_OPERATOR_KEY_FILE: badKey };
      t.equal((await run(made.dataDir, onNode, env)).code, 64, content);
    }
    t.equal((await run(made.dataDir, onNode, { ...SETTINGS, KEZHENG_CHAIN_ID: 'x' })).code, 64);
    t.equal((await run(made.dataDir, onNode, { ...SETTINGS, KEZHENG_CONTRACT: '0x12' })).code, 64);
    const gone = { ...SETTINGS, KEZHENG_OPERATOR_KEY_FILE: join(made.dataDir, 'none') };
    const away = await run(made.dataDir, onNode, gone);
    t.strictSame([away.code, away.unread], [2, ['KEZHENG_OPERATOR_KEY_FILE']]);
    const elsewhere = { ...SETTINGS, KEZHENG_CONTRACT: `0x${'12'.repeat(20)}` };
    const undeployed = await run(made.dataDir, [...onNode, '--trust', TRUST], elsewhere);
    t.strictSame([undeployed.code, undeployed.unread], [2, [`log ${OPERATOR}`]], 'nothing is deployed there');
    const otherChain = await run(made.dataDir, [...onNode, '--trust', TRUST], {
      ...SETTINGS,
      KEZHENG_CHAIN_ID: '5',
    });
    t.strictSame([otherChain.code, otherChain.notes], [2, [`log-on-other-chain ${LOG}`]]);
  },
);

function sameAddress(t: Test, key: string): void {
  t.equal(operatorOf(key), new Wallet(key).address.toLowerCase());
}

t.test('the operator of a key is the one that signs with it', async (t) => {
  t.equal(operatorOf(KEY), OPERATOR);
  for (let i = 0; i < 8; i++) sameAddress(t, Wallet.createRandom().privateKey);
  for (const none of ['', '0x', `0x${'f'.repeat(64)}`, `0x${'0'.repeat(64)}`])
    t.equal(operatorOf(none), undefined);
});
