import type pg from 'pg';
import type { Leadership } from '../../ports/leadership.ts';
import { StoreUnavailable } from '../../ports/store.ts';
import { clientConfig, openSession, type SessionOptions, translate } from './session.ts';

/** A lock of a session, which the server gives back when the session ends, however it ends: "leader" in ASCII. */
const LEADER_LOCK = 0x6c65_61646572n;

/** Whoever leads asks before each round whether it still does; a server that does not answer by then may be gone. */
const ANSWER_MS = 2_000;

/**
 * When the holder's machine is gone without a word, the server notices after at most 3 + 2 × 2 seconds of silence, or
 * when what it sent was not taken for 7: another instance leads within ten.
 */
export const DEAD_HOST = {
  tcp_keepalives_idle: 3,
  tcp_keepalives_interval: 2,
  tcp_keepalives_count: 2,
  tcp_user_timeout: 7_000,
  lock_timeout: ANSWER_MS,
  statement_timeout: ANSWER_MS,
};

const TAKE = `select pg_try_advisory_lock(${LEADER_LOCK}) as holds`;

/** What this very session holds: after a reconnect, or behind a pooler, it would be another one. */
const HOLDS = `select exists (select from pg_locks where locktype = 'advisory' and granted and objsubid = 1
  and database = (select oid from pg_database where datname = current_database())
  and pid = pg_backend_pid() and (classid::bigint << 32 | objid::bigint) = ${LEADER_LOCK}) as holds`;

export function openLeadership(options: SessionOptions): Leadership {
  let session: pg.Client | undefined;
  let holds = false;
  let term = 0;
  let asking: Promise<boolean> | undefined;
  let isClosed = false;

  function giveUp(): void {
    const gone = session;
    session = undefined;
    holds = false;
    void gone?.end().catch(() => {});
  }

  async function ask(statement: string): Promise<boolean> {
    session ??= await openSession(options, {
      ...clientConfig(options, DEAD_HOST),
      query_timeout: ANSWER_MS,
    });
    const { rows } = await session.query<{ holds: boolean }>(statement);
    return rows[0]!.holds;
  }

  /** One that has lost it says so, and tries again with the next call: another instance may have it meanwhile. */
  async function stillHolds(): Promise<boolean> {
    try {
      if (await ask(HOLDS)) return true;
    } catch {
      // Whatever it was, it could not be asked: whoever may lead must know that it does.
    }
    giveUp();
    return false;
  }

  async function take(): Promise<boolean> {
    try {
      holds = await ask(TAKE);
      if (holds) term++;
    } catch (error) {
      giveUp();
      throw translate(error);
    }
    if (isClosed) giveUp();
    return holds;
  }

  /** The lock goes with the session; end() waits until the server has closed it. */
  async function letGo(): Promise<void> {
    await asking?.catch(() => {});
    const last = session;
    session = undefined;
    holds = false;
    await last?.end().catch(() => {});
  }

  return {
    lead() {
      if (isClosed) return Promise.reject(new StoreUnavailable('the store is closed'));
      asking ??= (holds ? stillHolds() : take()).finally(() => {
        asking = undefined;
      });
      return asking;
    },
    term: () => term,
    resign: letGo,
    async close() {
      isClosed = true;
      await letGo();
    },
  };
}
