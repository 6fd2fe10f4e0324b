import { randomUUID } from 'node:crypto';
import type { Blobs } from '../../ports/blobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Tracing } from '../../ports/metrics.ts';
import type { DepositQueue } from '../../ports/overload.ts';
import type { Store } from '../../ports/store.ts';
import type { ClockState } from '../../ports/time.ts';
import { countAuthorities, readAuthorities } from './authorities.ts';
import { watchBlobs } from './blobs.ts';
import { openAccount, watchChain } from './chain.ts';
import { countTimeServers, readClock } from './clock.ts';
import { createMetrics } from './metrics.ts';
import { readState } from './state.ts';
import { watchStore } from './store.ts';

export interface TelemetryOptions {
  readonly version: string;
  /** where traces go; nothing of them is loaded without */
  readonly otlpEndpoint: string | undefined;
  readonly tracePercent: number;
  /** the node that is asked what the operator has; undefined: it is not known */
  readonly rpcUrl: string | undefined;
  readonly clock: Clock;
}

/** Everything that is told of the running service. What it watches is the same to those who use it. */
export async function openTelemetry(options: TelemetryOptions) {
  const { version, otlpEndpoint, tracePercent, rpcUrl, clock } = options;
  const { metrics, families, addReader, close } = createMetrics({ version });
  let tracing: Tracing | undefined;
  if (otlpEndpoint !== undefined) {
    const { openTracing } = await import('./tracing.ts');
    tracing = openTracing({
      endpoint: otlpEndpoint,
      percent: tracePercent,
      version,
      instance: randomUUID(),
    });
  }
  const account = rpcUrl === undefined ? undefined : openAccount(rpcUrl);
  const chain = watchChain(families, tracing, account);
  addReader(async (gauges) => gauges.set('kezheng_operator_balance_ether', await chain.balance()));
  return {
    metrics,
    tracing,
    addReader,
    watchChain: chain.chain,
    watchBlobs: <T extends Blobs>(blobs: T): T => watchBlobs(blobs, families, tracing),
    countTimeServers: (servers: number) => countTimeServers(families, servers),
    /** Counts what becomes of asking them. */
    watchAuthorities(store: Store, urls: readonly string[]) {
      addReader((gauges) => readAuthorities(store, urls, gauges, clock.nowMs()));
      return countAuthorities(families, urls.length);
    },
    watchClock: (state: () => ClockState) => addReader((gauges) => readClock(gauges, state())),
    watchStore(store: Store, queue: DepositQueue): Store {
      const watched = watchStore(store, { families, tracing, deposits: metrics.deposits });
      queue.onAnswered = (count, waitMs) => watched.depositTimes.observe(waitMs, count);
      addReader((gauges) => {
        gauges.set('kezheng_deposits_waiting', queue.waiting);
        gauges.set('kezheng_deposits_waiting_seconds', queue.waitMs(performance.now()) / 1_000);
      });
      addReader((gauges) => readState(store, gauges, clock.nowMs()));
      return watched.store;
    },
    /** One round of a recurring task: a trace of its own. */
    round: <T>(name: string, work: () => Promise<T>): Promise<T> =>
      tracing === undefined ? work() : tracing.within(name, work, {}, true),
    async close(): Promise<void> {
      close();
      account?.close();
      await tracing?.close();
    },
  };
}
