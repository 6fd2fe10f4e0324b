import { closeSync, openSync } from 'node:fs';
import type { Clock } from '../../ports/clock.ts';
import { DepositQueue, QUEUE_LIMITS } from '../../ports/overload.ts';
import type { StamperSpec } from '../../ports/stamp.ts';
import type { IdempotencyClaim, JournalEntry, Store } from '../../ports/store.ts';
import type { SharedReads, SharedWrites } from '../relational/shared.ts';
import { requireUuid } from '../relational/uuid.ts';
import { openAnchorReads } from './anchors.ts';
import { openBatchTokenReads } from './batch-tokens.ts';
import { openBatches } from './batches.ts';
import { openCertificateReads } from './certificates.ts';
import { createCheckpoints } from './checkpoints.ts';
import { startWriter, type Writer } from './client.ts';
import { openForReading, reading } from './connection.ts';
import type { BulkCall } from './deposits.ts';
import { openEvidenceBetween } from './evidence-between.ts';
import { openFixityReads } from './fixity.ts';
import { createGroups } from './groups.ts';
import { openIdentityReads } from './identity.ts';
import { openListing } from './listing.ts';
import { migrate } from './migrate.ts';
import { checkKeyLength, createPacker } from './packed.ts';
import { openSharedReads, SHARED_WRITES } from './shared.ts';
import { openStampReads } from './stamps.ts';

export interface SqliteStoreOptions {
  readonly path: string;
  readonly clock: Clock;
  /** rows of the look-up that stand in memory before they are merged */
  readonly slice?: number;
  /** deposits that may wait before more are refused */
  readonly mostWaiting?: number;
  /** says when deposits are refused, and is told how long they wait; one of its own where none is given */
  readonly queue?: DepositQueue;
  /** signs a token for each deposit, in the transaction that stores it */
  readonly stamper?: StamperSpec;
}

/** How often expired idempotency keys are looked for. */
const FORGET_EVERY_MS = 60_000;

/**
 * The store in one SQLite file. Writing happens in a thread of its own, in the order of the calls; reading on this
 * thread, over a connection that cannot write, and sees what was answered before.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { path, clock, mostWaiting = QUEUE_LIMITS.most } = options;
  // Only its owner reads it, also where the folder is open; SQLite gives its side files the same mode.
  closeSync(openSync(path, 'a', 0o600));
  await migrate(path);
  const writer = startWriter({ path, slice: options.slice, stamper: options.stamper });
  const db = openForReading(path);
  const groups = createGroups(
    writer,
    options.queue ?? new DepositQueue({ ...QUEUE_LIMITS, most: mostWaiting }),
  );
  const batches = openBatches(db);
  const listing = openListing(db, batches, (organization, digest) =>
    writer.call('recentWithDigest', [organization, digest]),
  );
  // Opens the writing connection now: a database that cannot be written stops the start, not the first deposit.
  await forgetOld(writer, clock);
  const checkpoints = createCheckpoints(path, writer);
  const timer = setInterval(() => void forgetOld(writer, clock).catch(() => {}), FORGET_EVERY_MS).unref();

  return {
    ...asynchronous(openAnchorReads(db)),
    ...asynchronous(openCertificateReads(db)),
    ...asynchronous(openIdentityReads(db)),
    ...asynchronous(openFixityReads(db)),
    ...asynchronous(openStampReads(db)),
    ...asynchronous(openBatchTokenReads(db)),
    ...(asynchronous(openSharedReads(db)) as SharedReads),
    ...asynchronous(openEvidenceBetween(db)),
    ...asynchronous({ batch: batches.batch, lastBatch: batches.lastBatch }),
    ...asynchronous({ placeOf: batches.placeOf, pending: batches.pending, evidence: listing.evidence }),
    ...writing(writer),
    listEvidence: (organization, filter, page) => listing.listEvidence(organization, filter, page),
    deposit(entry, claim) {
      checkpoints.deposited(1);
      return groups.deposit(entry, claim);
    },
    async depositMany(organization, entries, claim) {
      const call = packedCall(organization, entries, claim);
      checkpoints.deposited(call.count);
      return writer.call('many', [call], [call.bytes]);
    },
    keepBatchToken(token, entry) {
      const { bytes } = packed([entry], LEAST_ROOM);
      return writer.call('keepBatchToken', [token, bytes], [bytes]);
    },
    pendingLeaves: (limit) => writer.call('pendingLeaves', [limit]),
    seal: (batch) => writer.call('seal', [batch]),
    async close() {
      clearInterval(timer);
      await checkpoints.close();
      await writer.close();
      db.close();
    },
  };
}

/** Bounded pieces, each a request of its own: deposits go between them. What fails is tried again in a minute. */
async function forgetOld(writer: Writer, clock: Clock): Promise<void> {
  while (await writer.call('forget', [clock.nowMs()]));
}

