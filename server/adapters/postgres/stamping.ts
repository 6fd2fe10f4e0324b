import { hash } from 'node:crypto';
import { buildTree, HASH_LENGTH, rootOf } from '../../core/tree/tree.ts';
import type { StamperSpec, TokenClock } from '../../ports/stamp.ts';
import type { StampStore } from '../../ports/store.ts';
import type { TimeGate } from '../../ports/time-gate.ts';
import { createPromiseTokens, readClock } from '../stamping/tokens.ts';
import { hashNodesInto } from '../workers/node-hash.ts';
import { gathering } from './gather.ts';
import type { Row } from './row.ts';

/**
 * Times for tokens where many processes give them: the database knows the last one that any of them was given, and a
 * time counts when it has been written down there. Those who ask at the same moment share one commit, and one time.
 */
export function createSharedClock(gate: TimeGate, store: Pick<StampStore, 'reserveTime'>): TokenClock {
  const written = gathering(async (wanted: readonly number[]) => {
    const timeMs = await store.reserveTime(Math.max(...wanted));
    return wanted.map(() => timeMs);
  });
  return {
    async next() {
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const asked = readClock();
        const refused = gate.refuses(asked);
        if (refused !== undefined) return refused;
        const timeMs = await written(Math.floor(asked.wallMs));
        // What was true before the wait need not be now; and a time that is old when it comes is asked for anew.
        const at = readClock();
        if (at.monotonicMs - asked.monotonicMs <= LONGEST_WAIT_MS) return gate.take(at, timeMs);
      }
      return 'time-not-reserved';
    },
  };
}

/** A database that takes longer to write a time down is asked again. */
const LONGEST_WAIT_MS = 500;
/** One that is as slow each time must not hold up deposits for ever: they are stamped later. */
const MOST_TRIES = 3;

/** Tokens for the rows of one transaction; null for all where the clock does not allow any. */
export interface Stamping {
  singles(rows: readonly Row[]): Promise<readonly (Uint8Array | undefined)[]>;
  bulk(rows: readonly Row[]): Promise<Uint8Array | undefined>;
}

export function openStamping(spec: StamperSpec, clock: TokenClock): Stamping {
  const tokens = createPromiseTokens(spec);
  return {
    async singles(rows) {
      const timeMs = await clock.next();
      if (typeof timeMs !== 'number') return rows.map(() => undefined);
      return Promise.all(rows.map(({ entry }) => tokens.soon(hash('sha256', entry, 'buffer'), timeMs)));
    },
    async bulk(rows) {
      const timeMs = await clock.next();
      if (typeof timeMs !== 'number') return undefined;
      const leaves = new Uint8Array(rows.length * HASH_LENGTH);
      for (const [i, { leaf }] of rows.entries()) leaves.set(leaf, i * HASH_LENGTH);
      return tokens.soon(rootOf(buildTree(leaves, hashNodesInto())), timeMs);
    },
  };
}
