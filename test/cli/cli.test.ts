import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FILES, makeSample, trustList } from '../../scripts/vectors/sample.ts';
import { OPERATOR_ID } from '../../server/ports/store.ts';
import { CLI, cli, GENESIS, honestNode, node, type Outcome } from '../support/cli.ts';
import { body, certificateOf, form, hashOnly, run } from '../support/running.ts';
import { ON_POSTGRES, storageFor } from '../support/storage.ts';

const folder = t.testdir();
const path = (name: string) => join(folder, name);
const sample = await makeSample();
writeFileSync(path('c.json'), sample.bytes);
writeFileSync(path('photo.jpg'), FILES['photo.jpg']!);
writeFileSync(path('other.jpg'), 'something else');
writeFileSync(path('trust.json'), JSON.stringify(trustList()));
const trust = ['--trust', path('trust.json')];

const honest = honestNode(sample.blockHash);

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
    [64, ['verify', path('c.json'), '--rpc', 'ws://127.0.0.1']],
    [64, ['verify', path('c.json'), '--rpc', 'http://user:word@127.0.0.1']],
    [64, ['verify', path('c.json'), '--json', '--brief']],
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

t.test('the help of one command tells of that one, and there is a help for each', async (t) => {
  const { out: all } = await cli(['help']);
  const commands = new Set([...all.matchAll(/^ {2}kezheng ([a-z-]+)/gm)].map(([, name]) => name!));
  t.ok(commands.size >= 15);
  for (const command of ['move-cold', 'deposit', 'verify']) {
    const { out, code } = await cli([command, '--help']);
    t.equal(code, 0);
    t.match(out, new RegExp(`^  kezheng ${command} `, 'm'));
    t.ok(out.length < all.length / 3, command);
    t.equal((await cli(['help', command])).out, out);
  }
  t.equal((await cli(['nonsense', '--help'])).out, all);
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

t.test('whoever reads only the beginning gets no error', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const child = spawn(process.execPath, [CLI, 'orgs', 'list'], {
    env: { ...process.env, KEZHENG_DATA_DIR: service.dataDir, ...(await storageFor(service.dataDir)) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', (text) => (err += text));
  t.equal(await new Promise((resolve) => child.on('close', resolve)), 141);
  t.equal(err, '');
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
  const env = { KEZHENG_DATA_DIR: service.dataDir, ...(await storageFor(service.dataDir)) };
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
  if (!ON_POSTGRES) {
    const stored = readFileSync(join(service.dataDir, 'kezheng.sqlite-wal')).toString('latin1');
    t.notOk(stored.includes(key.slice(-43)), 'the secret is nowhere in the store');
  }
  const reader = (await cli(['keys', 'create', organization, '--scopes', 'evidence:read'], env)).out.trim();
  t.match(await body(service.call('/v1/evidence', { key: reader, json: hashOnly(2) })), {
    code: 'scope-missing',
    status: 403,
  });
  t.equal((await service.call(`/v1/evidence/${made.id}`, { key: reader })).status, 200);
  const id = key.slice(3, 35).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const list = async () => (await cli(['keys', 'list', organization], env)).out;
  t.match(await list(), new RegExp(`${id}.*有效 valid, 至 until 20\\d\\d-.*Z`));
  t.match(await list(), '有效 valid, 不过期 never expires');
  t.equal((await cli(['keys', 'revoke', id], env)).code, 0);
  const again = await cli(['keys', 'revoke', id], env);
  t.equal(again.code, 64);
  t.match(again.err, '此前已吊销');
  t.match(await list(), new RegExp(`${id}.*已吊销 revoked 20\\d\\d-.*Z`));
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  t.match(await body(service.call('/v1/evidence', { key, json: hashOnly(3) })), {
    code: 'key-revoked',
    status: 401,
  });
  for (const args of [
    ['orgs'],
    ['orgs', 'add', ''],
    ['orgs', 'add', 'x', '--role', 'king'],
    ['orgs', 'add', 'x', '--uscc', '123'],
    ['orgs', 'add', 'x', '--uscc', '91350200MA2YJ1XR9H'],
    ['keys'],
    ['keys', 'create'],
    ['keys', 'create', organization, '--scopes', 'all'],
    ['keys', 'create', organization, '--expires', '0'],
    ['keys', 'create', 'nobody'],
    ['keys', 'revoke'],
  ])
    t.equal((await cli(args, env)).code, 64, args.join(' '));
  const own = await cli(['keys', 'create', OPERATOR_ID], env);
  t.equal(own.code, 64);
  t.match(own.err, /what the service records of itself/);
});

t.test('a key is revoked by its id or by the key itself, and is never shown', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const env = { KEZHENG_DATA_DIR: service.dataDir, ...(await storageFor(service.dataDir)) };
  const [key] = service.keys;
  const secret = key.slice(-43);
  const wrong: readonly (readonly string[])[] = [
    ['keys', 'revoke', `${key.slice(0, 30)}x${key.slice(30)}`],
    ['keys', 'revoke', `kz_${'0'.repeat(32)}_${secret}`],
    ['keys', 'revoke', secret],
    ['keys', 'create', key],
    ['keys', 'list', key],
  ];
  for (const args of wrong) {
    const { code, out, err } = await cli(args, env);
    t.equal(code, 64, args.slice(0, 2).join(' '));
    t.notOk((out + err).includes(secret), 'the secret is not repeated');
  }
  const done = await cli(['keys', 'revoke', key], env);
  t.equal(done.code, 0, done.err);
  t.notOk((done.out + done.err).includes(secret));
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  t.match(await body(service.call('/v1/evidence')), { code: 'key-revoked' });
});

t.test('a name is no id: the ids of that name are told, and the same name twice takes a word', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const env = { KEZHENG_DATA_DIR: service.dataDir, ...(await storageFor(service.dataDir)) };
  const id = (await cli(['orgs', 'add', '甲公司'], env)).out.trim();
  const named = await cli(['keys', 'create', '甲公司'], env);
  t.equal(named.code, 64);
  t.match(named.err, `这里须用机构编号，不是名称；甲公司 的编号：${id}`);
  t.match(named.err, 'an id is needed here, not a name');
  t.match((await cli(['keys', 'list', '乙公司'], env)).err, /没有编号为 乙公司 的机构.*orgs list/);
  const again = await cli(['orgs', 'add', '甲公司'], env);
  t.equal(again.code, 64);
  t.match(again.err, `已有同名机构 ${id}`);
  t.match(again.err, 'there is an organization of this name');
  t.equal((await cli(['orgs', 'add', '甲公司', '--again'], env)).code, 0);
  t.equal((await cli(['orgs', 'list'], env)).out.match(/甲公司/g)?.length, 2);
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

t.test('a demonstration is checked whole without a word of where its chain listens', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const env = { KEZHENG_DATA_DIR: service.dataDir, ...(await storageFor(service.dataDir)) };
  const { id } = await body(service.call('/v1/evidence', { json: hashOnly(1) }));
  await certificateOf(service, id);
  const found = await cli(['fsck'], env);
  t.equal(found.code, 0, found.out + found.err);
});
