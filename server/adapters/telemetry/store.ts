import type { DepositKind, DepositOutcomeName, Tracing } from '../../ports/metrics.ts';
import { type BulkOutcome, type Store, StoreUnavailable } from '../../ports/store.ts';
import type { Families } from './families.ts';
import { addTo, watchCalls, watched } from './wrap.ts';

/** What of the anchors' history is counted as it is recorded. */
const STEPS = {
  recordAttempt: 'signed',
  recordMined: 'mined',
  recordReorganised: 'reorganised',
  recordFinal: 'final',
} as const;

interface StoreWatch {
  readonly families: Families;
  readonly tracing: Tracing | undefined;
  readonly deposits: (kind: DepositKind, outcome: DepositOutcomeName, count?: number) => void;
}

/**
 * The store with every call timed, and what passes through it counted. A single deposit alone is not wrapped unless it
 * is traced: it is the one call that comes ten thousand times a second, and the queue tells how long it waited.
 */
export function watchStore(store: Store, { families, tracing, deposits }: StoreWatch) {
  const calls = watchCalls(families, 'store', 'calls to the store', tracing);
  const batches = families.counts('kezheng_batches_sealed_total', 'Batches sealed by this instance').with({});
  const sealed = families.counts('kezheng_entries_sealed_total', 'Entries in those batches').with({});
  const anchors = families.counts(
    'kezheng_anchor_steps_total',
    'Steps of anchors, recorded by this instance',
  );
  const issued = families.counts('kezheng_certificates_issued_total', 'Certificates issued').with({});
  for (const step of ['planned', ...Object.values(STEPS)]) anchors.with({ step });

  const counted: Partial<Store> = {
    depositMany: calls.watch('depositMany', async (organization, entries, claim) => {
      let count = 0;
      function* counting() {
        for (const entry of entries) {
          count++;
          yield entry;
        }
      }
      const outcome = await store.depositMany(organization, counting(), claim).catch((error: unknown) => {
        deposits('bulk', error instanceof StoreUnavailable ? 'unavailable' : 'refused', count);
        throw error;
      });
      deposits('bulk', OF_BULK[outcome.outcome], count);
      return outcome;
    }),
    seal: calls.watch('seal', async (given) => {
      const batch = await store.seal(given);
      batches.value++;
      sealed.value += batch.size;
      return batch;
    }),
    planAnchor: calls.watch('planAnchor', async (log, nowMs) => {
      const anchor = await store.planAnchor(log, nowMs);
      if (anchor !== undefined) addTo(anchors, { step: 'planned' });
      return anchor;
    }),
    keepCertificate: calls.watch('keepCertificate', async (certificate) => {
      const kept = await store.keepCertificate(certificate);
      issued.value++;
      return kept;
    }),
  };
  for (const [verb, step] of Object.entries(STEPS) as [keyof typeof STEPS, string][])
    counted[verb] = calls.watch(verb, async (...args: unknown[]) => {
      await (store[verb] as (...args: unknown[]) => Promise<void>)(...args);
      addTo(anchors, { step });
    });
  if (tracing === undefined) counted.deposit = (entry, claim) => store.deposit(entry, claim);
  return { store: watched(store, calls, counted), depositTimes: calls.times.with({ verb: 'deposit' }) };
}

const OF_BULK: Readonly<Record<BulkOutcome['outcome'], DepositOutcomeName>> = {
  stored: 'stored',
  replayed: 'replayed',
  'key-reused': 'refused',
};
