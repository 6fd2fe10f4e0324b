import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { sha512 } from '../../server/core/hash/sha512.ts';
import { toHex, utf8 } from '../../server/core/read/bytes.ts';
import { parseRenewal, planRenewal } from '../../server/core/renewal/renewal.ts';
import { whyNoPython } from '../support/python.ts';

const checker = join(import.meta.dirname, 'renewal.py');
const vectors = join(import.meta.dirname, '../vectors/renewals.json');

const needsPython = { skip: whyNoPython(), timeout: 300_000 };

const python = (args: readonly string[], input = '') =>
  spawnSync('python3', ['-B', checker, ...args], {
    input,
    encoding: 'utf8',
    env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
  });

t.test('a checker of renewals in another language agrees on every vector', needsPython, async (t) => {
  const cases: readonly unknown[] = JSON.parse(readFileSync(vectors, 'utf8'));
  t.ok(cases.length > 0, 'there are vectors');
  const run = python([vectors]);
  t.equal(run.stdout, `${cases.length} cases, 0 disagreements\n`);
  t.equal(run.stderr, '');
  t.equal(run.status, 0);
});

const file = fc.record({
  bytes: fc.uint8Array({ maxLength: 30 }),
  tokens: fc.array(fc.uint8Array({ minLength: 64, maxLength: 64 }), { maxLength: 3 }),
});

t.test(
  'it reckons the same trees, of 1 to 300 files, renewals of renewals among them',
  needsPython,
  async (t) => {
    const trees = fc
      .sample(fc.array(file, { minLength: 1, maxLength: 300 }), 40)
      .concat(fc.sample(fc.array(file, { minLength: 1, maxLength: 9 }), 60))
      .map((files) => {
        const plan = planRenewal(files);
        const renewals = plan
          .finish(
            { token: new Uint8Array(), certificates: [] },
            files.map(() => []),
          )
          .map(parseRenewal);
        return {
          files: files.map(({ bytes, tokens }) => ({
            sha512: toHex(sha512(bytes)),
            earlier: tokens.map(toHex),
          })),
          paths: renewals.map(({ path }) => path.map(toHex)),
          root: toHex(plan.root),
        };
      });
    t.equal(python(['--trees'], JSON.stringify(trees)).stdout, '100 trees, 0 disagreements\n');
    const [one] = trees as [(typeof trees)[number]];
    const wrong = { ...one, root: toHex(sha512(utf8(one.root))) };
    t.equal(python(['--trees'], JSON.stringify([wrong])).status, 1, 'and would say so');
  },
);
