import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { parseCertificate } from '../../server/core/certificate/certificate.ts';
import { blocksToCompare } from '../../server/core/verify/verify.ts';
import { whyNoOpenTimestamps } from '../support/opentimestamps.ts';
import { whyNoPoppler } from '../support/poppler.ts';
import { body, certificateOf, form, hashOnly, run } from '../support/running.ts';
import { whyNoUnzip } from '../support/unzip.ts';

/* The package as a whole service gives it, unpacked and checked by other people's tools, by the README's own commands. */

t.setTimeout(240_000);

const skip = whyNoUnzip() || whyNoPoppler() || whyNoOpenTimestamps();
const ROOT = join(import.meta.dirname, '..', '..');

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const service = await run({ KEZHENG_PORT: String(port), KEZHENG_HOST: '127.0.0.1', KEZHENG_PUBLIC_URL: url });
t.teardown(() => service.stop());

const photo = randomBytes(300_000);
const note = Buffer.from('商品名称：示例\r\n');
const FILES = [
  { name: '照片 1.jpg', bytes: photo },
  { name: "it's $(touch owned) `x`; -rf.txt", bytes: note },
  { name: 'CON.txt', bytes: Buffer.from('device') },
  { name: 'A.bin', bytes: Buffer.from('A') },
  { name: 'a.bin', bytes: Buffer.from('a') },
];
const deposit = (files: typeof FILES) =>
  body(
    service.call('/v1/evidence', {
      method: 'POST',
      body: form({ title: '涉嫌侵权商品页面（𠮷）' }, files),
    }),
  );
const made = await deposit(FILES);
const packageAt = (id: string, query = '', key?: string | null) =>
  service.call(`/v1/evidence/${id}/package.zip${query}`, key === undefined ? {} : { key });
const early = await packageAt(made.id);
const certificate = await certificateOf(service, made.id);
const { number } = parseCertificate(certificate);

interface Unpacked {
  readonly folder: string;
  readonly names: readonly string[];
  readonly readme: string;
  readonly read: (name: string) => Buffer;
}

let count = 0;
const parent = t.testdir();
async function unpacked(answer: Response): Promise<Unpacked> {
  const zip = join(parent, `${++count}.zip`);
  const folder = join(parent, String(count));
  mkdirSync(folder);
  writeFileSync(zip, Buffer.from(await answer.arrayBuffer()));
  const done = spawnSync('unzip', ['-q', zip, '-d', folder], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(folder.length + 1))
    .toSorted();
  const read = (name: string) => readFileSync(join(folder, name));
  return { folder, names, readme: read('README.txt').toString('utf8'), read };
}

/** Every command as it stands in the README. */
function commandsIn(readme: string): readonly string[] {
  const commands: string[] = [];
  for (const line of readme.split('\r\n')) {
    if (line.startsWith('$ ')) commands.push(line.slice(2));
    else if (line.startsWith('> ')) commands.push(`${commands.pop()}\n${line.slice(2)}`);
  }
  return commands;
}

const answer = await packageAt(made.id);
const pack = skip ? undefined : await unpacked(answer);

t.test('too early, another’s, and without a key are told as for the certificate', async (t) => {
  t.equal(early.status, 409);
  t.match(await body(early), { code: 'certificate-not-ready', expectedAt: String });
  t.equal((await packageAt(made.id, '', service.keys[1])).status, 404);
  t.equal((await packageAt('019ab1c2-0000-7000-8000-00000000ffff')).status, 404);
  t.equal((await packageAt('x')).status, 400);
  t.equal((await packageAt(made.id, '?originals=maybe')).status, 400);
  t.equal((await packageAt(made.id, '', null)).status, 401);
});

t.test('all that is needed is in it, under names that every machine takes', { skip }, async (t) => {
  const { names, read } = pack!;
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('content-type'), 'application/zip');
  t.match(answer.headers.get('content-disposition'), `filename="package-${number}.zip"`);
  t.strictSame(
    names.filter((name) => !name.includes('/')),
    ['README.txt', 'certificate.json', 'certificate.pdf', 'manifest.json', 'trust.json'],
  );
  t.ok(read('certificate.json').equals(certificate));
  const files = ['照片 1.jpg', "it's $(touch owned) `x`; -rf.txt", '_CON.txt', 'A.bin', 'a (2).bin'];
  for (const [i, name] of files.entries()) t.ok(read(`files/${name}`).equals(FILES[i]!.bytes), name);
  t.strictSame(
    names.filter((name) => name.startsWith('tokens/')),
    ['tokens/1.pem', 'tokens/1.tsr'],
  );
  const { chainId } = blocksToCompare(certificate)[0]!;
  t.strictSame(
    names.filter((name) => name.startsWith('ots/')),
    files.map((name) => `ots/${name}.chain-${chainId}.ots`).toSorted(),
  );
  const asked = await service.call('/v1/trust');
  t.equal(read('trust.json').toString(), await asked.text());
});

