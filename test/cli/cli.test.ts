import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { FILES, makeSample, trustList } from '../../scripts/vectors/sample.ts';
import { body, certificateOf, form, hashOnly, run } from '../support/running.ts';

const CLI = join(import.meta.dirname, '..', '..', 'server', 'cli', 'main.ts');

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function cli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [CLI, ...args], { env: { ...process.env, ...env } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

const folder = t.testdir();
const path = (name: string) => join(folder, name);
const sample = await makeSample();
writeFileSync(path('c.json'), sample.bytes);
writeFileSync(path('photo.jpg'), FILES['photo.jpg']!);
writeFileSync(path('other.jpg'), 'something else');
writeFileSync(path('trust.json'), JSON.stringify(trustList()));
const trust = ['--trust', path('trust.json')];

/** A node that answers as told, in the few calls that the command line makes. */
async function node(
  t: { teardown(end: () => void): void },
  answers: (method: string, params: readonly unknown[]) => unknown,
): Promise<string> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      const { method, params } = JSON.parse(text) as { method: string; params: unknown[] };
      const result = answers(method, params);
      response.end(
        JSON.stringify(result instanceof Error ? { error: { message: result.message } } : { result }),
      );
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const GENESIS = `0x${'ab'.repeat(32)}`;
const honest = (method: string, [at]: readonly unknown[]): unknown => {
  if (method === 'eth_chainId') return '0x1092';
  if (at === '0x0') return { number: '0x0', hash: GENESIS };
  if (at === 'finalized' || at === 'latest') return { number: '0x400', hash: GENESIS };
  return at === '0x3e8' ? { number: at, hash: sample.blockHash.toUpperCase().replace('0X', '0x') } : null;
};

t.test('exit codes say valid, invalid, incomplete and wrong usage', async (t) => {
  const hash = ['--block-hash', sample.blockHash];
  const cases: readonly [number, readonly string[]][] = [
    [0, ['verify', path('c.json'), path('photo.jpg'), ...trust, ...hash]],
    [1, ['verify', path('c.json'), path('other.jpg'), ...trust, ...hash]],
    [1, ['verify', path('photo.jpg')]],
    [1, ['verify', path('c.json'), path('photo.jpg'), ...trust, '--block-hash', `0x${'00'.repeat(32)}`]],
    [2, ['verify', path('c.json'), path('photo.jpg'), ...trust]],
    [2, ['verify', path('c.json'), path('photo.jpg'), ...hash]],
    [2, ['verify', path('c.json'), ...trust, ...hash]],
    [2, ['verify', path('c.json')]],
    [64, ['verify']],
    [64, ['verify', path('missing.json')]],
    [64, ['verify', path('c.json'), path('missing.jpg')]],
    [64, ['verify', path('c.json'), '--trust', path('photo.jpg')]],
    [64, ['verify', path('c.json'), '--block-hash', '0x1']],
    [64, ['verify', path('c.json'), '--rpc', 'x', ...hash]],
    [64, ['verify', path('c.json'), '--rpc', 'x']],
    [64, ['verify', path('c.json'), '--nonsense']],
    [64, ['nonsense']],
    [64, []],
    [0, ['help']],
  ];
  for (const [code, args] of cases) {
    const done = await cli(args);
    t.equal(done.code, code, `${args.join(' ').replaceAll(`${folder}/`, '')}: ${done.err.slice(0, 200)}`);
  }
});

t.test('what remains to be compared is said, and where', async (t) => {
  const { out } = await cli(['verify', path('c.json'), path('photo.jpg'), ...trust]);
  t.match(out, '尚待比对');
  t.match(out, sample.blockHash);
  t.match(out, /区块浏览器|explorer/);
  t.match(out, '测试链');
  const { out: bare } = await cli(['verify', path('c.json')]);
  t.match(bare, '--trust');
});

t.test('a node of one’s own is asked by number below its finalized head', async (t) => {
  const check = async (answers: typeof honest) => {
    const url = await node(t, answers);
    return cli(['verify', path('c.json'), path('photo.jpg'), ...trust, '--rpc', url, '--json']);
  };
  const block = (outcome: Outcome) =>
    JSON.parse(outcome.out).checks.find((one: { id: string }) => one.id === 'block');
  t.equal((await check(honest)).code, 0);
  const noTag = await check((method, params) =>
    params[0] === 'finalized' ? new Error('unknown block') : honest(method, params),
  );
  t.equal(noTag.code, 2, 'a node that does not tell its finalized head confirms nothing');
  const counted = async (n: string) => {
    const url = await node(t, (method, params) =>
      params[0] === 'finalized' ? null : honest(method, params),
    );
    return cli(['verify', path('c.json'), path('photo.jpg'), ...trust, '--rpc', url, '--confirmations', n]);
  };
  t.equal((await counted('25')).code, 0, 'blocks 1000 to 1024 are 25');
  t.equal((await counted('26')).code, 2);
  t.equal((await counted('0')).code, 64);
  const lying = await check((method, params) =>
    params[0] === '0x3e8' ? { number: '0x3e8', hash: GENESIS } : honest(method, params),
  );
  t.equal(lying.code, 1);
  t.match(block(lying), { status: 'failed', reason: { code: 'block-differs' } });
  const early = await check((method, params) =>
    params[0] === 'finalized' ? { number: '0x100', hash: GENESIS } : honest(method, params),
  );
  t.match(block(early), { status: 'unknown', reason: { code: 'block-not-final' } });
  const otherChain = await check((method, params) =>
    method === 'eth_chainId' ? '0x1' : honest(method, params),
  );
  t.match(block(otherChain), { status: 'unknown', reason: { code: 'block-source-other-chain' } });
  const replayed = await check((method, params) =>
    params[0] === '0x0' ? { number: '0x0', hash: `0x${'cd'.repeat(32)}` } : honest(method, params),
  );
  t.match(block(replayed), { status: 'unknown', reason: { code: 'block-source-other-genesis' } });
  for (const nonsense of [() => 7, () => null, () => new Error('no'), () => ({ hash: 'x' })])
    t.match(block(await check(nonsense)), { status: 'unknown' });
  const gone = await cli([
    'verify',
    path('c.json'),
    path('photo.jpg'),
    ...trust,
    '--rpc',
    'http://127.0.0.1:9',
    '--json',
  ]);
  t.equal(gone.code, 2);
});

t.test('nothing in a certificate can move the cursor of a terminal', async (t) => {
  const { bytes } = await makeSample({ stated: [{ name: 'x\u001b[2J', value: '\u202egnp.exe\u0007' }] });
  writeFileSync(path('evil.json'), bytes);
  const { out } = await cli(['verify', path('evil.json')]);
  t.notMatch(out, /[\u001b\u202e\u0007]/);
  t.match(out, '\\u{1b}');
});

t.test('organizations and keys: shown once, stored hashed, with scopes, expiry and revocation', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const env = { KEZHENG_DATA_DIR: service.dataDir };
  t.match(await cli(['keys', 'list'], { KEZHENG_DATA_DIR: folder }), { code: 64 });
  const added = await cli(
    ['orgs', 'add', '某某律师事务所', '--role', 'depositor', '--uscc', '91350200MA2YJ1XR9G'],
    env,
  );
  t.equal(added.code, 0, added.err);
  const organization = added.out.trim();
  t.match((await cli(['orgs', 'list'], env)).out, '某某律师事务所');
  const key = (
    await cli(['keys', 'create', organization, '--label', '测试', '--expires', '1'], env)
  ).out.trim();
  t.match(key, /^kz_[0-9a-f]{32}_[\w-]{43}$/);
  const made = await body(service.call('/v1/evidence', { key, json: hashOnly(1) }));
  t.match(made.manifest.depositor, { name: '某某律师事务所', uscc: '91350200MA2YJ1XR9G' });
  const stored = readFileSync(join(service.dataDir, 'kezheng.sqlite-wal')).toString('latin1');
  t.notOk(stored.includes(key.slice(-43)), 'the secret is nowhere in the store');
  const reader = (await cli(['keys', 'create', organization, '--scopes', 'evidence:read'], env)).out.trim();
  t.match(await body(service.call('/v1/evidence', { key: reader, json: hashOnly(2) })), {
    code: 'scope-missing',
    status: 403,
  });
  t.equal((await service.call(`/v1/evidence/${made.id}`, { key: reader })).status, 200);
  const id = key.slice(3, 35).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  t.match((await cli(['keys', 'list', organization], env)).out, id);
  t.equal((await cli(['keys', 'revoke', id], env)).code, 0);
  t.equal((await cli(['keys', 'revoke', id], env)).code, 64);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  t.match(await body(service.call('/v1/evidence', { key, json: hashOnly(3) })), {
    code: 'key-revoked',
    status: 401,
  });
  for (const args of [
    ['orgs'],
    ['orgs', 'add', ''],
    ['orgs', 'add', 'x', '--role', 'king'],
    ['keys'],
    ['keys', 'create'],
    ['keys', 'create', organization, '--scopes', 'all'],
    ['keys', 'create', organization, '--expires', '0'],
    ['keys', 'create', 'nobody'],
    ['keys', 'revoke'],
  ])
    t.equal((await cli(args, env)).code, 64, args.join(' '));
});

t.test('a real certificate checks with the service stopped and its data gone', async (t) => {
  const service = await run();
  const photo = randomBytes(10_000);
  const { id } = await body(
    service.call('/v1/evidence', {
      method: 'POST',
      body: form({ title: 'x' }, [{ name: 'p', bytes: photo }]),
    }),
  );
  writeFileSync(path('real.json'), await certificateOf(service, id));
  writeFileSync(path('p'), photo);
  writeFileSync(path('real-trust.json'), readFileSync(join(service.dataDir, 'trust.json')));
  const view = await body(service.call(`/v1/evidence/${id}`));
  await service.stop();
  const args = ['verify', path('real.json'), path('p'), '--trust', path('real-trust.json')];
  t.equal((await cli(args)).code, 2);
  t.equal((await cli([...args, '--block-hash', view.anchors[0].blockHash])).code, 0);
});
