import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { whyNoPython } from '../support/python.ts';

const checker = join(import.meta.dirname, 'case.py');
const vectors = (name: string) => join(import.meta.dirname, '../vectors', name);
const needsPython = { skip: whyNoPython(), timeout: 300_000 };

for (const [name, args] of [
  ['case-cases.json', []],
  ['event-cases.json', ['--events']],
] as const)
  t.test(
    `a checker in another language, written from EVENTS.md alone, agrees on every case of ${name}`,
    needsPython,
    async (t) => {
      const cases: readonly unknown[] = JSON.parse(readFileSync(vectors(name), 'utf8'));
      t.ok(cases.length > 0, 'there are vectors');
      const run = spawnSync('python3', ['-B', checker, ...args, vectors(name)], {
        encoding: 'utf8',
        env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
      });
      t.equal(run.stdout, `${cases.length} cases, 0 disagreements\n`);
      t.equal(run.stderr, '');
      t.equal(run.status, 0);
    },
  );
