import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { fileEntry } from '../../server/core/entry/file-entry.ts';
import { parseCanonical } from '../../server/core/read/json.ts';
import { buildTree, leafHash, rootOf } from '../../server/core/tree/tree.ts';
import { CLI, cli, closedPort, type Outcome } from '../support/cli.ts';
import { whyNoPython } from '../support/python.ts';
import { run } from '../support/running.ts';

/* `kezheng deposit --folder` and `kezheng cut` against a whole service with a real chain. */

const service = await run();
t.teardown(() => service.stop());
const trust = join(service.dataDir, 'trust.json');
const env = { KEZHENG_URL: service.url, KEZHENG_KEY: service.keys[0] };
/** Nothing of this machine's environment: the arguments alone. */
const bare = { KEZHENG_URL: '', KEZHENG_KEY: '', KEZHENG_DATA_DIR: join(tmpdir(), 'kezheng-nowhere') };

function place(t: Tap): { readonly folder: string; readonly index: string; readonly out: string } {
  const root = mkdtempSync(join(tmpdir(), 'kezheng-folder-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, '取证 2026');
  mkdirSync(folder);
  mkdirSync(join(root, 'out'));
  return { folder, index: `${folder}.kezheng-index`, out: join(root, 'out') };
}

type Tap = { teardown(end: () => void): void };

const deposit = (folder: string, ...more: readonly string[]): Promise<Outcome> =>
  cli(['deposit', '--folder', folder, ...more], env);

const linesOf = (index: string) => readFileSync(index, 'utf8').split('\n').slice(0, -1);
const entriesIn = (index: string) =>
  linesOf(index)
    .filter((line) => line.startsWith('{"format":"kezheng-file/1"'))
    .map((line) => fileEntry(parseCanonical(Buffer.from(line)), 'entry'));
const formatsIn = (index: string) =>
  linesOf(index).map((line) => (JSON.parse(line) as { format: string }).format);

async function blockHash(id: string): Promise<string> {
  const view = (await (await service.call(`/v1/evidence/${id}`)).json()) as {
    anchors: readonly { blockHash: string }[];
  };
  return view.anchors[0]!.blockHash;
}

async function verify(certificate: string, file: string, id: string): Promise<Outcome> {
  return cli(['verify', certificate, file, '--trust', trust, '--block-hash', await blockHash(id), '--brief']);
}

t.test(
  'a folder is one deposit, and each of its files gets a certificate that every checker takes',
  async (t) => {
    const { folder, index, out } = place(t);
    mkdirSync(join(folder, '子/b'), { recursive: true });
    const names = ['照片 𠮷.jpg', '子/b/empty', '子/quote "x"', 'a'];
    for (const name of names) writeFileSync(join(folder, name), name === '子/b/empty' ? '' : name);
    const done = await deposit(folder, '--json', '--title', '仓库存货');
    t.equal(done.code, 0, done.err);
    const { id, root, files, leftOut, certificate } = JSON.parse(done.out);
    t.match({ files, leftOut, certificate }, { files: 4, leftOut: 0, certificate: true });

    const view = (await (await service.call(`/v1/evidence/${id}`)).json()) as Record<string, never>;
    t.match(view, { manifest: { folder: { root, size: 4 }, files: [], evidence: { title: '仓库存货' } } });
    const leaves = linesOf(index)
      .slice(1, 5)
      .map((line) => leafHash(Buffer.from(line)));
    t.equal(Buffer.from(rootOf(buildTree(Buffer.concat(leaves)))).toString('hex'), root);
    t.equal(statSync(index).mode & 0o777, 0o600);
    t.same(formatsIn(index).slice(5), [
      'kezheng-folder-end/1',
      'kezheng-folder-request/1',
      'kezheng-folder-receipt/1',
      'kezheng-certificate/1',
    ]);

    const cut = await cli(['cut', index, ...names, '--out', out], bare);
    t.equal(cut.code, 0, cut.err);
    for (const name of names) {
      const cutFile = join(out, `${name.split('/').at(-1)}.certificate.json`);
      const good = await verify(cutFile, join(folder, name), id);
      t.match(good, { code: 0, out: /有效 \/ valid/ }, name);
      const wrong = await verify(cutFile, join(folder, name === 'a' ? names[0]! : 'a'), id);
      t.match(wrong, { code: 1, out: /files/ }, name);
      const form = new FormData();
      form.append('certificate', new Blob([readFileSync(cutFile)]));
      form.append('file', new Blob([readFileSync(join(folder, name))]), name);
      const over = await service.call('/v1/verify', { method: 'POST', body: form });
      t.match(await over.json(), { verdict: 'valid' });
    }
    // A changed file.
    appendFileSync(join(folder, 'a'), '!');
    t.equal((await verify(join(out, 'a.certificate.json'), join(folder, 'a'), id)).code, 1);
  },
);

t.test(
  'the certificate of a file passes the checker in another language',
  { skip: whyNoPython() },
  async (t) => {
    const { folder, index, out } = place(t);
    for (let i = 0; i < 11; i++) writeFileSync(join(folder, `${i}.txt`), `${i}`);
    const { id } = JSON.parse((await deposit(folder, '--json')).out);
    t.equal((await cli(['cut', index, '7.txt', '10.txt', '--out', out])).code, 0);
    for (const name of ['7.txt', '10.txt']) {
      const args = [
        '--check',
        join(out, `${name}.certificate.json`),
        '--trust',
        trust,
        '--block-hash',
        await blockHash(id),
      ];
      const checker = join(import.meta.dirname, '..', 'independent', 'checker.py');
      const python = (file: string) =>
        spawnSync('python3', ['-B', checker, ...args, file], { encoding: 'utf8' });
      t.equal(python(join(folder, name)).status, 0, name);
      t.equal(python(join(folder, '0.txt')).status, 1, name);
    }
  },
);

t.test('what cannot be taken is told, left out and listed; the rest is deposited', async (t) => {
  const { folder, index } = place(t);
  writeFileSync(join(folder, 'file'), 'x');
  symlinkSync('file', join(folder, 'link'));
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from('ff1b', 'hex')]), 'x');
  const done = await deposit(folder, '--no-wait');
  t.equal(done.code, 2);
  t.match(done.out, /left out: 2\n/);
  t.match(done.out, /link：符号链接，不跟随 \/ a symbolic link, not followed/);
  t.notMatch(done.out, '\u001b', 'a name moves no cursor');
  t.match(
    linesOf(index)
      .slice(2, 4)
      .map((line) => JSON.parse(line)),
    [
      { format: 'kezheng-left-out/1', name: 'link', why: 'link', bytes: null },
      { format: 'kezheng-left-out/1', why: 'name-not-utf8', bytes: 'ff1b' },
    ],
  );
  const again = await deposit(folder, '--no-wait');
  t.equal(again.code, 2, 'and again the next time');
});

