import { readdir } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Families } from './families.ts';
import type { Gauges } from './gauges.ts';

/** How often the event loop's delay is measured: finer costs more than it tells. */
const RESOLUTION_MS = 20;

/** What the process itself uses; names as Prometheus's own clients have them, so that known dashboards fit. */
export function watchProcess(gauges: Gauges, families: Families) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const used = families.counts('process_cpu_seconds_total', 'User and system CPU time').with({});
  const startedSeconds = Date.now() / 1_000 - process.uptime();
  return {
    async read(): Promise<void> {
      const memory = process.memoryUsage();
      const cpu = process.cpuUsage();
      gauges.set('process_resident_memory_bytes', memory.rss);
      gauges.set('nodejs_heap_size_used_bytes', memory.heapUsed);
      gauges.set('nodejs_heap_size_total_bytes', memory.heapTotal);
      gauges.set('nodejs_external_memory_bytes', memory.external);
      used.value = (cpu.user + cpu.system) / 1e6;
      gauges.set('process_start_time_seconds', startedSeconds);
      // Measured since the page was read last. The histogram has the whole time between two looks at the loop.
      const late = (ns: number): number => Math.max(0, ns / 1e9 - RESOLUTION_MS / 1_000);
      if (delay.count > 0) {
        gauges.set('nodejs_eventloop_lag_p50_seconds', late(delay.percentile(50)));
        gauges.set('nodejs_eventloop_lag_p99_seconds', late(delay.percentile(99)));
        gauges.set('nodejs_eventloop_lag_max_seconds', late(delay.max));
      }
      delay.reset();
      // Linux only; elsewhere the number is left out.
      const files = await readdir('/proc/self/fd').catch(() => undefined);
      if (files !== undefined) gauges.set('process_open_fds', files.length);
    },
    close: () => void delay.disable(),
  };
}
