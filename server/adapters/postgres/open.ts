import type { Clock } from '../../ports/clock.ts';
import type { Leadership } from '../../ports/leadership.ts';
import type { RateLimits } from '../../ports/limits.ts';
import { DepositQueue, QUEUE_LIMITS } from '../../ports/overload.ts';
import type { StamperSpec, TokenClock } from '../../ports/stamp.ts';
import type { Store } from '../../ports/store.ts';
import { createTimeGate, type TimeGate } from '../../ports/time-gate.ts';
import type { UsedOnce } from '../../ports/used-once.ts';
import { openAnchorWrites } from './anchoring.ts';
import { openAnchorReads } from './anchors.ts';
import { openBatchTokenReads, openBatchTokenWrites } from './batch-tokens.ts';
import { openBatchReads, openBatchWrites } from './batches.ts';
import { openCertificateReads, openCertificateWrites } from './certificates.ts';
import { openDatabase } from './database.ts';
import { openDeposits } from './deposits.ts';
import { openEvidenceBetween } from './evidence-between.ts';
import { openFixityReads, openFixityWrites } from './fixity.ts';
import { forgetOldKeys } from './forgetting.ts';
import { openIdentityReads, openIdentityWrites } from './identity.ts';
import { createLane, type Lane } from './lane.ts';
import { openLeadership } from './leadership.ts';
import { openLimits } from './limits.ts';
import { openListing } from './listing.ts';
import { migrate } from './migrate.ts';
import { cannotOpen } from './opening.ts';
import type { SessionOptions } from './session.ts';
import { openSharedReads, openSharedWrites } from './shared.ts';
import { createSharedClock, openStamping } from './stamping.ts';
import { openStampReads, openStampWrites } from './stamps.ts';
import { usedOnceBy } from './used-once.ts';
import { openWriter } from './writer.ts';

export interface PostgresOptions extends SessionOptions {
  readonly clock: Clock;
  /** deposits that may wait before more are refused */
  readonly mostWaiting?: number;
  /** says when deposits are refused, and is told how long they wait; one of its own where none is given */
  readonly queue?: DepositQueue;
  /** signs a token for each deposit, stored with it */
  readonly stamper?: StamperSpec;
}

export interface Postgres {
  readonly store: Store;
  readonly leadership: Leadership;
  readonly limits: RateLimits;
  readonly usedOnce: UsedOnce;
  /** Times that no other process on this database goes back behind. */
  clockOf(gate: TimeGate): TokenClock;
  close(): Promise<void>;
}

/*
 * Sessions of one instance, so many at most: 1 for deposits, 1 for other writes, 1 for what is forgotten, 1 for rates,
 * 1 for leadership, 1 for times of tokens, and these for reading. A server has 100 unless told otherwise.
 */
const READING = 6;

/** How often expired idempotency keys and counters are looked for. */
const FORGET_EVERY_MS = 60_000;

/**
 * Store, leadership and limits in one PostgreSQL database, for any number of instances. Deposits and bulk calls have a
 * session of their own, other writes another, so that each is done in the order of the calls and reading delays none.
 */
export async function openPostgres(options: PostgresOptions): Promise<Postgres> {
  const { clock, mostWaiting = QUEUE_LIMITS.most } = options;
  const queue = options.queue ?? new DepositQueue({ ...QUEUE_LIMITS, most: mostWaiting });
  await migrate(options).catch((error: unknown) => {
    throw cannotOpen(error, options);
  });
  const writer = openWriter(options);
  const reading = openDatabase(options, READING);
  const writing = openDatabase(options, 1);
  const tidying = openDatabase(options, 1);
  const { forgetOldPeople } = openSharedWrites(tidying);
  const counting = openDatabase(options, 1);
  const timing = openDatabase(options, 1);
  const { reserveTime } = openStampWrites(timing);
  const clockOf = (gate: TimeGate): TokenClock => createSharedClock(gate, { reserveTime });
  const { stamper } = options;
  const stamping = stamper && openStamping(stamper, clockOf(createTimeGate(stamper.gate)));
  const limits = openLimits(counting);
  const leadership = openLeadership(options);
  const lane = createLane();
  let forgetting = Promise.resolve();

  /** Bounded pieces, each a transaction of its own. What fails is tried again in a minute. */
  async function forgetOld(): Promise<void> {
    try {
      while (await forgetOldKeys(tidying, clock.nowMs()));
      while (await limits.forget(clock.nowMs()));
      while (await forgetOldPeople(clock.nowMs()));
    } catch {
      // The database is away: whoever needs it says so.
    }
  }
  const forget = () => {
    forgetting = forgetting.then(forgetOld);
  };
  forget();
  const timer = setInterval(forget, FORGET_EVERY_MS).unref();

  const store: Store = {
    ...openDeposits(writer, reading, queue, stamping),
    ...openListing(reading),
    ...openBatchReads(reading),
    ...openAnchorReads(reading),
    ...openCertificateReads(reading),
    ...openFixityReads(reading),
    ...openStampReads(reading),
    ...openBatchTokenReads(reading),
    ...openIdentityReads(reading),
    ...openSharedReads(reading),
    ...openEvidenceBetween(reading),
    ...inOrder(lane, {
      ...openBatchWrites(writing),
      ...openAnchorWrites(writing),
      ...openCertificateWrites(writing),
      ...openFixityWrites(writing),
      ...openStampWrites(writing),
      ...openBatchTokenWrites(writing),
      ...openIdentityWrites(writing),
      ...openSharedWrites(writing),
    }),
    async probe() {
      await writer.run('lock_journal', 'select lock_journal()', []);
    },
    close,
  };

  async function close(): Promise<void> {
    clearInterval(timer);
    await Promise.all([writer.close(), leadership.close()]);
    await Promise.all([reading, writing, tidying, counting, timing].map((database) => database.close()));
    await forgetting;
  }

  return { store, leadership, limits, usedOnce: usedOnceBy(limits), clockOf, close };
}

type Verbs = Record<string, (...args: never[]) => Promise<unknown>>;

function inOrder<T extends Verbs>(lane: Lane, verbs: T): T {
  const wrap =
    (verb: Verbs[string]) =>
    (...args: never[]) =>
      lane.run(async () => verb(...args));
  return Object.fromEntries(Object.entries(verbs).map(([name, verb]) => [name, wrap(verb)])) as T;
}
