import { isIPv6 } from 'node:net';
import type { Clock } from '../ports/clock.ts';
import type { RateLimits } from '../ports/limits.ts';

/** Wrong ones of one address in an hour, of whatever logins: an office mistypes less, and a list of logins is longer. */
export const MOST_WRONG = 100;
const HOUR_MS = 3_600_000;
/** Above it the memory starts anew: the shared count brings back whoever goes on. */
const REMEMBERED = 10_000;

export interface Addresses {
  /** until when nothing from there is looked at; 0 where it may come */
  waitsUntil(address: string): number;
  failed(address: string): Promise<void>;
}

/** Counted over all instances; each learns that an address has had enough by one more wrong one from there. */
export function createAddresses(limits: RateLimits, clock: Clock): Addresses {
  const over = new Map<string, number>();
  return {
    waitsUntil(address) {
      const untilMs = over.get(networkOf(address)) ?? 0;
      return untilMs > clock.nowMs() ? untilMs : 0;
    },
    async failed(address) {
      const network = networkOf(address);
      const { count, endsMs } = await limits.hit(`sign-in-failed ${network}`, HOUR_MS, clock.nowMs());
      if (count < MOST_WRONG) return;
      if (over.size >= REMEMBERED) over.clear();
      over.set(network, endsMs);
    },
  };
}

/** Of IPv6 the first 64 bits (RFC 4291 §2.5.4): the rest is for every machine to choose. */
export function networkOf(address: string): string {
  const plain = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  if (!isIPv6(plain)) return plain;
  // Of the last 32 bits, which may stand there as IPv4, nothing is kept.
  const [head = '', tail] = plain
    .replace(/%.*$/, '')
    .replace(/[\d.]+\.\d+$/, '0:0')
    .split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array<string>(gap).fill('0'), ...after];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