function writing(writer: Writer) {
  const verb =
    <K extends Parameters<Writer['call']>[0]>(name: K) =>
    (...args: Parameters<Writer['call']>[1]): Promise<never> =>
      writer.call(name, args as never) as Promise<never>;
  return {
    planAnchor: verb('planAnchor'),
    recordAttempt: verb('recordAttempt'),
    recordMined: verb('recordMined'),
    recordConfirmations: verb('recordConfirmations'),
    recordReorganised: verb('recordReorganised'),
    recordFinal: verb('recordFinal'),
    recordEvent: verb('recordEvent'),
    certificateSerial: verb('certificateSerial'),
    keepCertificate: verb('keepCertificate'),
    addOrganization: verb('addOrganization'),
    addApiKey: verb('addApiKey'),
    replaceApiKey: verb('replaceApiKey'),
    revokeApiKey: verb('revokeApiKey'),
    listFiles: verb('listFiles'),
    recordFixity: verb('recordFixity'),
    recordStamp: verb('recordStamp'),
    keepSigner: verb('keepSigner'),
    reserveTime: verb('reserveTime'),
    joinAuthorities: verb('joinAuthorities'),
    passBatch: verb('passBatch'),
    probe: verb('probe'),
    ...(Object.fromEntries(SHARED_WRITES.map((name) => [name, verb(name)])) as unknown as SharedWrites),
  };
}

function packedCall(
  organization: string,
  entries: Iterable<JournalEntry>,
  claim: (IdempotencyClaim & { readonly note: string; readonly nowMs: number }) | undefined,
): BulkCall {
  if (claim !== undefined) checkKeyLength(Buffer.byteLength(claim.key));
  const { bytes, count, length } = packed(entries, usualRoom, organization);
  usualRoom = Math.max(LEAST_ROOM, Math.ceil(length * 1.25));
  return {
    organization: requireUuid(organization),
    bytes,
    count,
    claim: claim && { ...claim, fingerprint: Buffer.from(claim.fingerprint, 'hex') },
  };
}

/** Callers send calls of one size as a rule: the room that the last one needed is right for the next. */
const LEAST_ROOM = 64 * 1024;
let usualRoom = LEAST_ROOM;

function packed(
  entries: Iterable<JournalEntry>,
  room: number,
  organization?: string,
): { readonly bytes: ArrayBuffer; readonly count: number; readonly length: number } {
  const packer = createPacker(() => new ArrayBuffer(room));
  for (const entry of entries) {
    if (organization !== undefined && entry.organization !== organization)
      throw new TypeError('an entry of another organization');
    packer.add(entry, undefined);
  }
  const { count, length } = packer;
  return { bytes: packer.take(), count, length };
}

type Sync = Record<string, (...args: never[]) => unknown>;
type Async<T extends Sync> = {
  [K in keyof T]: (...args: Parameters<T[K]>) => Promise<ReturnType<T[K]>>;
};

function asynchronous<T extends Sync>(reads: T): Async<T> {
  const wrap =
    (read: (...args: never[]) => unknown) =>
    async (...args: never[]) =>
      reading(() => read(...args));
  return Object.fromEntries(
    Object.entries(reads).map(([name, read]) => [name, wrap(read)]),
  ) as unknown as Async<T>;
}
