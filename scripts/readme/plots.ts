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

/** Rows by what they say of both sides, as the picture calls them. */
const BESIDE: readonly (readonly [RegExp, string])[] = [
  [/^single .*each with its token/, '单条存证，各带时间戳 deposit with token ÷ Fastify'],
  [/^single .*without tokens/, '单条存证 deposit ÷ Fastify'],
  [/^bulk calls/, '批量存证 bulk ÷ Fastify'],
  [/deposit --folder /, '文件夹 folder ÷ sha256sum + openssl'],
  [/^upload of 1 GiB/, '上传 upload ÷ openssl, dd'],
  [/^tree of 1,000,000 .*OpenSSL/, '树 tree ÷ openssl speed'],
  [/^tree of 1,000,000 .*merkletreejs/, '树 tree ÷ merkletreejs'],
  [/^tree of 100,000 .*openzeppelin/, '树 tree ÷ @openzeppelin/merkle-tree'],
  [/^tokens over HTTP/, '时间戳 tokens ÷ openssl ts'],
];

/** How many times as fast as the other side, on a scale of powers of ten, bars from where both are alike. */
function beside(rows: readonly Row[]): TopLevelSpec {
  const values = rows.flatMap(({ what, ours, ratio, otherName }) => {
    const label = BESIDE.find(([of]) => of.test(`${what} ${otherName}`))?.[1];
    if (label === undefined) return [];
    const times = ours.endsWith('/s') ? ratio : 1 / ratio;
    // The figure stands beside the bar, also of one that goes to the left.
    return { label, times, at: Math.max(times, 1) };
  });
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: '#ffffff',
    title: '与别人的程序相比（倍数，越大越快） / beside other programs (times as fast)',
    width: 420,
    height: { step: 26 },
    data: { values },
    encoding: { y: { field: 'label', type: 'nominal', sort: null, axis: { title: null, labelLimit: 320 } } },
    layer: [
      {
        mark: { type: 'bar', color: COLORS[0]! },
        encoding: {
          x: {
            field: 'times',
            type: 'quantitative',
            scale: { type: 'log' },
            axis: { title: null, format: '~g' },
          },
          x2: { datum: 1 },
        },
      },
      {
        mark: { type: 'text', align: 'left', dx: 5 },
        encoding: {
          x: { field: 'at', type: 'quantitative' },
          text: { field: 'times', type: 'quantitative', format: '.2~f' },
        },
      },
    ],
    config: { font: FONT },
  };
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('plots.ts ROWS.json');
const rows = JSON.parse(readFileSync(file, 'utf8')) as readonly Row[];
await draw('growth', growth(rows));
await draw('beside', beside(rows));
