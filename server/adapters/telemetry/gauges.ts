import { Gauge, type Registry } from 'prom-client';
import type { Labels } from './families.ts';

/** Every value that goes up and down, with what it means. A value that is not known now is not on the page. */
const HELP = {
  kezheng_build_info: 'Always 1; version of the service and of Node',
  kezheng_deposits_waiting: 'Deposits that wait to be stored',
  kezheng_deposits_waiting_seconds: 'How long deposits wait to be stored now',
  kezheng_entries_unsealed: 'Durable entries that wait for a batch',
  kezheng_entries_unsealed_oldest_seconds: 'Age of the oldest of them',
  kezheng_batches: 'Batches by how far their anchor has come, over all instances',
  kezheng_batch_unanchored_oldest_seconds: 'Time since the oldest batch was sealed whose anchor is not final',
  kezheng_batch_unstamped_oldest_seconds:
    'Time since the oldest batch was sealed that this outside authority has not stamped',
  kezheng_anchor_confirmations: 'Confirmations of the oldest anchor that is mined and not final',
  kezheng_anchor_confirmations_required: 'Confirmations that it needs',
  kezheng_operator_balance_ether: 'What the operator has to pay fees with',
  kezheng_clock_offset_seconds:
    'How far our clock was ahead of what a majority of the time servers agreed on last',
  kezheng_clock_state: '1 for what is thought of our clock now',
  kezheng_leading: '1 where this instance seals and anchors',
  kezheng_part_problem: '1 where this part of the service has a problem, as /health/ready tells',
  kezheng_http_connections: 'Open connections',
  kezheng_uploads_open: 'Uploads that are under way',
  kezheng_bodies_held_bytes: 'Announced size of the large bodies that are held in memory',
  process_resident_memory_bytes: 'Resident memory',
  nodejs_heap_size_used_bytes: 'Heap in use',
  nodejs_heap_size_total_bytes: 'Heap',
  nodejs_external_memory_bytes: 'Memory outside of the heap',
  process_start_time_seconds: 'Start of the process, Unix time',
  process_open_fds: 'Open file descriptors',
  nodejs_eventloop_lag_p50_seconds: 'Delay of the event loop since the last look, median',
  nodejs_eventloop_lag_p99_seconds: 'Delay of the event loop since the last look, 99th percentile',
  nodejs_eventloop_lag_max_seconds: 'Delay of the event loop since the last look, longest',
} as const;

export type GaugeName = keyof typeof HELP;

const LABELS: Partial<Record<GaugeName, readonly string[]>> = {
  kezheng_build_info: ['version', 'node'],
  kezheng_batches: ['state'],
  kezheng_batch_unstamped_oldest_seconds: ['authority'],
  kezheng_clock_state: ['state'],
  kezheng_part_problem: ['part'],
};

export interface Gauges {
  /** `labels` as the gauge has them. */
  set(name: GaugeName, value: number | undefined, labels?: Labels): void;
  /** Before the values of another look: what is not set again is not known any more. */
  forget(): void;
}

export function createGauges(registry: Registry): Gauges {
  const gauges = new Map(
    (Object.keys(HELP) as GaugeName[]).map((name) => [
      name,
      new Gauge({ name, help: HELP[name], labelNames: LABELS[name] ?? [], registers: [registry] }),
    ]),
  );
  return {
    set(name, value, labels = {}) {
      if (value !== undefined) gauges.get(name)!.set(labels, value);
    },
    forget() {
      // A reset gauge without labels would stand at 0, which is a value.
      for (const gauge of gauges.values()) gauge.remove({});
      for (const name of Object.keys(LABELS) as GaugeName[]) gauges.get(name)!.reset();
    },
  };
}
