import { hash } from 'node:crypto';
import { buildTree, HASH_LENGTH, rootOf } from '../../core/tree/tree.ts';
import type { StamperSpec } from '../../ports/stamp.ts';
import { createTimeGate } from '../../ports/time-gate.ts';
import { AHEAD_MS } from '../stamping/reserved-clock.ts';
import { createPromiseTokens, readClock } from '../stamping/tokens.ts';
import { hashNodesInto } from '../workers/node-hash.ts';
import type { Connection } from './connection.ts';

/** Times are reserved anew when half of what was reserved is used up, with a commit that is made anyway. */
const RENEW_MS = AHEAD_MS / 2;

export interface Stamping {
  /** Inside a transaction, before anything is stamped in it. */
  begin(): void;
  /** Inside a transaction: the row of a deposit, or of a bulk call with the leaves of all its entries. */
  single(sequence: number, entry: Uint8Array): void;
  bulk(firstSequence: number, leaves: readonly Uint8Array[]): void;
  /** After COMMIT: other threads may give the times too. */
  committed(): void;
}

/** Tokens are signed here, in the thread and the transaction that write the entries: they are there when the entries are. */
export function openStamping(db: Connection, spec: StamperSpec): Stamping {
  const gate = createTimeGate(spec.gate);
  const tokens = createPromiseTokens(spec);
  const insert = db.prepare<[number, number, Uint8Array | null]>('insert into stamps values (?, ?, ?)');
  const reserve = db
    .prepare<[number], number>(
      'update stamp_state set reserved_ms = max(reserved_ms, ?) returning reserved_ms',
    )
    .pluck();
  let reservedMs = 0;

  /** Null where the clock does not allow it: the deposit is taken all the same, and stamped later. */
  function stamp(imprint: () => Uint8Array): Uint8Array | null {
    const genTimeMs = gate.next(readClock(), reservedMs);
    return typeof genTimeMs === 'number' ? tokens.now(imprint(), genTimeMs) : null;
  }

  return {
    begin() {
      const nowMs = Math.max(Date.now(), gate.lastMs());
      reservedMs = gate.reservedMs();
      // A clock that is in doubt reserves nothing: what it says may lie years ahead.
      if (gate.refuses(readClock()) !== undefined) return;
      if (reservedMs < nowMs + RENEW_MS) reservedMs = reserve.get(nowMs + AHEAD_MS)!;
    },
    single(sequence, entry) {
      const token = stamp(() => hash('sha256', entry, 'buffer'));
      insert.run(sequence, 1, token);
    },
    bulk(firstSequence, leaves) {
      const all = new Uint8Array(leaves.length * HASH_LENGTH);
      for (const [i, leaf] of leaves.entries()) all.set(leaf, i * HASH_LENGTH);
      const token = stamp(() => rootOf(buildTree(all, hashNodesInto())));
      insert.run(firstSequence, leaves.length, token);
    },
    committed: () => gate.reserve(reservedMs),
  };
}
