import { randomFillSync } from 'node:crypto';

/*
 * UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, 12 bits that count within one (method 1 of §6.2), 62 random
 * bits. Ids of one process always increase, also when its clock is set back: the time in an id is then the last one
 * seen, while `receivedAt` in a manifest is what the clock said.
 */

const POOL = new Uint8Array(8 * 1024);
let used = POOL.length;

/** Random bytes come from the system in blocks: one call for each id costs more than all the rest. */
export function randomBytesHex(length: number): string {
  if (used + length > POOL.length) {
    randomFillSync(POOL);
    used = 0;
  }
  let hex = '';
  for (let i = 0; i < length; i++) hex += HEX[POOL[used + i]!];
  POOL.fill(0, used, used + length);
  used += length;
  return hex;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

let lastMs = 0;
let counter = 0;

export function newId(nowMs: number): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMs++;
    counter = 0;
  }
  const time = lastMs.toString(16).padStart(12, '0');
  const random = randomBytesHex(8);
  const variant = ((Number.parseInt(random[0]!, 16) & 3) | 8).toString(16);
  const count = counter.toString(16).padStart(3, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${variant}${random.slice(1, 4)}-${random.slice(4)}`;
}

/** The smallest id of this millisecond: a bound for looking up by time. */
export const firstIdOf = (ms: number): string => {
  const time = Math.max(0, Math.min(ms, 2 ** 48 - 1))
    .toString(16)
    .padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
};
