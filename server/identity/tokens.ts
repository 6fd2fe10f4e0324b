import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 random bits: nothing to guess, so that a plain hash keeps it. */
export const newToken = (): string => randomBytes(32).toString('base64url');

const TOKEN = /^[A-Za-z0-9_-]{43}$/;
export const isToken = (given: string): boolean => TOKEN.test(given);

export const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * What a page shows beside the cookie to prove that it is ours: whoever makes a browser send the cookie does not know
 * it, and it gives nothing of the cookie away.
 */
export const csrfOf = (token: string): string =>
  createHmac('sha256', token).update('kezheng csrf').digest('base64url');

export function isCsrf(token: string, given: string): boolean {
  const [wanted, got] = [Buffer.from(csrfOf(token)), Buffer.from(given)];
  return wanted.length === got.length && timingSafeEqual(wanted, got);
}