t.test('killed while it hashes it goes on where it was, and does not hash again what it had', async (t) => {
  const { folder, index } = place(t);
  for (let d = 0; d < 30; d++) {
    mkdirSync(join(folder, `d${d}`));
    for (let i = 0; i < 400; i++) writeFileSync(join(folder, `d${d}/${i}`), `${d}/${i}`);
  }
  // Sparse, and hashed for a second: the run is killed in the middle of it, with all before it written.
  writeFileSync(join(folder, 'e'), '');
  truncateSync(join(folder, 'e'), 400e6);
  writeFileSync(join(folder, 'f'), 'f');
  const work = `${index}.work`;
  // What was touched a moment before it was read is read again.
  await new Promise((resolve) => setTimeout(resolve, 3_200));
  for (const run of ['1', '2']) {
    const child = spawn(process.execPath, [CLI, 'deposit', '--folder', folder], {
      env: { ...process.env, ...env },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    const lines = join(work, run, 'lines');
    while (!existsSync(lines) || readFileSync(lines).length < 1_000_000)
      await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGKILL');
    await ended;
  }
  t.equal(existsSync(index), false);
  const saltOf = (text: string) => new Set(text.match(/"salt":"[0-9a-f]{32}"/g));
  const first = saltOf(readFileSync(join(work, '1', 'lines'), 'utf8'));
  const second = saltOf(readFileSync(join(work, '2', 'lines'), 'utf8'));
  t.ok(first.size > 3_000);
  // Changed, gone and new between the runs; a torn end of what was written.
  writeFileSync(join(folder, 'd1/5'), 'changed');
  unlinkSync(join(folder, 'd1/6'));
  writeFileSync(join(folder, 'd1/6new'), 'new');
  appendFileSync(join(work, '1', 'lines'), '{"format":"kezheng-file/1","name":"torn');
  const done = await deposit(folder, '--no-wait', '--json');
  t.equal(done.code, 2, done.err);
  t.match(JSON.parse(done.out), {
    files: 12_002,
    leftOut: 1,
    leftOutFiles: [{ name: 'd1/6', why: 'vanished' }],
  });
  t.equal(existsSync(work), false);
  t.equal(existsSync(`${index}.lock`), false);
  const last = saltOf(readFileSync(index, 'utf8'));
  // But for the two, and the one block whose lines were written when what was seen of them was not yet.
  for (const known of [first, second]) {
    const again = [...known].filter((salt) => !last.has(salt)).length;
    t.ok(again >= 2 && again <= 2 + 256, `${again} of ${known.size} hashed twice`);
  }
  const entries = entriesIn(index);
  t.equal(entries.length, 12_002);
  t.equal(new Set(entries.map(({ name }) => name)).size, 12_002);
  t.match(
    entries.find(({ name }) => name === 'd1/5'),
    { size: 7 },
  );
});

t.test('a wrong key shows before anything is hashed', async (t) => {
  const { folder, index } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  const { code, err } = await deposit(folder, '--key', 'kz_wrong');
  t.equal(code, 1);
  t.match(err, /not-authenticated/);
  t.equal(existsSync(index), false);
  t.equal(existsSync(`${index}.lock`), false);
});

t.test('what was left to do after the hashing is done by the same command, without the files', async (t) => {
  const { folder, index } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  // The description is refused when everything has been hashed.
  writeFileSync(join(folder, '..', 'evidence.json'), '{"title":"x","category":"nonsense"}');
  const refused = await deposit(folder, '--evidence', join(folder, '..', 'evidence.json'));
  t.match(refused, { code: 1, err: /request-invalid.*\n.*set it right and run again/ });
  t.same(formatsIn(index).slice(2), ['kezheng-folder-end/1', 'kezheng-folder-request/1']);
  unlinkSync(join(folder, 'a'));
  writeFileSync(join(folder, '..', 'evidence.json'), '{"title":"好","category":"photo"}');
  const left = await deposit(
    folder,
    '--no-wait',
    '--json',
    '--evidence',
    join(folder, '..', 'evidence.json'),
  );
  t.match(left, { code: 0 });
  t.match(JSON.parse(left.out), { certificate: false, files: 1 });
  // A crash in the middle of writing the certificate.
  appendFileSync(index, '{"anchors":[{"header":"f902');
  const done = await deposit(folder, '--json');
  t.match(done, { code: 0 });
  t.match(JSON.parse(done.out), { certificate: true, id: JSON.parse(left.out).id });
  t.same(formatsIn(index).slice(4), [
    'kezheng-folder-request/1',
    'kezheng-folder-receipt/1',
    'kezheng-certificate/1',
  ]);
  // And again, when all is there: it says so, and that it did not look.
  writeFileSync(join(folder, 'new'), 'new');
  const again = await deposit(folder);
  t.match(again, { code: 0, out: /not read again now/ });
  t.equal(formatsIn(index).length, 7);
});

t.test('an answer that is lost on its way makes no second deposit', async (t) => {
  const { folder } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  let posts = 0;
  const { hostname, port } = new URL(service.url);
  const proxy = createServer((asked, reply) => {
    const onward = httpRequest({
      hostname,
      port,
      path: asked.url,
      method: asked.method,
      headers: asked.headers,
    });
    onward.on('response', (answer) => {
      if (asked.method === 'POST' && ++posts === 1)
        return void answer.resume().on('end', () => reply.destroy());
      reply.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(reply);
    });
    asked.pipe(onward);
  });
  await new Promise<void>((ready) => proxy.listen(0, '127.0.0.1', ready));
  t.teardown(() => proxy.close());
  const url = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
  const countOf = async () =>
    ((await (await service.call('/v1/evidence?limit=100')).json()) as { items: unknown[] }).items.length;
  const before = await countOf();
  const done = await deposit(folder, '--url', url, '--no-wait');
  t.equal(done.code, 0, done.err);
  t.equal(posts, 2);
  t.equal(await countOf(), before + 1);
});

t.test('a service that answers about something else is not believed', async (t) => {
  const { folder, index } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  const other = (await (await service.call('/v1/evidence?limit=1')).json()) as { items: { id: string }[] };
  const { id } = other.items[0]!;
  const view = (await (await service.call(`/v1/evidence/${id}`)).json()) as {
    manifest: unknown;
    leafHash: string;
  };
  const liar = createServer((asked, reply) => {
    asked.resume();
    reply.writeHead(asked.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' });
    reply.end(JSON.stringify({ id, state: 'received', leafHash: view.leafHash, manifest: view.manifest }));
  });
  await new Promise<void>((ready) => liar.listen(0, '127.0.0.1', ready));
  t.teardown(() => liar.close());
  const url = `http://127.0.0.1:${(liar.address() as { port: number }).port}`;
  const { code, err } = await deposit(folder, '--url', url);
  t.match({ code, err }, { code: 1, err: /does not fit what was deposited/ });
  t.same(formatsIn(index).slice(2), ['kezheng-folder-end/1', 'kezheng-folder-request/1']);
});

t.test('two runs for one folder do not meet', async (t) => {
  const { folder, index } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const here = `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  writeFileSync(`${index}.lock`, `${process.ppid} ${here} x\n`);
  t.match(await deposit(folder), { code: 64, err: /another deposit of this folder is under way/ });
  t.ok(existsSync(`${index}.lock`));
  // In another container nobody sees whether it runs, but it says so itself every few seconds.
  writeFileSync(`${index}.lock`, `1 ${boot}/pid:[1] x\n`);
  t.match(await deposit(folder), { code: 64, err: /under way/ });
  const past = Date.now() / 1_000 - 120;
  utimesSync(`${index}.lock`, past, past);
  t.equal((await deposit(folder, '--no-wait')).code, 0);
});

t.test('what stands under our names and is not ours stays as it is', async (t) => {
  const { folder } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  const index = join(folder, '..', 'thesis');
  mkdirSync(`${index}.work/1`, { recursive: true });
  writeFileSync(`${index}.work/1/chapter`, 'precious');
  t.match(await deposit(folder, '--index', index), { code: 64, err: /holds something else/ });
  t.equal(readFileSync(`${index}.work/1/chapter`, 'utf8'), 'precious');
  rmSync(`${index}.work`, { recursive: true });
  writeFileSync(`${index}.lock`, 'packages\n');
  t.match(await deposit(folder, '--index', index), { code: 64, err: /is not a lock of this program/ });
  t.equal(readFileSync(`${index}.lock`, 'utf8'), 'packages\n');
});

t.test('the index of another folder is not taken for this one’s', async (t) => {
  const { folder, index } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  t.equal((await deposit(folder, '--no-wait')).code, 0);
  mkdirSync(join(folder, '..', 'other'));
  copyFileSync(index, join(folder, '..', 'other.kezheng-index'));
  t.match(await deposit(join(folder, '..', 'other')), { code: 64, err: /not of this one/ });
});

t.test('an answer that was lost two days ago makes no second deposit either', async (t) => {
  const { folder, index } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  const { id } = JSON.parse((await deposit(folder, '--no-wait', '--json')).out);
  const lines = linesOf(index).filter((line) => !line.startsWith('{"format":"kezheng-folder-receipt'));
  // Another deposit, a newer one, speaks of the same root.
  const { root } = JSON.parse(linesOf(index).find((line) => line.includes('kezheng-folder-end'))!);
  const files = [{ name: 'x', size: 1, sha256: 'ab'.repeat(32) }];
  await service.call('/v1/evidence', { json: { title: 'x', description: `about ${root}`, files } });
  // And a crash came right after the index had its name.
  mkdirSync(`${index}.work/1`, { recursive: true });
  for (const name of ['kezheng', '1/lines', '1/seen']) writeFileSync(join(`${index}.work`, name), '');
  const past = new Date(Date.now() - 2 * 86_400_000).toISOString();
  writeFileSync(index, `${lines.join('\n')}\n`.replace(/"sentAt":"[^"]+"/, `"sentAt":"${past}"`));
  const again = await deposit(folder, '--no-wait', '--json', '--title', 'another title');
  t.equal(again.code, 0, again.err);
  t.equal(existsSync(`${index}.work`), false);
  t.equal(JSON.parse(again.out).id, id);
});

t.test('another title after a lost answer is told by the first one', async (t) => {
  const { folder, index } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  const { id } = JSON.parse((await deposit(folder, '--no-wait', '--json', '--title', '一')).out);
  const lines = linesOf(index).filter((line) => !line.startsWith('{"format":"kezheng-folder-receipt'));
  writeFileSync(index, `${lines.join('\n')}\n`);
  const again = await deposit(folder, '--no-wait', '--json', '--title', '二');
  t.equal(again.code, 0, again.err);
  t.equal(JSON.parse(again.out).id, id);
});

/** Our service, but for what `change` makes of some answers. */
async function changing(t: Tap, change: (path: string, body: Buffer) => Buffer): Promise<string> {
  const proxy = createServer((asked, reply) => {
    const chunks: Buffer[] = [];
    asked.on('data', (chunk: Buffer) => chunks.push(chunk));
    asked.on('end', async () => {
      const { host: _, connection: __, 'content-length': ___, ...headers } = asked.headers;
      const answer = await fetch(service.url + asked.url, {
        method: asked.method!,
        headers: headers as Record<string, string>,
        ...(asked.method === 'POST' && { body: Buffer.concat(chunks) }),
      });
      const body = change(`${asked.method} ${asked.url}`, Buffer.from(await answer.arrayBuffer()));
      const retry = answer.headers.get('retry-after');
      reply.writeHead(answer.status, retry === null ? {} : { 'retry-after': retry }).end(body);
    });
  });
  await new Promise<void>((ready) => proxy.listen(0, '127.0.0.1', ready));
  t.teardown(() => proxy.close());
  return `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
}

const lies: Readonly<Record<string, (path: string, body: Buffer) => Buffer>> = {
  'a manifest with another title': (path, body) =>
    path === 'POST /v1/evidence' ? Buffer.from(body.toString().replace('取证', '別的')) : body,
  'no manifest': (path, body) => (path === 'POST /v1/evidence' ? Buffer.from('null') : body),
  'a receipt that is null': (path, body) => (path.endsWith('/receipt') ? Buffer.from('null') : body),
  'a token of something else': (path, body) => {
    if (!path.endsWith('/receipt')) return body;
    const receipt = JSON.parse(body.toString());
    const reply = Buffer.from(receipt.stamp.reply, 'base64');
    reply[reply.length - 1]! ^= 1;
    return Buffer.from(JSON.stringify({ ...receipt, stamp: { reply: reply.toString('base64') } }));
  },
  'a certificate that was changed': (path, body) =>
    path.endsWith('/certificate')
      ? Buffer.from(body.toString().replace('"revision":1', '"revision":2'))
      : body,
  'endless words': (path, body) => (path.endsWith('/certificate') ? Buffer.alloc(3e6, 'x') : body),
};
for (const [what, lie] of Object.entries(lies))
  t.test(`${what}: not kept, and the service that tells the truth is heard afterwards`, async (t) => {
    const { folder, index } = place(t);
    writeFileSync(join(folder, 'a'), 'a');
    const url = await changing(t, lie);
    const lied = await deposit(folder, '--url', url);
    t.equal(lied.code, 1, lied.out + lied.err);
    t.notMatch(lied.err, /at .*\.ts:/, 'no stack trace');
    const told = await deposit(folder);
    t.equal(told.code, 0, told.err);
    t.equal((await cli(['cut', index, 'a', '--out', join(folder, '..', 'out')], bare)).code, 0);
  });

t.test('what is wrong with the words is said before anything is done', async (t) => {
  const { folder, out } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  const file = join(folder, 'a');
  const wrong: readonly [RegExp, readonly string[]][] = [
    [/deposit FILE\.\.\. \| --folder DIR/, []],
    [/deposit --folder DIR/, ['--folder', folder, 'more']],
    [/is no folder/, ['--folder', file]],
    [/cannot read it/, ['--folder', join(folder, 'nowhere')]],
    [/does not go into the folder/, ['--folder', folder, '--index', join(folder, 'index')]],
    [/cannot be used/, ['--folder', folder, '--index', '/nowhere/index']],
    [/http or https/, ['--folder', folder, '--url', 'ftp://x', '--key', 'k']],
    [/user name or password/, ['--folder', folder, '--url', 'http://a:b@x', '--key', 'k']],
    [/JSON object/, ['--folder', folder, '--evidence', file]],
    [/name the index by --index/, ['--folder', '/']],
  ];
  for (const [said, args] of wrong) t.match(await cli(['deposit', ...args], env), { code: 64, err: said });
  t.match(await cli(['deposit', '--folder', folder], bare), { code: 64, err: /where is the service/ });
  t.match(await cli(['deposit', '--folder', folder, '--url', 'http://127.0.0.1:1'], bare), {
    code: 64,
    err: /API key is missing/,
  });
  mkdirSync(join(out, 'empty'));
  t.match(await deposit(join(out, 'empty')), { code: 64, err: /there are no files/ });
  t.same(readdirSync(join(folder, '..')).toSorted(), ['out', '取证 2026']);
});

t.test('on the machine of a demonstration neither address nor key is needed', async (t) => {
  const { folder } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  const demo = { ...bare, KEZHENG_DATA_DIR: service.dataDir };
  t.equal((await cli(['deposit', '--folder', folder, '--no-wait'], demo)).code, 0);
});

/** A deposit whose files are hashed, and whose service is away. */
async function waiting(folder: string, index: string) {
  const args = [CLI, 'deposit', '--folder', folder, '--url', await closedPort()];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env } });
  let err = '';
  child.stderr.on('data', (text) => (err += text));
  while (!/cannot be reached \(ECONNREFUSED\)/.test(err) || !existsSync(index))
    await new Promise((resolve) => setTimeout(resolve, 20));
  return { child, said: () => err };
}

t.test('a service that is away: the files are hashed, and the deposit waits for it', async (t) => {
  const { folder, index } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  const { child } = await waiting(folder, index);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('close', resolve));
  t.equal((await deposit(folder, '--no-wait')).code, 0);
  t.equal(entriesIn(index).length, 1);
});

