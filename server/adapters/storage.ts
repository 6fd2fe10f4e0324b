import { join } from 'node:path';
import type { BlobRemoval, Blobs } from '../ports/blobs.ts';
import type { Clock } from '../ports/clock.ts';
import type { Leadership } from '../ports/leadership.ts';
import type { RateLimits } from '../ports/limits.ts';
import type { Logger } from '../ports/logger.ts';
import type { DepositQueue } from '../ports/overload.ts';
import type { StamperSpec, TokenClock } from '../ports/stamp.ts';
import type { Store } from '../ports/store.ts';
import type { TimeGate } from '../ports/time-gate.ts';
import type { UsedOnce } from '../ports/used-once.ts';
import { isBucket } from './cold.ts';
import { openFolderBlobs } from './folder/blobs.ts';
import { openFolderRemoval } from './folder/remove.ts';
import { createLimits } from './limits.ts';
import { openFolderLeadership } from './sqlite/leadership.ts';
import { openSqliteStore } from './sqlite/store.ts';
import { createReservedClock } from './stamping/reserved-clock.ts';
import { tieredBlobs } from './tiered/blobs.ts';
import { createUsedOnce } from './used-once.ts';

/** Where an installation keeps what must survive: settings of the same names. */
export interface StorageSettings {
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly blobs: string | undefined;
  /** where old batches' trees and files were moved to: s3://… or a folder; undefined: nowhere */
  readonly coldBlobs?: string | undefined;
}

export interface Database {
  readonly store: Store;
  readonly leadership: Leadership;
  readonly limits: RateLimits;
  readonly usedOnce: UsedOnce;
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
    usedOnce: createUsedOnce(clock.nowMs()),
    clockOf: (gate) => createReservedClock(gate, store),
    async close() {
      await leadership.close();
      await store.close();
    },
  };
}

export async function openBlobs(settings: StorageSettings, log?: Logger): Promise<OpenBlobs> {
  const { near, far } = await openBlobPlaces(settings, log);
  if (far === undefined) return near;
  return {
    ...tieredBlobs(near, far),
    async close() {
      await near.close();
      await far.close();
    },
  };
}

export type OpenBlobs = Blobs & { close(): Promise<void> };

/** The two places by themselves; `far` where one is configured. */
export async function openBlobPlaces(
  { dataDir, blobs, coldBlobs }: StorageSettings,
  log?: Logger,
): Promise<{ readonly near: OpenBlobs; readonly far: OpenBlobs | undefined }> {
  const near = await openPlace(blobs ?? nearFolder(dataDir), join(dataDir, 'spool'), log);
  if (coldBlobs === undefined) return { near, far: undefined };
  return { near, far: await openPlace(coldBlobs, join(dataDir, 'spool-cold'), log) };
}

export const nearFolder = (dataDir: string): string => join(dataDir, 'blobs');

async function openPlace(place: string, spoolDir: string, log: Logger | undefined): Promise<OpenBlobs> {
  if (!isBucket(place)) return { ...(await openFolderBlobs({ dir: place })), async close() {} };
  const { openS3Blobs } = await import('./s3/blobs.ts');
  return openS3Blobs(place, { spoolDir, ...(log && { log }) });
}

/** Takes blobs out of the near place. */
export const openRemoval = ({ dataDir, blobs }: StorageSettings): Promise<BlobRemoval & { close(): void }> =>
  openRemovalAt(blobs ?? nearFolder(dataDir));

/** `place`: s3://… or a folder. */
export async function openRemovalAt(place: string): Promise<BlobRemoval & { close(): void }> {
  if (isBucket(place)) return (await import('./s3/remove.ts')).openS3Removal(place);
  return { ...openFolderRemoval({ dir: place }), close() {} };
}
