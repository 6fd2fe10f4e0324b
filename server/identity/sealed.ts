import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { ReadDataKeys } from '../ports/data-keys.ts';
import type { SealedKind, Sealing } from '../ports/sealing.ts';

/*
 * What has to be read again and must not be read out of a copied database: AES-256-GCM (NIST SP 800-38D) under the
 * service's data key. Bytes: name of the key (8) ‖ nonce (12) ‖ encrypted ‖ tag (16). What it is and whose goes in as
 * associated data: a sealed value that somebody puts into another row does not open there.
 */

/** A sealed value cannot be read: it is kept as it is, and nothing is put in its place. */
export class Unsealable extends Error {
  readonly code: 'key-missing' | 'value-damaged';
  /** name of the key, hex */
  readonly key: string;

  constructor(code: Unsealable['code'], key: string, what: string, cause?: unknown) {
    super(
      code === 'key-missing'
        ? `KEZHENG_DATA_KEY_FILE：其中没有密钥 ${key}，${what} 无法解开 / has no key ${key}: ${what} cannot be opened`
        : `${what}（密钥 ${key}）已损坏或被移动 / sealed under key ${key}, is damaged or was moved from another place`,
      { cause },
    );
    this.name = 'Unsealable';
    this.code = code;
    this.key = key;
  }
}

export const KEY_NAME_BYTES = 8;
/** SP 800-38D §8.2: 96 bits need no hashing; at random, one key is good for 2^32 values (§8.3), more than there are people. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LEAST_BYTES = KEY_NAME_BYTES + NONCE_BYTES + TAG_BYTES;

/** A key's name says nothing of it, and two keys do not share one. */
export const nameOfKey = (key: Uint8Array): Buffer =>
  createHash('sha256').update('kezheng data key\0').update(key).digest().subarray(0, KEY_NAME_BYTES);

/** No part holds a zero byte, so two rows never give the same. */
const associated = (name: Uint8Array, what: SealedKind, whose: string): Buffer =>
  Buffer.concat([Buffer.from(`kezheng-sealed/1\0${what}\0${whose}\0`), name]);

const keyNameOf = (sealed: Uint8Array): string =>
  Buffer.from(sealed.subarray(0, KEY_NAME_BYTES)).toString('hex');

/** Throws Unsealable. */
export function sealingWith(readKeys: ReadDataKeys): Sealing {
  async function keyOf(sealed: Uint8Array, what: SealedKind): Promise<Uint8Array> {
    const name = keyNameOf(sealed);
    if (sealed.length < LEAST_BYTES) throw new Unsealable('value-damaged', name, what);
    const key = (await readKeys()).find((one) => nameOfKey(one).toString('hex') === name);
    if (key === undefined) throw new Unsealable('key-missing', name, what);
    return key;
  }

  const sealing: Sealing = {
    async seal(what, whose, clear) {
      const [key] = await readKeys();
      return sealUnder(key, associated(nameOfKey(key), what, whose), clear);
    },
    async open(what, whose, sealed) {
      const key = await keyOf(sealed, what);
      try {
        return openUnder(key, associated(nameOfKey(key), what, whose), sealed);
      } catch (error) {
        throw new Unsealable('value-damaged', keyNameOf(sealed), what, error);
      }
    },
    async renew(what, whose, sealed) {
      const [first] = await readKeys();
      // Opened all the same: what is damaged is told now, and not when it is needed.
      const clear = await sealing.open(what, whose, sealed);
      return nameOfKey(first).toString('hex') === keyNameOf(sealed)
        ? undefined
        : sealing.seal(what, whose, clear);
    },
  };
  return sealing;
}

function sealUnder(key: Uint8Array, data: Uint8Array, clear: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(data);
  const encrypted = Buffer.concat([cipher.update(clear), cipher.final()]);
  return new Uint8Array(Buffer.concat([nameOfKey(key), nonce, encrypted, cipher.getAuthTag()]));
}

function openUnder(key: Uint8Array, data: Uint8Array, sealed: Uint8Array): Uint8Array {
  const nonce = sealed.subarray(KEY_NAME_BYTES, KEY_NAME_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(data)
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  const encrypted = sealed.subarray(KEY_NAME_BYTES + NONCE_BYTES, -TAG_BYTES);
  return new Uint8Array(Buffer.concat([decipher.update(encrypted), decipher.final()]));
}
