import { join } from 'node:path';
import type { Blobs } from '../ports/blobs.ts';
import type { Clock } from '../ports/clock.ts';
import type { Leadership } from '../ports/leadership.ts';
import type { RateLimits } from '../ports/limits.ts';
import type { Logger } from '../ports/logger.ts';
import type { DepositQueue } from '../ports/overload.ts';
import type { StamperSpec, TokenClock } from '../ports/stamp.ts';
import type { Store } from '../ports/store.ts';
import type { TimeGate } from '../ports/time-gate.ts';
import { openFolderBlobs } from './folder/blobs.ts';
import { createLimits } from './limits.ts';
import { openFolderLeadership } from './sqlite/leadership.ts';
import { openSqliteStore } from './sqlite/store.ts';
import { createReservedClock } from './stamping/reserved-clock.ts';

/** Where an installation keeps what must survive: settings of the same names. */
export interface StorageSettings {
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly blobs: string | undefined;
}

export interface Database {
  readonly store: Store;
  readonly leadership: Leadership;
  readonly limits: RateLimits;
  clockOf(gate: TimeGate): TokenClock;
  close(): Promise<void>;
}

export const sqlitePath = (dataDir: string): string => join(dataDir, 'kezheng.sqlite');

/** What speaks to other servers is loaded only where it is used: it takes longer to load than everything else. */
export async function openDatabase(
  settings: StorageSettings,
  clock: Clock,
  queue?: DepositQueue,
  stamper?: StamperSpec,
): Promise<Database> {
  const { dataDir, databaseUrl } = settings;
  if (databaseUrl !== undefined) {
    const { openPostgres } = await import('./postgres/open.ts');
    return openPostgres({ url: databaseUrl, clock, ...(queue && { queue }), ...(stamper && { stamper }) });
  }
  const store = await openSqliteStore({
    path: sqlitePath(dataDir),
    clock,
    ...(queue && { queue }),
    ...(stamper && { stamper }),
  });
  const leadership = openFolderLeadership(join(dataDir, 'leader.lock'));
  return {
    store,
    leadership,
    limits: createLimits(),
    clockOf: (gate) => createReservedClock(gate, store),
    async close() {
      await leadership.close();
      await store.close();
    },
  };
}

export async function openBlobs(
  { dataDir, blobs }: StorageSettings,
  log?: Logger,
): Promise<Blobs & { close(): Promise<void> }> {
  if (blobs !== undefined) {
    const { openS3Blobs } = await import('./s3/blobs.ts');
    return openS3Blobs(blobs, { spoolDir: join(dataDir, 'spool'), ...(log && { log }) });
  }
  return { ...(await openFolderBlobs({ dir: join(dataDir, 'blobs') })), async close() {} };
}
