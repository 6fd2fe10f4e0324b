import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import t from 'tap';

/*
 * Run by tap after all tests, over what they covered: every line and branch of core, 90 % of the rest.
 */

interface Part {
  readonly total: number;
  readonly covered: number;
  readonly pct: number;
}
type Summary = Readonly<Record<string, { readonly lines: Part; readonly branches: Part }>>;

const root = join(import.meta.dirname, '..');
const summary = JSON.parse(
  readFileSync(join(root, '.tap', 'report', 'coverage-summary.json'), 'utf8'),
) as Summary;
const files = Object.entries(summary)
  .map(([path, covered]) => [relative(root, path), covered] as const)
  .filter(([path]) => path.startsWith('server/'));

const core = files.filter(([path]) => path.startsWith('server/core/'));
const rest = files.filter(([path]) => !path.startsWith('server/core/'));

t.test('every line and branch of core is covered', async (t) => {
  t.ok(core.length > 20);
  for (const [path, { lines, branches }] of core) {
    t.equal(lines.covered, lines.total, `${path}: lines`);
    t.equal(branches.covered, branches.total, `${path}: branches`);
  }
});

t.test('90 % of the lines of the rest are covered', async (t) => {
  t.ok(rest.length > 20);
  const sum = (of: keyof Part) => rest.reduce((total, [, { lines }]) => total + lines[of], 0);
  const percent = (100 * sum('covered')) / sum('total');
  t.comment(`${percent.toFixed(1)} %`);
  t.ok(percent >= 90, `${percent.toFixed(1)} % of ${sum('total')} lines`);
});
