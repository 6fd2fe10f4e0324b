import { createHash } from 'node:crypto';
import type { Clock } from '../ports/clock.ts';
import type { ApiKey, IdentityStore } from '../ports/store.ts';
import type { UsedOnce } from '../ports/used-once.ts';
import {
  addMadeKey,
  type Caller,
  callerOf,
  isOver,
  type KeyRefusal,
  type KeyStore,
  newIdentity,
} from './api-keys.ts';
import {
  type MessageSignature,
  requireCovered,
  SIGNATURE_AHEAD_MS,
  SignatureRefused,
  type SignedMessage,
  signatureBase,
  signaturesOf,
  verifySignature,
} from './http-signatures.ts';
import type { Scope } from './permissions.ts';

/* Who calls, where requests are signed (RFC 9421) instead of bearing a key. */

/**
 * Registers a public key (SubjectPublicKeyInfo, DER); its id is the `keyid` of its signatures. Undefined where the
 * organization has this key, or had it: one that was revoked does not come back under another id.
 */
export async function registerSigningKey(
  store: KeyStore,
  key: {
    organization: string;
    label: string;
    scopes: readonly Scope[];
    expiresMs: number | undefined;
    spki: Uint8Array;
  },
  nowMs: number,
  maker?: string,
): Promise<string | undefined> {
  const { spki, ...rest } = key;
  const publicKey = Buffer.from(spki).toString('base64');
  const known = await store.apiKeys(key.organization);
  if (known.some((one) => one.publicKey === publicKey)) return undefined;
  const id = newIdentity(nowMs);
  const made = { ...rest, id, secretHash: '', publicKey, createdMs: nowMs, revokedMs: undefined };
  await addMadeKey(store, made, maker);
  return id;
}

export interface SignedCalls {
  /** Who signed; throws SignatureRefused. A signature is good once. */
  check(message: SignedMessage): Promise<Caller | KeyRefusal | 'signature-replayed'>;
  /** Whether a key that was good is so still. */
  isGood(keyId: string): Promise<boolean>;
}

const KEY_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function signedCalls(
  store: IdentityStore,
  clock: Clock,
  used: UsedOnce,
  keyUsed: (key: string, atMs: number) => void = () => {},
): SignedCalls {
  async function keyOf({ keyId }: MessageSignature): Promise<ApiKey | undefined> {
    const key = KEY_ID.test(keyId) ? await store.apiKey(keyId) : undefined;
    return key?.publicKey === undefined ? undefined : key;
  }

  /** By what was signed and not by the signature: the same text has others that hold as well. */
  function nameOf(message: SignedMessage, { keyId, input }: MessageSignature): string {
    const base = createHash('sha256').update(signatureBase(message, input), 'latin1').digest('base64');
    return `${keyId} ${base}`;
  }

  return {
    async check(message) {
      for (const signed of signaturesOf(message)) {
        const key = await keyOf(signed);
        // Others may sign too, on the way.
        if (key === undefined) continue;
        const nowMs = clock.nowMs();
        requireCovered(message, signed, nowMs);
        // Before the start it may have been used already, also one that was made a little ahead of its time.
        if (signed.created! * 1_000 < used.sinceMs + SIGNATURE_AHEAD_MS)
          throw new SignatureRefused('signature-out-of-date', { created: signed.created! });
        if (!verifySignature(message, signed, Buffer.from(key.publicKey!, 'base64')))
          throw new SignatureRefused('signature-wrong');
        const over = isOver(key, nowMs);
        if (over !== undefined) return over;
        const isFirst = await used.use(key.organization, nameOf(message, signed), nowMs);
        if (!isFirst) return 'signature-replayed';
        keyUsed(key.id, nowMs);
        return callerOf(store, key);
      }
      return 'not-authenticated';
    },
    async isGood(keyId) {
      const key = await store.apiKey(keyId);
      return key !== undefined && isOver(key, clock.nowMs()) === undefined;
    },
  };
}
