import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FILES, makeSample, trustList } from '../../scripts/vectors/sample.ts';
import { whyNoPython } from '../support/python.ts';

const checker = join(import.meta.dirname, 'checker.py');
const folder = t.testdir();
const path = (name: string) => join(folder, name);
const sample = await makeSample();
writeFileSync(path('c.json'), sample.bytes);
writeFileSync(path('edited.json'), `${Buffer.from(sample.bytes).toString('utf8')}\n`);
writeFileSync(path('照片.jpg'), FILES['photo.jpg']!);
writeFileSync(path('other.jpg'), 'something else');
writeFileSync(path('trust.json'), JSON.stringify(trustList()));

const needsPython = { skip: whyNoPython() };

const check = (...args: readonly string[]) =>
  spawnSync('python3', ['-B', checker, ...args], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
  });

const certificate = ['--check', path('c.json')];
const trust = ['--trust', path('trust.json')];
const hash = ['--block-hash', sample.blockHash.toUpperCase().replace('0X', '0x')];
const photo = path('照片.jpg');

t.test(
  'one certificate is checked as README shows it, and the exit code is the verdict',
  needsPython,
  async (t) => {
    const valid = check(...certificate, ...trust, ...hash, photo);
    t.equal(valid.status, 0, valid.stderr);
    t.match(valid.stdout, /^有效 valid\n测试链/);
    for (const id of ['format', 'digests', 'sm3', 'block anchors\\[0\\]'])
      t.match(valid.stdout, new RegExp(`\\+ ${id}: passed`));
    const cases: readonly [number, readonly string[]][] = [
      [0, [photo, ...certificate, ...trust, ...hash, '--no-sm3']],
      [1, [...certificate, ...trust, ...hash, path('other.jpg')]],
      [1, [...certificate, ...trust, '--block-hash', `0x${'00'.repeat(32)}`, photo]],
      [1, ['--check', path('edited.json'), ...trust, ...hash, photo]],
      [1, ['--check', photo]],
      [2, [...certificate, ...trust, photo]],
      [2, [...certificate, ...hash, photo]],
      [2, [...certificate, ...trust, ...hash]],
      [64, ['--check', path('missing.json')]],
      [64, [...certificate, path('missing.jpg')]],
      [64, [...certificate, '--trust', photo]],
      [64, [...certificate, '--block-hash', '0x1']],
      [64, [...certificate, '--blockhash', sample.blockHash]],
      [64, []],
    ];
    for (const [code, args] of cases) {
      const done = check(...args);
      t.equal(done.status, code, `${args.join(' ').replaceAll(`${folder}/`, '')}: ${done.stderr}`);
      t.notMatch(done.stderr, 'Traceback');
    }
  },
);

t.test('without a block hash the one to look up is printed', needsPython, async (t) => {
  const { stdout } = check(...certificate, ...trust, photo);
  t.match(stdout, `block 1000 = ${sample.blockHash}`);
});

t.test('of what could not be read nothing is said', needsPython, async (t) => {
  const { stdout } = check('--check', photo);
  t.match(stdout, /^无效 invalid\n {2}x format: failed\n/);
  t.notMatch(stdout, '测试链');
});
