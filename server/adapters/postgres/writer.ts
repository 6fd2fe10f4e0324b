import type pg from 'pg';
import { StoreUnavailable } from '../../ports/store.ts';
import {
  checkSession,
  clientConfig,
  openSession,
  type SessionOptions,
  survives,
  translate,
} from './session.ts';

/**
 * One session, for statements that the server answers in the order of the calls: the next one is under way while one
 * is written to disk. Each is a transaction of its own, so one that fails takes nothing of another with it.
 */
export interface Writer {
  run<Row extends object>(name: string, text: string, values: readonly unknown[]): Promise<Row[]>;
  /** After what was asked before; nothing can be asked any more. */
  close(): Promise<void>;
}

/**
 * Whatever the tables hold and whatever is known of them, a deposit looks up by index: a plan made when a table was
 * empty is not kept when it is full.
 */
const BY_INDEX = { enable_seqscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off' };

/** How long a server may go on confirming what it does not keep, after its operator has switched that off. */
const CHECK_EVERY_MS = 2_000;

export function openWriter(options: SessionOptions): Writer {
  let session: Promise<pg.Client> | undefined;
  let closing = false;
  let checkedMs = 0;
  const running = new Set<Promise<unknown>>();

  /** The next statement opens another one. */
  function giveUp(broken: Promise<pg.Client>): void {
    if (session === broken) session = undefined;
    void broken.then((client) => client.end()).catch(() => {});
  }

  function open(): Promise<pg.Client> {
    const opened = openSession(options, { ...clientConfig(options, BY_INDEX), pipeline: true });
    session = opened;
    opened.then(
      (client) => client.once('end', () => giveUp(opened)),
      () => giveUp(opened),
    );
    return opened;
  }

  /** `fsync` may be switched off under a session that was opened when it was on. */
  async function requireFit(client: pg.Client): Promise<void> {
    if (performance.now() - checkedMs < CHECK_EVERY_MS) return;
    await checkSession(client, options);
    checkedMs = performance.now();
  }

  async function send(name: string, text: string, values: readonly unknown[]) {
    const mine = session ?? open();
    const client = await mine;
    try {
      await requireFit(client);
      return await client.query({ name, text, values: values as unknown[] });
    } catch (error) {
      if (!survives(error)) giveUp(mine);
      throw translate(error);
    }
  }

  return {
    async run<Row extends object>(name: string, text: string, values: readonly unknown[]) {
      if (closing) throw new StoreUnavailable('the store is closed');
      const answer = send(name, text, values);
      running.add(answer);
      try {
        return (await answer).rows as Row[];
      } finally {
        running.delete(answer);
      }
    },
    async close() {
      closing = true;
      await Promise.allSettled(running);
      const last = session;
      session = undefined;
      await last?.then((client) => client.end()).catch(() => {});
    },
  };
}
