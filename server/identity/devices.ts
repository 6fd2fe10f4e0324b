import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../ports/clock.ts';
import type { ReadDataKeys } from '../ports/data-keys.ts';

/*
 * A mark that a browser keeps after somebody signed in there in full. It opens nothing: wrong passwords from there are
 * counted apart from those of strangers, so that whoever knows a login alone cannot keep its owner out of his own
 * browser. Nothing is stored: end (6 bytes, Unix milliseconds) ‖ 32 random ones ‖ HMAC-SHA256 over whose it is and both.
 */

export const DEVICE_MS = 365 * 86_400_000;
const END_BYTES = 6;
const SAID_BYTES = END_BYTES + 32;
const MARK = /^[A-Za-z0-9_-]{94}$/;

export interface Devices {
  mark(person: string): Promise<string>;
  /**
   * Under which name guesses at this person are counted that come from there; undefined where the mark is another
   * person's, over, or none of ours.
   */
  accountOf(person: string, mark: string): Promise<string | undefined>;
}

/** What seals is used for nothing else: the key of marks comes out of it by HKDF (RFC 5869). */
function tagOf(dataKey: Uint8Array, person: string, said: Uint8Array): Buffer {
  const key = new Uint8Array(hkdfSync('sha256', dataKey, '', 'kezheng device mark/1', 32));
  return createHmac('sha256', key).update(`${person}\0`).update(said).digest();
}

/** Marks under a data key that is taken away are strangers' from then on; the next sign-in gives a new one. */
export function createDevices(readKeys: ReadDataKeys, clock: Clock): Devices {
  return {
    async mark(person) {
      const [key] = await readKeys();
      const said = Buffer.concat([Buffer.alloc(END_BYTES), randomBytes(SAID_BYTES - END_BYTES)]);
      said.writeUIntBE(clock.nowMs() + DEVICE_MS, 0, END_BYTES);
      return Buffer.concat([said, tagOf(key, person, said)]).toString('base64url');
    },
    async accountOf(person, mark) {
      if (!MARK.test(mark)) return undefined;
      const bytes = Buffer.from(mark, 'base64url');
      const [said, tag] = [bytes.subarray(0, SAID_BYTES), bytes.subarray(SAID_BYTES)];
      const isOurs = (await readKeys()).some((key) => timingSafeEqual(tagOf(key, person, said), tag));
      if (!isOurs || said.readUIntBE(0, END_BYTES) <= clock.nowMs()) return undefined;
      return `device:${createHash('sha256').update(said).digest('hex')}`;
    },
  };
}
