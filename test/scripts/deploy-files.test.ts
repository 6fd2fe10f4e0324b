import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { readConfig } from '../../server/config.ts';
import { programs, whyMissing } from '../support/debian.ts';

/* The files of scripts/deploy as they are delivered, as far as that goes without containers and without systemd. */

const ROOT = join(import.meta.dirname, '..', '..');
const read = (name: string): string => readFileSync(join(ROOT, 'scripts', 'deploy', name), 'utf8');

/** What the image holds of the repository. */
const COPIED = [...read('Dockerfile').matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, names]) =>
  names!.split(' '),
);

t.test('what the image is built from reaches its build', async (t) => {
  const allowed = read('Dockerfile.dockerignore').split('\n');
  t.ok(COPIED.length > 4);
  for (const name of COPIED) t.ok(allowed.includes(`!${name}`), name);
});

t.test(
  'in the image the contract, organizations and keys can be made, and nothing is installed',
  async (t) => {
    const folder = t.testdir();
    for (const name of COPIED) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    }
    const modules = join(folder, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync(join(ROOT, 'node_modules')))
      if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    // The command of the Dockerfile that makes the stamp of run.mjs, in the folder where it runs there.
    const stamp = /&& (sha256sum .*)$/m.exec(read('Dockerfile'))![1]!;
    t.equal(spawnSync('sh', ['-c', stamp], { cwd: folder }).status, 0);
    const lock = readFileSync(join(ROOT, 'package-lock.json'));
    t.equal(
      readFileSync(join(modules, '.kezheng-setup'), 'utf8'),
      createHash('sha256').update(lock).digest('hex'),
    );
    const npm = (...args: string[]) => {
      const env = { PATH: process.env['PATH'], HOME: folder, KEZHENG_DATA_DIR: join(folder, 'none') };
      return spawnSync('npm', ['run', '-s', ...args], { cwd: folder, env, encoding: 'utf8' });
    };
    const deployed = npm('deploy');
    t.equal(deployed.status, 64, deployed.stderr);
    t.match(deployed.stderr, /^KEZHENG_RPC_URL/, 'it runs, and asks for a chain');
    const listed = npm('kezheng', '--', 'orgs', 'list');
    t.equal(listed.status, 64, listed.stderr);
    t.match(listed.stderr, /没有找到 .*kezheng\.sqlite/, 'it runs, and asks for data');
    t.match(npm('kezheng', '--', 'help'), { status: 0, stdout: /kezheng verify/ });
  },
);

t.test('the example of settings names all of them and is accepted as it stands', async (t) => {
  const key = join(t.testdir(), 'operator.key');
  writeFileSync(key, `0x${'1'.repeat(64)}`);
  const text = read('kezheng.env.example');
  const settings = (pattern: RegExp): Record<string, string> =>
    Object.fromEntries([...text.matchAll(pattern)].map(([, name, value]) => [name, value]));
  const active = settings(/^(KEZHENG_[A-Z_]+)=(.*)$/gm);
  const all = settings(/^#?(KEZHENG_[A-Z_]+)=(.*)$/gm);
  const files = {
    KEZHENG_OPERATOR_KEY_FILE: key,
    KEZHENG_ISSUER_KEY_FILE: key,
    KEZHENG_ISSUER_CERT_FILE: key,
    KEZHENG_TSA_KEY_FILE: key,
    KEZHENG_TSA_CERT_FILE: key,
    KEZHENG_PDF_KEY_FILE: key,
    KEZHENG_PDF_CERT_FILE: key,
    KEZHENG_DATA_KEY_FILE: key,
  };
  t.ok(readConfig({ ...active, ...files }).chain);
  t.ok(readConfig({ ...all, ...files }), 'with the defaults that it tells');
  const table = readFileSync(join(ROOT, 'README.md'), 'utf8').split('| 变量 |')[1]!.split('\n\n')[0]!;
  const named = table.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([A-Z_]+)`/g)]);
  t.ok(named.length > 30);
  for (const [, name] of named) t.ok(`KEZHENG_${name}` in all, name!);
});

t.test(
  'every variable of compose.yaml stands in env.example, and all settings reach the service',
  async (t) => {
    const text = read('compose.yaml');
    const used = new Set([...text.matchAll(/(?<!\$)\$\{([A-Z0-9_]+)/g)].map(([, name]) => name!));
    const given = [...read('env.example').matchAll(/^([A-Z0-9_]+)=/gm)].map(([, name]) => name!);
    t.strictSame(given.toSorted(), [...used].toSorted());
    t.match(text, 'env_file: [kezheng.env]', 'all settings of the service, not a few');
  },
);

t.test(
  'under systemd a missing file of settings is no demonstration, and keys come as credentials',
  async (t) => {
    const unit = read('kezheng.service');
    t.match(unit, /^EnvironmentFile=\/etc\/kezheng\/kezheng\.env$/m);
    for (const [variable, name] of [
      ['OPERATOR_KEY_FILE', 'operator.key'],
      ['ISSUER_KEY_FILE', 'issuer.key'],
      ['ISSUER_CERT_FILE', 'issuer.pem'],
      ['TSA_KEY_FILE', 'tsa.key'],
      ['TSA_CERT_FILE', 'tsa.pem'],
      ['PDF_KEY_FILE', 'pdf.key'],
      ['PDF_CERT_FILE', 'pdf.pem'],
      ['DATA_KEY_FILE', 'data.keys'],
    ]) {
      t.match(unit, `\nLoadCredential=${name}:/etc/kezheng/${name}\n`);
      t.match(unit, `\nEnvironment=KEZHENG_${variable}=%d/${name}\n`);
    }
  },
);

const ANALYZE = '/usr/bin/systemd-analyze';
t.test(
  'systemd-analyze has nothing to say against the unit',
  { skip: whyMissing({ packages: ['systemd'], isThere: programs(ANALYZE) }) },
  async (t) => {
    const file = join(t.testdir(), 'kezheng.service');
    writeFileSync(file, read('kezheng.service').replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
    const { status, stderr } = spawnSync(ANALYZE, ['verify', file], { encoding: 'utf8' });
    t.equal(status, 0);
    t.equal(stderr, '');
  },
);
