import { randomFillSync } from 'node:crypto';
import { uuidV7 } from '../core/entry/id.ts';

/*
 * Ids of entries. Those of one process always increase, also when its clock is set back: the time in an id is then the
 * last one seen, while `receivedAt` in a manifest is what the clock said.
 */

const POOL = new Uint8Array(8 * 1024);
let used = POOL.length;

let fill: (bytes: Uint8Array) => void = randomFillSync;

/**
 * For runs that must be the same each time: random bytes come from `source`, and ids begin anew. Without a source they
 * come from the system again.
 */
export function drawIdsFrom(source?: (bytes: Uint8Array) => void): void {
  fill = source ?? randomFillSync;
  used = POOL.length;
  lastMs = 0;
  counter = 0;
}

/** Random bytes come from the system in blocks: one call for each id costs more than all the rest. */
export function randomBytesHex(length: number): string {
  if (used + length > POOL.length) {
    fill(POOL);
    used = 0;
  }
  let hex = '';
  for (let i = 0; i < length; i++) hex += HEX[POOL[used + i]!];
  POOL.fill(0, used, used + length);
  used += length;
  return hex;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Twelve bits; then the next millisecond is used before it has come. */
const MAX_COUNT = 0xfff;

let lastMs = 0;
let counter = 0;

export function newId(nowMs: number): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = 0;
  } else if (++counter > MAX_COUNT) {
    lastMs++;
    counter = 0;
  }
  return uuidV7(lastMs, counter, randomBytesHex(8));
}
