import type { Metric, Registry } from 'prom-client';
import type { Times } from '../../ports/metrics.ts';

/*
 * prom-client looks up and checks labels at each count; at ten thousand deposits a second that is felt. Here a series
 * is a plain object, made once and held by whoever counts; it becomes a line of text when somebody reads the page.
 */

export type Labels = Readonly<Record<string, string>>;

interface Line {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Seconds: from a commit on a fast disk to a large upload over a slow line. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600];
const BOUNDS_MS = BOUNDS.map((seconds) => seconds * 1_000);

class Histogram implements Times {
  readonly labels: Labels;
  readonly #counts = new Float64Array(BOUNDS.length + 1);
  #sumMs = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  observe(ms: number, count = 1): void {
    let i = 0;
    while (i < BOUNDS_MS.length && ms > BOUNDS_MS[i]!) i++;
    this.#counts[i]! += count;
    this.#sumMs += ms * count;
  }

  lines(name: string): Line[] {
    const lines: Line[] = [];
    let total = 0;
    for (let i = 0; i <= BOUNDS.length; i++) {
      total += this.#counts[i]!;
      lines.push({
        metricName: `${name}_bucket`,
        labels: { le: BOUNDS[i] ?? '+Inf', ...this.labels },
        value: total,
      });
    }
    // A verb that was never called has no line.
    if (total === 0) return [];
    lines.push({ metricName: `${name}_sum`, labels: this.labels, value: this.#sumMs / 1_000 });
    lines.push({ metricName: `${name}_count`, labels: this.labels, value: total });
    return lines;
  }
}

/** A number that only grows. */
export class Count {
  value = 0;
  readonly labels: Labels;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  lines(): Line[] {
    return [{ labels: this.labels, value: this.value }];
  }
}

interface Series {
  lines(name: string): Line[];
}

/** All series of one name. */
class Family<T extends Series> {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'histogram';
  readonly aggregator = 'sum';
  readonly #make: (labels: Labels) => T;
  readonly #series = new Map<string, T>();

  constructor(type: 'counter' | 'histogram', name: string, help: string, make: (labels: Labels) => T) {
    this.type = type;
    this.name = name;
    this.help = help;
    this.#make = make;
  }

  /** The one series with these labels. */
  with(labels: Labels): T {
    const key = Object.values(labels).join('\n');
    let series = this.#series.get(key);
    if (series === undefined) this.#series.set(key, (series = this.#make(labels)));
    return series;
  }

  /** What the registry asks for. */
  async get() {
    const { name, help, type, aggregator } = this;
    return {
      name,
      help,
      type,
      aggregator,
      values: [...this.#series.values()].flatMap((one) => one.lines(name)),
    };
  }
}

export type Families = ReturnType<typeof familiesIn>;

export function familiesIn(registry: Registry) {
  // The registry reads name, type and get() and nothing else; its type names its own four classes.
  const known = <T extends Series>(family: Family<T>): Family<T> => {
    registry.registerMetric(family as unknown as Metric);
    return family;
  };
  return {
    times: (name: string, help: string) =>
      known(new Family<Histogram>('histogram', name, help, (labels) => new Histogram(labels))),
    counts: (name: string, help: string) =>
      known(new Family<Count>('counter', name, help, (labels) => new Count(labels))),
  };
}
