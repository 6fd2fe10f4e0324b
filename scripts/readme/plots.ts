import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Row } from '../bench/row.ts';

/*
 * The pictures of README from what `BENCH_ROWS=rows.json npm run bench` wrote:
 * node scripts/run.mjs scripts/readme/plots.ts rows.json
 */

const FONT = "'Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif";
const COLORS = ['#0369a1', '#b45309'];

async function draw(name: string, spec: TopLevelSpec): Promise<void> {
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  const titled = svg.replace(/^<svg[^>]*>/, (start) => `${start}<title>${name}</title>`);
  writeFileSync(join(import.meta.dirname, `${name}.svg`), `${titled}\n`);
}

const TITLES: Readonly<Record<string, string>> = {
  'a deposit': '存证 deposit',
  'a proof': '证明 proof',
  'a certificate': '证书 certificate',
  'a record': '单条 record',
  'the newest page of the list': '首页 newest page',
  'a page from anywhere in it': '任意页 any page',
  'a page of a moment': '按时间 by time',
  'a page by state': '按状态 by state',
  'a page by digest': '按摘要 by digest',
  'a page by text': '按文字 by text',
};

/** What each thing costs with a thousand, a hundred thousand and ten million records, one small plot for each. */
function growth(rows: readonly Row[]): TopLevelSpec {
  const values = rows
    .flatMap(({ points }) => points ?? [])
    .map((point) => ({ ...point, what: TITLES[point.what] ?? point.what }));
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: '#ffffff',
    title: '记录数增长时各项用时（毫秒） / what each costs as records grow (ms)',
    data: { values },
    facet: { field: 'what', type: 'nominal', title: null, sort: Object.values(TITLES) },
    columns: 5,
    spec: {
      width: 130,
      height: 90,
      mark: { type: 'line', point: true },
      encoding: {
        x: {
          field: 'size',
          type: 'quantitative',
          scale: { type: 'log' },
          axis: { values: [1e3, 1e5, 1e7], format: '.0s', title: null, grid: false },
        },
        y: { field: 'ms', type: 'quantitative', scale: { zero: true }, axis: { title: null, tickCount: 3 } },
        color: {
          field: 'engine',
          type: 'nominal',
          scale: { range: COLORS },
          legend: { orient: 'bottom', title: null },
        },
      },
    },
    resolve: { scale: { y: 'independent' } },
    config: { font: FONT },
  };
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('plots.ts ROWS.json');
await draw('growth', growth(JSON.parse(readFileSync(file, 'utf8')) as readonly Row[]));
