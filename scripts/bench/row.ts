import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';

/** One line of what `npm run bench` prints: what we need, what the other side needs, and the ratio of both. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly other: string;
  readonly otherName: string;
  /** ours ÷ other; below 1 is faster where both are times, above 1 is faster where both are rates */
  readonly ratio: number;
  /** what the ratio must not pass: times from above, rates from below */
  readonly limit?: number;
  /** for a plot: what it costs at a size */
  readonly points?: readonly {
    readonly engine: string;
    readonly what: string;
    readonly size: number;
    readonly ms: number;
  }[];
  /** a figure of our side alone that must be reached */
  readonly goal?: { readonly reached: number; readonly least: number };
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** What runs now, for whoever waits: on standard error, so that what is measured can go into a file. */
export const progress = (what: string): void => void process.stderr.write(`bench: ${what}\n`);

/** Both sides in turns, so that a noisy moment of the machine meets both; the first pair warms up and does not count. */
export async function pairs(
  count: number,
  ours: () => Promise<number> | number,
  other: () => Promise<number> | number,
): Promise<{ ours: number; other: number; ratio: number }> {
  const found: { ours: number; other: number }[] = [];
  for (let n = 0; n <= count; n++) {
    progress(n === 0 ? '  预热 / warming up' : `  第 ${n}/${count} 对 / pair ${n} of ${count}`);
    // A side may do all its work in one go; in between a signal must be heard.
    await setImmediate();
    const pair = { ours: await ours(), other: await other() };
    if (n > 0) found.push(pair);
  }
  return {
    ours: median(found.map((pair) => pair.ours)),
    other: median(found.map((pair) => pair.other)),
    ratio: median(found.map((pair) => pair.ours / pair.other)),
  };
}

export async function secondsOf(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
}

export const seconds = (value: number): string => `${value.toFixed(3)} s`;
export const perSecond = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`;

export const opensslVersion = (): string =>
  execFileSync('openssl', ['version'], { encoding: 'utf8' }).split(' ').slice(0, 2).join(' ');