t.test('Ctrl-C ends it with a sentence, gives the lock back, and the next run goes on', async (t) => {
  const { folder, index } = place(t);
  writeFileSync(join(folder, 'a'), 'a');
  const { child, said } = await waiting(folder, index);
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.kill('SIGINT');
  t.equal(await ended, 130);
  t.match(said(), /已中断；再次运行同一命令即继续/);
  t.notOk(existsSync(`${index}.lock`));
  const before = readFileSync(index);
  t.equal((await deposit(folder, '--no-wait')).code, 0);
  t.ok(readFileSync(index).subarray(0, before.length).equals(before), 'nothing was hashed anew');
});

t.test('cut', async (t) => {
  const { folder, index, out } = place(t);
  mkdirSync(join(folder, 'x'));
  mkdirSync(join(folder, 'y'));
  for (const name of ['x/same', 'y/same', 'x/other']) writeFileSync(join(folder, name), 'same content');
  writeFileSync(join(folder, 'y/own'), 'own');
  writeFileSync(join(folder, `${'长'.repeat(80)}.txt`), 'long name');
  t.equal((await deposit(folder)).code, 0);
  const cut = (...args: readonly string[]) => cli(['cut', index, '--out', out, ...args], bare);
  const entryIn = (name: string) =>
    (JSON.parse(readFileSync(join(out, name), 'utf8')) as { entry: { name: string } }).entry.name;

  t.test('a file is known by its content wherever it is now, its own name before others', async (t) => {
    writeFileSync(join(out, 'moved'), 'own');
    writeFileSync(join(out, 'other'), 'same content');
    t.equal((await cut(join(out, 'moved'), join(out, 'other'))).code, 0);
    t.equal(entryIn('own.certificate.json'), 'y/own');
    t.equal(entryIn('other.certificate.json'), 'x/other');
  });

  t.test('two files of one name get two certificates, and no file is written over', async (t) => {
    t.equal((await cut('x/same', 'y/same', 'x/same')).code, 0);
    t.equal(entryIn('same.certificate.json'), 'x/same');
    t.equal(entryIn('same.3.certificate.json'), 'y/same');
    t.match(await cut('x/same'), { code: 64, err: /is there already/ });
  });

  t.test('a name that is too long for a file is cut short', async (t) => {
    t.equal((await cut(`${'长'.repeat(80)}.txt`)).code, 0);
    t.ok(existsSync(join(out, `${'长'.repeat(66)}.certificate.json`)));
  });

  t.test('what is not in it is told; what is, is written all the same', async (t) => {
    rmSync(join(out, 'own.certificate.json'));
    const { code, err } = await cut('y/own', 'y/nothing', '../../etc/passwd');
    t.equal(code, 1);
    t.match(err, /nothing：不在此文件夹存证中/);
    t.ok(existsSync(join(out, 'own.certificate.json')));
  });

  t.test('an index that is damaged gives no certificate', async (t) => {
    const whole = readFileSync(index);
    const damaged = join(out, 'damaged');
    const text = whole.toString('latin1');
    const cases: Record<string, string> = {
      'a changed digest': text.replace(/("sha256":")(.)/, (_, a, b) => a + (b === '0' ? '1' : '0')),
      'a line more': text.replace(/\n(.*)\n/, '\n$1\n$1\n'),
      'a line less': text.replace(/\n.*\n/, '\n'),
      'no head': text.replace(/^.*\n/, ''),
      'no end': text.slice(0, text.indexOf('{"format":"kezheng-folder-end')),
      'another root': text.replace(/("leftOut":0,"root":")(.)/, (_, a, b) => a + (b === '0' ? '1' : '0')),
      'no entries': text.replaceAll(/\{"format":"kezheng-file.*\n/g, ''),
    };
    for (const [how, content] of Object.entries(cases)) {
      writeFileSync(damaged, Buffer.from(content, 'latin1'));
      const { code, err } = await cli(['cut', damaged, 'y/own', '--out', join(out, '..')], bare);
      t.match({ code, err }, { code: 64, err: /已损坏|尚无文件夹的证书/ }, how);
    }
    writeFileSync(damaged, Buffer.from(text.slice(0, text.indexOf('{"anchors"')), 'latin1'));
    t.match(await cli(['cut', damaged, 'y/own'], bare), { code: 64, err: /not in the index yet/ });
    t.match(await cli(['cut', join(out, 'nowhere'), 'y/own'], bare), { code: 64, err: /not found/ });
    t.match(await cli(['cut', index], bare), { code: 64, err: /cut INDEX FILE/ });
  });

  t.test('a file that has changed since is told of', async (t) => {
    writeFileSync(join(out, 'x'), '');
    const child = spawnSync(process.execPath, [CLI, 'cut', index, 'y/own', '--out', '/dev/null'], {
      cwd: folder,
    });
    t.match(child.stderr.toString(), /cannot make it/);
    rmSync(join(out, 'own.certificate.json'));
    writeFileSync(join(folder, 'y/own'), 'changed');
    const changed = spawnSync(process.execPath, [CLI, 'cut', index, 'y/own', '--out', out], {
      cwd: folder,
      env: { ...process.env, INIT_CWD: folder },
      encoding: 'utf8',
    });
    t.equal(changed.status, 1);
    t.match(changed.stderr, /content is another now/);
    t.notOk(existsSync(join(out, 'own.certificate.json')));
  });

  t.test('a name may lead through the folder, and the place of the certificates is made', async (t) => {
    const place = join(out, 'new', 'place');
    t.equal((await cli(['cut', index, '取证 2026/x/same', '--out', place], bare)).code, 0);
    t.same(readdirSync(place), ['same.certificate.json']);
  });

  t.test('the folder in place of its index is a mistake that is told', async (t) => {
    t.match(await cli(['cut', folder, 'x/same'], bare), { code: 64, err: /the index is beside it/ });
  });
});