t.test(
  'the README says in both languages what is in it, and begins no line with what a depositor wrote',
  { skip },
  async (t) => {
    const { readme } = pack!;
    t.equal(readme[0], '\ufeff');
    t.match(readme, `存证包 ${number}`);
    t.match(readme, '测试链');
    t.match(readme, 'service’s own word');
    t.match(readme, 'operator’s statement');
    t.notMatch(readme.replaceAll('\r\n', ''), /[\p{Cc}]/u);
  },
);

/** A shell with what the README supposes: our checker as `kezheng`, the independent one in the folder, a node. */
function shell(folder: string) {
  const bin = join(parent, 'bin');
  if (!existsSync(bin)) {
    mkdirSync(bin);
    writeFileSync(
      join(bin, 'kezheng'),
      `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'server/cli/main.ts')}" "$@"\n`,
    );
    chmodSync(join(bin, 'kezheng'), 0o755);
  }
  copyFileSync(join(ROOT, 'test/independent/checker.py'), join(folder, 'checker.py'));
  const NODE = readFileSync(join(service.dataDir, 'chain', 'node.url'), 'utf8').trim();
  const env = {
    ...process.env,
    // Where the person stands, as npm says it: here, and not where the tests were begun.
    INIT_CWD: folder,
    PATH: `${bin}:/usr/bin:/bin:${process.env['PATH']}`,
    NODE,
    BLOCK_HASH: blocksToCompare(certificate)[0]!.hash,
    PYTHONIOENCODING: 'utf-8',
    PYTHONDONTWRITEBYTECODE: '1',
  };
  // Not in step with it: a command may ask the service, which runs in this process.
  return (command: string): Promise<{ status: number | null; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const child = spawn('sh', ['-c', command], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (text) => (stdout += text));
      child.stderr.on('data', (text) => (stderr += text));
      child.on('close', (status) => resolve({ status, stdout, stderr }));
    });
}

const sealCertificate = (): Uint8Array =>
  new X509Certificate(readFileSync(join(service.dataDir, 'pdf.cert.pem'))).raw;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

t.test('each command of the README runs as it stands there and shows what it should', { skip }, async (t) => {
  const { folder, readme, read, names } = pack!;
  const sh = shell(folder);
  const block = blocksToCompare(certificate)[0]!;
  const expected: Readonly<Record<string, (out: string, command: string) => void>> = {
    'sha256sum files/*': (out) => {
      for (const { bytes } of FILES) t.ok(out.includes(sha256(bytes)) && readme.includes(sha256(bytes)));
    },
    'openssl dgst -sm3': (out) => {
      for (const { bytes } of FILES) {
        const sm3 = createHash('sm3').update(bytes).digest('hex');
        t.ok(out.includes(sm3) && readme.includes(sm3));
      }
    },
    "python3 -c 'import json": (out) => t.equal(out, ''),
    'openssl ts -verify': (out) => t.match(out, 'Verification: OK'),
    "python3 -c 'import base64": (out, command) => {
      for (const line of out.trim().split('\n')) t.match(line, /^SHA-256 [0-9a-f]{64} (?:not )?listed$/);
      if (command.includes('seal.pem'))
        t.equal(out, `SHA-256 ${sha256(sealCertificate())} listed\n`, 'the one that the PDF names');
      else
        t.match(out, /^SHA-256 [0-9a-f]{64} not listed\nSHA-256 [0-9a-f]{64} listed\n$/, 'signer and root');
    },
    'openssl ts -reply': (out) => t.match(out, 'Status: Granted'),
    'pdfsig certificate.pdf': (out) => t.match(out, /Total document signed[\s\S]*Signature is Valid/),
    'pdfsig -dump': (out) => t.equal(out, ''),
    'pdfdetach -savefile': (out) => t.equal(out, ''),
    'curl -s -H': (out) => t.equal(JSON.parse(out).result.hash, block.hash),
    "python3 -c 'import glob": (out) => {
      const lines = out.trim().split('\n');
      t.equal(lines.length, FILES.length);
      for (const line of lines) t.match(line, `block ${block.number} transactionsRoot 0x`);
      for (const { bytes } of FILES) t.match(out, sha256(bytes));
    },
    'kezheng verify certificate.json': (out) => t.match(out, '有效 / valid'),
    'kezheng verify certificate.pdf': (out) => t.match(out, '有效 / valid'),
    'python3 checker.py': (out) => t.match(out, '有效 valid'),
    'curl -s -o verify.html': (out) => {
      const [digest] = out.split(' ');
      t.ok(readme.includes(digest!), 'the page has the digest that the README says');
    },
  };
  const seen = new Set<string>();
  for (const command of commandsIn(readme)) {
    const [begin, check] = Object.entries(expected).find(([begin]) => command.startsWith(begin)) ?? [];
    t.ok(check, `known: ${command}`);
    const { status, stdout, stderr } = await sh(command);
    t.equal(status, 0, `${command}\n${stdout}${stderr}`);
    check?.(stdout + (begin === 'openssl ts -verify' ? stderr : ''), command);
    seen.add(begin!);
  }
  t.strictSame([...seen].toSorted(), Object.keys(expected).toSorted(), 'none is missing');
  t.notOk(existsSync(join(folder, 'owned')), 'no name was run');
  t.ok(read('from-pdf.json').equals(certificate));
  t.ok(names.length > 10);
});

