import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { StoreUnavailable } from '../../ports/store.ts';
import type { Schema } from './schema.ts';
import {
  checkSession,
  clientConfig,
  type SessionOptions,
  type Settings,
  survives,
  translate,
} from './session.ts';

/** A bounded number of sessions; whoever finds none free waits as long as for a new one, and is then refused. */
export interface Database {
  readonly query: Kysely<Schema>;
  /** One statement, as it stands. */
  run<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** Sessions that nobody needs are given back to the server. */
const IDLE_MS = 30_000;

export function openDatabase(options: SessionOptions, sessions: number, settings: Settings = {}): Database {
  const pool = new pg.Pool({
    ...clientConfig(options, settings),
    max: sessions,
    idleTimeoutMillis: IDLE_MS,
  });
  const checked = new WeakSet<pg.PoolClient>();
  // A session that breaks while nobody uses it: the pool has let go of it already, and makes another one when asked.
  pool.on('error', () => {});
  // While somebody uses it, its statement fails; the event itself has nothing to add, but must have a listener.
  pool.on('connect', (client) => void client.on('error', () => {}));

  /**
   * A new session is checked here and not by the pool's own hook: where the connection breaks while the hook runs, the
   * pool waits for an end that has been already, and whoever asked for a session never gets an answer.
   */
  async function session(): Promise<pg.PoolClient> {
    const client = await pool.connect();
    if (checked.has(client)) return client;
    try {
      await checkSession(client, options);
    } catch (error) {
      client.release(true);
      throw error;
    }
    checked.add(client);
    return client;
  }

  async function connect() {
    if (pool.ending) throw new StoreUnavailable('the store is closed');
    const client = await session().catch((error: unknown) => {
      throw translate(error);
    });
    let isBroken = false;
    return {
      async query(text: string, values: readonly unknown[]) {
        try {
          return await client.query(text, values as unknown[]);
        } catch (error) {
          isBroken ||= !survives(error);
          throw translate(error);
        }
      },
      release: (destroy = false) => client.release(destroy || isBroken),
    };
  }

  const query = new Kysely<Schema>({
    dialect: new PostgresDialect({
      pool: { connect: connect as never, end: () => pool.end(), options: {} },
    }),
  });
  return {
    query,
    async run<Row extends object>(text: string, values: readonly unknown[]) {
      const client = await connect();
      try {
        const { rows } = await client.query(text, values);
        return rows as Row[];
      } finally {
        client.release();
      }
    },
    // Before its first use Kysely has nothing to close.
    close: async () => {
      if (!pool.ending) await pool.end();
    },
  };
}
