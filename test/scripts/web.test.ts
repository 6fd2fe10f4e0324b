import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import t, { type Test } from 'tap';

/* Building the pages: the same sources give the same bytes, wherever they lie, and whoever starts a service has them. */

const ROOT = join(import.meta.dirname, '..', '..');
const NEEDED = ['package.json', 'package-lock.json', 'tsconfig.json', 'server', 'scripts', 'contracts'];

/** A clone of its own, with the packages that are installed here. */
function clone(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-clone-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of NEEDED) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  // What run.mjs writes when it has installed them: here it must install nothing.
  const lock = readFileSync(join(folder, 'package-lock.json'));
  writeFileSync(join(modules, '.kezheng-setup'), createHash('sha256').update(lock).digest('hex'));
  return folder;
}

const page = (folder: string, name = 'verify.html') => readFileSync(join(folder, 'build', 'web', name));

t.test(
  'the same sources give the same pages in any folder, and no path of a machine is in them',
  async (t) => {
    const folder = clone(t);
    const done = spawnSync(process.execPath, ['scripts/web.ts'], { cwd: folder, encoding: 'utf8' });
    t.equal(done.status, 0, done.stderr);
    for (const name of ['verify', 'verify.html', 'pages.json', 'verify.html.br', 'verify.html.gz'])
      t.ok(page(folder, name).equals(page(ROOT, name)), name);
    for (const name of ['verify', 'verify.html'])
      for (const path of [folder, ROOT, tmpdir(), '/node_modules/'])
        t.notMatch(page(folder, name).toString(), path, name);
  },
);

t.test('a first start builds the pages, a second does not, and a change of their sources does', async (t) => {
  const folder = clone(t);
  /** Stops at once, for there is no such file; but it would have started a service. */
  const start = () => {
    const args = ['scripts/run.mjs', 'scripts/demo.ts', 'no-such-file'];
    const done = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: process.env });
    t.equal(done.status, 64, done.stderr);
    return /building the pages/.test(done.stderr);
  };
  t.ok(start());
  const first = page(folder);
  t.notOk(start());
  appendFileSync(join(folder, 'server', 'web', 'checker', 'result.css'), '\n.one-more {\n  color: red;\n}\n');
  t.ok(start());
  t.notOk(page(folder).equals(first));
  t.match(page(folder).toString(), '.one-more');
  rmSync(join(folder, 'build'), { recursive: true });
  t.ok(start(), 'and so does losing them');
});

t.test('a script that the page would cut short stops the build', async (t) => {
  const folder = clone(t);
  appendFileSync(join(folder, 'server', 'web', 'checker', 'main.ts'), "\nconsole.debug('<!-- <script>');\n");
  const done = spawnSync(process.execPath, ['scripts/web.ts'], { cwd: folder, encoding: 'utf8' });
  t.not(done.status, 0);
});