t.test('a command finds what was changed', { skip }, async (t) => {
  const { folder, readme } = await unpacked(await packageAt(made.id));
  const sh = shell(folder);
  const [digests, , manifest, verify] = commandsIn(readme);
  const manifestFile = join(folder, 'manifest.json');
  writeFileSync(
    manifestFile,
    readFileSync(manifestFile, 'utf8').replace('示例', '示列').replace('涉嫌', '涉及'),
  );
  t.not((await sh(manifest!)).status, 0);
  t.not((await sh(verify!)).status, 0);
  writeFileSync(join(folder, 'files', 'A.bin'), 'B');
  t.notOk((await sh(digests!)).stdout.includes(sha256(Buffer.from('A'))));
  const check = commandsIn(readme).find((one) => one.startsWith('kezheng verify certificate.json'));
  t.equal((await sh(check!)).status, 1);
});

t.test(
  'without originals, and where only digests were deposited, the package says what is not in it',
  { skip },
  async (t) => {
    const bare = await unpacked(await packageAt(made.id, '?originals=false'));
    t.strictSame(
      bare.names.filter((name) => name.startsWith('files/')),
      [],
    );
    t.match(bare.readme, '照片 1.jpg：按要求不收入原件');
    t.notMatch(bare.readme, 'files/*');
    t.match(bare.readme, 'There are no originals in this package');
    const folder = { root: '0b'.repeat(32), size: 12 };
    const whole = await body(service.call('/v1/evidence', { json: { title: '文件夹', folder } }));
    await certificateOf(service, whole.id);
    t.match((await unpacked(await packageAt(whole.id))).readme, 'the 12 files of the folder');
    const { id } = await body(service.call('/v1/evidence', { json: hashOnly(5) }));
    await certificateOf(service, id);
    const declared = await unpacked(await packageAt(id));
    t.strictSame(
      declared.names.filter((name) => name.startsWith('files/')),
      [],
    );
    t.match(declared.readme, 'f5.bin: only digests were deposited');
    t.equal(declared.names.filter((name) => name.startsWith('ots/')).length, 1);
    const sh = shell(declared.folder);
    for (const command of commandsIn(declared.readme).filter((one) => one.startsWith('openssl')))
      t.equal((await sh(command)).status, 0, command);
  },
);

t.test('a manifest that OpenTimestamps cannot hold is said to have no proof', { skip }, async (t) => {
  const files = Array.from({ length: 30 }, (_, i) => ({ name: `f${i}`, bytes: Buffer.from(`${i}`) }));
  const { id } = await deposit(files);
  await certificateOf(service, id);
  const { names, readme } = await unpacked(await packageAt(id));
  t.strictSame(
    names.filter((name) => name.startsWith('ots/')),
    [],
  );
  t.match(readme, /f29 的 OpenTimestamps 证明：清单有 \d+ 字节/);
  t.notMatch(readme, 'ots/*.ots');
});

t.test(
  'a token over a bulk call is checked by its digest, which the last command computes anew',
  { skip },
  async (t) => {
    const lines = Array.from({ length: 7 }, (_, i) => JSON.stringify(hashOnly(100 + i))).join('\n');
    const bulk = await service.call('/v1/evidence/bulk', {
      method: 'POST',
      body: lines,
      headers: { 'content-type': 'application/x-ndjson' },
    });
    const ids = (await bulk.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id);
    for (const id of [ids[0], ids[3], ids[6]]) {
      await certificateOf(service, id);
      const { folder, readme } = await unpacked(await packageAt(id));
      const sh = shell(folder);
      const commands = commandsIn(readme);
      const verify = commands.find((one) => one.startsWith('openssl ts -verify'))!;
      const said = await sh(verify);
      t.match(said.stdout + said.stderr, 'Verification: OK');
      const digest = /-digest ([0-9a-f]{64})/.exec(verify)?.[1];
      const root = commands.find((one) => one.startsWith("python3 -c 'import hashlib"))!;
      t.equal((await sh(root)).stdout.trim(), digest);
    }
  },
);

t.test('a stored file that is missing is left out, and the package says so', { skip }, async (t) => {
  const bytes = randomBytes(1000);
  const { id } = await deposit([{ name: 'lost.bin', bytes }]);
  await certificateOf(service, id);
  const name = sha256(bytes);
  const found = (readdirSync(join(service.dataDir, 'blobs'), { recursive: true }) as string[]).find((one) =>
    one.endsWith(name.slice(-20)),
  );
  rmSync(join(service.dataDir, 'blobs', found!));
  const { readme, names } = await unpacked(await packageAt(id));
  t.match(readme, 'lost.bin：服务现已无法提供完好的原件');
  t.notOk(names.includes('files/lost.bin'));
});
