import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, globSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { check } from './check.ts';

/*
 * `npm test`: type check, lint, every test, coverage. The last line counts what tap counted.
 */

const root = join(import.meta.dirname, '..');
const tap = join(root, 'node_modules', '.bin', 'tap');
/** Tests of a whole service, but those of what one kind of storage alone has. */
const ON_ANY_STORAGE = [
  'test/cli/cli.test.ts',
  'test/crash/kill.test.ts',
  'test/http/certificate.test.ts',
  'test/http/deposit.test.ts',
  'test/http/head.test.ts',
  'test/http/hostile.test.ts',
  'test/http/limits.test.ts',
  'test/http/metrics.test.ts',
  'test/http/overload.test.ts',
  'test/http/paper.test.ts',
  'test/http/renewal.test.ts',
  'test/http/streams.test.ts',
  'test/http/wording.test.ts',
  'test/pipeline/anchor-steps.test.ts',
  'test/pipeline/anchoring.test.ts',
  'test/pipeline/authorities.test.ts',
  'test/pipeline/chain-trouble.test.ts',
  'test/pipeline/fixity.test.ts',
  'test/pipeline/modes.test.ts',
  'test/pipeline/old-copy.test.ts',
];
/** Computing by the minute, which is counted for coverage at three times the price: what it covers, others cover. */
const NOT_COUNTED = [
  'test/simulator/simulator.test.ts',
  'test/simulator/bugs.test.ts',
  'test/core/verify/bits.test.ts',
  'test/cli/backup-damage.test.ts',
  'test/pipeline/anchor-steps.test.ts',
];

const allTests = (): string[] => globSync('test/**/*.test.ts', { cwd: root }).toSorted();

const SUMMARY =
  /^# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?(?:, skip: (\d+))?(?:, todo: (\d+))? \}$/;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Runs tap, shows each file as it ends and everything that failed, and returns what tap itself counted. */
async function run(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Counts> {
  mkdirSync(join(root, '.tap'), { recursive: true });
  const whole = createWriteStream(join(root, '.tap', `${name}.tap`));
  const child = spawn(process.execPath, [tap, ...args], {
    cwd: root,
    env: { ...env, TAP_REPORTER: 'tap' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  let counted = false;
  let showing = false;
  for await (const line of createInterface({ input: child.stdout! })) {
    whole.write(`${line}\n`);
    if (/^ *not ok/.test(line)) showing = true;
    else if (/^ *ok|^ *# Subtest/.test(line)) showing = false;
    if (showing || /^(?:not )?ok /.test(line)) process.stdout.write(`${line}\n`);
    if (/^ *ok .*# SKIP/.test(line)) process.stdout.write(`${line.trim()}\n`);
    const [, total, pass, fail, skip] = SUMMARY.exec(line) ?? [];
    if (total === undefined) continue;
    counted = true;
    counts.passed = Number(pass ?? 0);
    counts.failed = Number(fail ?? 0);
    counts.skipped = Number(skip ?? 0);
  }
  const code = await new Promise<number | null>((ended) => {
    if (child.exitCode !== null) ended(child.exitCode);
    else child.on('exit', ended);
  });
  whole.end();
  // A runner that dies without a count, or fails with a clean one, has failed all the same.
  if ((!counted || code !== 0) && counts.failed === 0) counts.failed = 1;
  return counts;
}

async function main(): Promise<number> {
  const long = process.argv.includes('--long');
  const files = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  if (!check()) return 1;
  if (!existsSync(join(root, '.tap', 'test-built')) && !existsSync(join(root, '.tap', 'plugins')))
    spawnSync(process.execPath, [tap, 'build'], { cwd: root, stdio: 'ignore' });
  rmSync(join(root, '.tap', 'report'), { recursive: true, force: true });
  const env = { ...process.env, ...(long && { KEZHENG_TEST_LONG: '1', TAP_TIMEOUT: '7200' }) };
  const whole = files.length === 0;
  const counted = whole ? allTests().filter((file) => !NOT_COUNTED.includes(file)) : files;
  const coverage = whole
    ? ['--allow-incomplete-coverage', '--coverage-report=json-summary', '--coverage-report=json']
    : ['--disable-coverage'];
  const counts = await run('tests', ['run', ...coverage, ...counted], env);
  if (whole) {
    const uncounted = await run('uncounted', ['run', '--disable-coverage', ...NOT_COUNTED], env);
    // The same behaviour on the larger storage: a service's tests again, on PostgreSQL and an object store.
    const again = await run('postgres', ['run', '--disable-coverage', ...ON_ANY_STORAGE], {
      ...env,
      KEZHENG_TEST_STORAGE: 'postgres',
    });
    const thresholds = await run('coverage', ['run', '--disable-coverage', 'test/coverage.ts'], env);
    for (const more of [uncounted, again, thresholds]) {
      counts.passed += more.passed;
      counts.failed += more.failed;
      counts.skipped += more.skipped;
    }
  }
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
  return counts.failed === 0 ? 0 : 1;
}

process.exitCode = await main();
