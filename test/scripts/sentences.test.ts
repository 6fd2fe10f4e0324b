import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startPostgres, whyNoPostgres } from '../support/postgres.ts';

/*
 * What a newcomer gets wrong first is answered by a sentence that names it, at once, and never by a stack trace.
 */

const ROOT = join(import.meta.dirname, '..', '..');

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Settings of the surroundings do not count, only these. */
function program(t: Test, path: string, args: readonly string[], settings: Record<string, string>) {
  const surroundings = Object.entries(process.env).filter(([name]) => !name.startsWith('KEZHENG_'));
  const env = { ...Object.fromEntries(surroundings), ...settings };
  const child = spawn(process.execPath, [join(ROOT, path), ...args], { env });
  t.teardown(() => child.kill('SIGKILL'));
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  return new Promise<Outcome>((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

function isSentence(t: Test, { code, err }: Outcome, expected: number, ...words: readonly RegExp[]): void {
  t.equal(code, expected, err);
  for (const word of words) t.match(err, word);
  t.notMatch(err, /\n {4}at |node:internal/, 'no stack trace');
  t.match(err, /[\u4e00-\u9fff]/, 'Chinese');
  t.match(err, / \/ /, 'and English');
}

const folder = t.testdir({ file: 'x' });
const keyFile = join(folder, 'operator.key');
writeFileSync(keyFile, `0x${'1'.repeat(64)}\n`);

t.test('the demonstration names a file that it cannot take before it starts anything', async (t) => {
  const data = { KEZHENG_DATA_DIR: join(folder, 'none') };
  const demo = (path: string) => program(t, 'scripts/demo.ts', [path], data);
  for (const [path, word] of [
    [join(folder, 'nosuch.jpg'), /nosuch\.jpg.*ENOENT/],
    [join(folder, 'file', 'x'), /ENOTDIR/],
    [folder, /不是文件/],
  ] as const) {
    const done = await demo(path);
    isSentence(t, done, 64, word);
    t.notMatch(done.out, '正在启动');
  }
});

t.test('a demonstration whose service cannot start says so after what the service said', async (t) => {
  const settings = { KEZHENG_DATA_DIR: join(folder, 'file') };
  const done = await program(t, 'scripts/demo.ts', [keyFile], settings);
  isSentence(t, done, 1, /KEZHENG_DATA_DIR/, /服务未能启动/);
});

t.test('the deployment names the setting that is wrong, and the node that is away', async (t) => {
  const chain = {
    KEZHENG_RPC_URL: 'http://127.0.0.1:1',
    KEZHENG_CHAIN_ID: '5',
    KEZHENG_OPERATOR_KEY_FILE: keyFile,
  };
  const deploy = (settings: Record<string, string>) => program(t, 'scripts/deploy.ts', [], settings);
  isSentence(t, await deploy({}), 64, /KEZHENG_RPC_URL：未设置/);
  isSentence(t, await deploy({ ...chain, KEZHENG_CHAIN_ID: '' }), 64, /KEZHENG_CHAIN_ID：未设置/);
  isSentence(
    t,
    await deploy({ ...chain, KEZHENG_OPERATOR_KEY_FILE: '/nowhere' }),
    64,
    /KEZHENG_OPERATOR_KEY_FILE：无法读取/,
  );
  const away = await deploy(chain);
  isSentence(t, away, 1, /无法连接区块链节点/, /the chain node cannot be reached/, /127\.0\.0\.1:1/);
  t.notMatch(away.err, '{', 'no raw values');
});

t.test('a data folder that cannot be one stops the start at once, by its name', async (t) => {
  const start = (dataDir: string) =>
    program(t, 'server/main.ts', [], { KEZHENG_DATA_DIR: dataDir, KEZHENG_PORT: '0' });
  const places = [join(folder, 'file'), join(folder, 'file', 'below')];
  // A file system that says ENOENT of a folder whose parent is there: Node's own recursive mkdir never returns.
  if (process.platform === 'linux') places.push('/proc/nope', '/proc/nope/below', '/proc');
  for (const place of places) {
    const began = performance.now();
    isSentence(t, await start(place), 1, /^kezheng: KEZHENG_DATA_DIR：/);
    t.ok(performance.now() - began < 30_000, `${place} at once`);
  }
});

const DATABASE = /KEZHENG_DATABASE_URL：127\.0\.0\.1:\d+\/evidence .* \/ KEZHENG_DATABASE_URL: 127\.0\.0\.1/;

t.test(
  'a database that is away stops the start and a command by its setting, without its password',
  async (t) => {
    const settings = {
      KEZHENG_DATA_DIR: join(folder, 'data'),
      KEZHENG_PORT: '0',
      KEZHENG_DATABASE_URL: 'postgres://kezheng:s3cret@127.0.0.1:1/evidence',
    };
    const started = await program(t, 'server/main.ts', [], settings);
    isSentence(t, started, 1, DATABASE, /没有服务在监听/);
    t.notMatch(started.err, 's3cret');
    const listed = await program(t, 'server/cli/main.ts', ['orgs', 'list'], settings);
    isSentence(t, listed, 70, DATABASE);
    t.notMatch(listed.err, 's3cret');
  },
);

const skip = whyNoPostgres();
t.test('a database that is not there, or not to be used, is told as that', { skip }, async (t) => {
  const { freshDatabase, sql } = await startPostgres(t);
  const url = await freshDatabase();
  const start = (database: string) =>
    program(t, 'server/main.ts', [], {
      KEZHENG_DATA_DIR: join(folder, 'data'),
      KEZHENG_PORT: '0',
      KEZHENG_DATABASE_URL: database,
    });
  isSentence(t, await start(url.replace(/[^/]*$/, 'evidence')), 1, DATABASE, /没有这个数据库/);
  isSentence(t, await start(url), 1, /fsync = off/, /断电即丢失/);
  await sql('create role guest nologin');
  const guest = url.replace(/\/\/[^@]*@/, '//guest:s3cret@');
  const refused = await start(guest);
  isSentence(t, refused, 1, /该用户不得连接/);
  t.notMatch(refused.err, 's3cret');
});

t.test(
  'what a command was told wrong stands last but one, and how it is used one command away',
  async (t) => {
    for (const args of [['verify'], ['orgs', 'add'], ['nonsense'], ['verify', 'x', '--trsut', 'y']]) {
      const done = await program(t, 'server/cli/main.ts', args, { KEZHENG_DATA_DIR: join(folder, 'none') });
      t.equal(done.code, 64);
      const lines = done.err.trimEnd().split('\n');
      t.equal(lines.length, 2, done.err);
      t.match(lines[0], /^kezheng: /);
      t.match(lines[1], 'npm run -s kezheng -- help');
    }
  },
);

t.test('all wrong settings are told at one start', async (t) => {
  const done = await program(t, 'server/main.ts', [], { KEZHENG_PORT: 'x', KEZHENG_LOG_LEVEL: 'loud' });
  isSentence(t, done, 1, /^kezheng: KEZHENG_PORT：.*\nkezheng: KEZHENG_LOG_LEVEL：.*\n$/);
});
