import { Registry } from 'prom-client';
import type { DepositKind, DepositOutcomeName, Metrics, Times } from '../../ports/metrics.ts';
import { type Count, type Families, familiesIn } from './families.ts';
import { createGauges, type Gauges } from './gauges.ts';
import { watchProcess } from './process.ts';

export interface MetricsOptions {
  readonly version: string;
}

/** Reads values that go up and down, when somebody asks for the page. */
export type Reader = (gauges: Gauges) => void | Promise<void>;

/** A part that does not answer in time has no values on the page; the page comes all the same. */
const READ_MS = 1_500;

const KINDS: readonly DepositKind[] = ['files', 'digests', 'bulk'];
const OUTCOMES: readonly DepositOutcomeName[] = ['stored', 'replayed', 'refused', 'unavailable'];

/** The numbers of this process, in a registry of its own. */
export function createMetrics({ version }: MetricsOptions) {
  const registry = new Registry();
  const families: Families = familiesIn(registry);
  const gauges = createGauges(registry);
  const own = watchProcess(gauges, families);
  const readers: Reader[] = [own.read];
  const requests = families.times(
    'kezheng_http_request_duration_seconds',
    'Requests by method, route and class of status',
  );
  const refusals = families.counts('kezheng_refusals_total', 'Answers that were problems, by code');
  const verdicts = families.counts('kezheng_verifications_total', 'Checked certificates by verdict');
  const deposits = families.counts(
    'kezheng_deposits_total',
    'Deposits by kind and outcome; of a bulk call each record',
  );
  const answered = families.counts('kezheng_tokens_total', 'Answers of the time-stamp service by outcome');
  const tokens = {
    granted: answered.with({ outcome: 'granted' }),
    refused: answered.with({ outcome: 'refused' }),
    'time-not-available': answered.with({ outcome: 'time-not-available' }),
  };
  for (const verdict of ['valid', 'invalid', 'incomplete']) verdicts.with({ verdict });
  // Found by two words, without an object or a text made for each deposit.
  const byKind = Object.fromEntries(
    KINDS.map((kind) => [
      kind,
      Object.fromEntries(OUTCOMES.map((outcome) => [outcome, deposits.with({ kind, outcome })])),
    ]),
  ) as Record<DepositKind, Record<DepositOutcomeName, Count>>;

  async function read(): Promise<void> {
    gauges.forget();
    gauges.set('kezheng_build_info', 1, { version, node: process.versions.node });
    await Promise.all(readers.map((reader) => inTime(Promise.resolve().then(() => reader(gauges)))));
  }
  let reading: Promise<string> | undefined;

  const metrics: Metrics = {
    routeTimes(method, route) {
      const byClass: Times[] = [];
      return (statusClass) =>
        (byClass[statusClass] ??= requests.with({ method, route, status: `${statusClass}xx` }));
    },
    deposits(kind, outcome, count = 1) {
      byKind[kind][outcome].value += count;
    },
    refused: (code) => void refusals.with({ code }).value++,
    verified: (verdict) => void verdicts.with({ verdict }).value++,
    tokenAnswered: (outcome) => void tokens[outcome].value++,
    async page() {
      // Those who ask at once get the same answer: reading costs the store something.
      reading ??= read()
        .then(() => registry.metrics())
        .finally(() => (reading = undefined));
      return { type: registry.contentType, text: await reading };
    },
  };
  return {
    metrics,
    families,
    /** Asked for its values whenever the page is read. */
    addReader: (reader: Reader): void => void readers.push(reader),
    close: own.close,
  };
}

async function inTime(read: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, READ_MS)));
  await Promise.race([read.catch(() => {}), late]);
  clearTimeout(timer);
}
