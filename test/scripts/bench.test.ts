import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';

const BENCH = join(import.meta.dirname, '..', '..', 'scripts', 'bench.ts');

function start(t: Test, names: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [BENCH, ...names], { env: { ...process.env, ...env } });
  t.teardown(() => child.kill('SIGKILL'));
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => (said.out += text));
  child.stderr.on('data', (text) => (said.err += text));
  return { child, said, ended: new Promise<number | null>((resolve) => child.on('close', resolve)) };
}

async function until(child: ChildProcess, holds: () => boolean): Promise<void> {
  while (!holds()) {
    if (child.exitCode !== null) throw new Error('the run ended before');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What each has open when it is stopped: a folder of its own; a service that writes into one. */
const open: Readonly<Record<string, string>> = { proof: 'trees', upload: 'demo.json' };
for (const [name, file] of Object.entries(open))
  t.test(`a run of ${name} that is stopped leaves no folder and no process behind`, async (t) => {
    const folder = t.testdir();
    const { child, ended, said } = start(t, [name], { TMPDIR: folder });
    const contents = () => (readdirSync(folder, { recursive: true }) as string[]).map(String);
    await until(child, () => contents().some((path) => path.endsWith(file)));
    t.match(said.err, new RegExp(`bench: ${name}`), 'what runs is said at once');
    child.kill('SIGTERM');
    t.equal(await ended, 143);
    t.strictSame(contents(), []);
    t.equal(said.out, '', 'what is measured goes to standard output, and nothing was');
  });

t.test('a program that is missing is asked for, its rows are skipped, and the run has failed', async (t) => {
  const { ended, said } = start(t, ['deposit'], { PATH: t.testdir() });
  t.equal(await ended, 1);
  t.match(said.err, '请先安装 wrk');
  t.match(said.err, 'please install wrk');
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version'))
    t.match(said.err, /正在安装 wrk[\s\S]*请先安装/, 'what is installed is said before');
});

t.test('a benchmark that there is none of is named', async (t) => {
  const { ended, said } = start(t, ['tree', 'toString'], {});
  t.equal(await ended, 64);
  t.match(said.err, /toString.*deposit bulk folder upload tree proof gas check token store growth/);
});
