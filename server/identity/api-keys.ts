import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { uuidV7 } from '../core/entry/id.ts';
import type { Clock } from '../ports/clock.ts';
import type { ApiKey, IdentityStore, Organization } from '../ports/store.ts';
import type { UsedOnce } from '../ports/used-once.ts';
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

export const SCOPES = ['evidence:write', 'evidence:read'] as const;
export type Scope = (typeof SCOPES)[number];

export const isScope = (word: string): word is Scope => (SCOPES as readonly string[]).includes(word);

/** Ids of organizations and keys: few, so each takes its own random bytes. */
export const newIdentity = (nowMs: number): string => uuidV7(nowMs, 0, randomBytes(8).toString('hex'));

/** `kz_` ‖ id of the key without hyphens ‖ `_` ‖ 32 random bytes in base64url. */
const KEY = /^kz_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;

/** The secret has 256 random bits: a plain hash is enough, there is nothing to guess. */
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Makes a key and stores its hash; the clear text is returned once and kept nowhere. */
export async function createApiKey(
  store: IdentityStore,
  key: { organization: string; label: string; scopes: readonly Scope[]; expiresMs: number | undefined },
  nowMs: number,
): Promise<{ readonly id: string; readonly clear: string }> {
  const id = newIdentity(nowMs);
  const secret = randomBytes(32).toString('base64url');
  await store.addApiKey({ ...key, id, secretHash: hashOf(secret), createdMs: nowMs, revokedMs: undefined });
  return { id, clear: `kz_${id.replaceAll('-', '')}_${secret}` };
}

export interface Caller {
  readonly keyId: string;
  readonly organization: Organization;
  readonly scopes: readonly string[];
}

export type KeyRefusal = 'not-authenticated' | 'key-expired' | 'key-revoked';

/** How long a key that was found good is believed without asking the store: so long a revocation may take. */
const REMEMBER_MS = 1_000;
/** Keys remembered at once; above it the memory starts anew, so that nobody can fill it. */
const REMEMBER_KEYS = 10_000;

/** Says who calls. An unknown key and a wrong secret are told apart by nothing, not even by time. */
export function keyChecker(
  store: IdentityStore,
  clock: Clock,
): (clear: string) => Promise<Caller | KeyRefusal> | Caller {
  const remembered = new Map<string, { caller: Caller; untilMs: number }>();
  const check = async (clear: string): Promise<Caller | KeyRefusal> => {
    const [, hex, secret] = KEY.exec(clear) ?? [];
    if (hex === undefined || secret === undefined) return 'not-authenticated';
    const key = await store.apiKey(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
    const given = Buffer.from(hashOf(secret), 'hex');
    const right = timingSafeEqual(given, Buffer.from(key?.secretHash || '00'.repeat(32), 'hex'));
    if (key === undefined || !right) return 'not-authenticated';
    const nowMs = clock.nowMs();
    const over = isOver(key, nowMs);
    if (over !== undefined) return over;
    const caller = await callerOf(store, key);
    if (remembered.size >= REMEMBER_KEYS) remembered.clear();
    const untilMs = Math.min(nowMs + REMEMBER_MS, key.expiresMs ?? Number.POSITIVE_INFINITY);
    remembered.set(clear, { caller, untilMs });
    return caller;
  };
  return (clear) => {
    const known = remembered.get(clear);
    return known !== undefined && known.untilMs > clock.nowMs() ? known.caller : check(clear);
  };
}

function isOver({ revokedMs, expiresMs }: ApiKey, nowMs: number): KeyRefusal | undefined {
  if (revokedMs !== undefined) return 'key-revoked';
  return expiresMs !== undefined && expiresMs <= nowMs ? 'key-expired' : undefined;
}

// ---------------------------------------------------------------- keys that sign requests

/** Registers a public key (SubjectPublicKeyInfo, DER); its id is the `keyid` of its signatures. */
export async function registerSigningKey(
  store: IdentityStore,
  key: {
    organization: string;
    label: string;
    scopes: readonly Scope[];
    expiresMs: number | undefined;
    spki: Uint8Array;
  },
  nowMs: number,
): Promise<string> {
  const { spki, ...rest } = key;
  const id = newIdentity(nowMs);
  const publicKey = Buffer.from(spki).toString('base64');
  await store.addApiKey({ ...rest, id, secretHash: '', publicKey, createdMs: nowMs, revokedMs: undefined });
  return id;
}

export interface SignedCalls {
  /** Who signed; throws SignatureRefused. A signature is good once. */
  check(message: SignedMessage): Promise<Caller | KeyRefusal | 'signature-replayed'>;
  /** Whether a key that was good is so still. */
  isGood(keyId: string): Promise<boolean>;
}

const KEY_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function signedCalls(store: IdentityStore, clock: Clock, used: UsedOnce): SignedCalls {
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
        return isFirst ? callerOf(store, key) : 'signature-replayed';
      }
      return 'not-authenticated';
    },
    async isGood(keyId) {
      const key = await store.apiKey(keyId);
      return key !== undefined && isOver(key, clock.nowMs()) === undefined;
    },
  };
}

async function callerOf(store: IdentityStore, key: ApiKey): Promise<Caller> {
  const organization = await store.organization(key.organization);
  if (organization === undefined) throw new Error(`key ${key.id} belongs to no organization`);
  return { keyId: key.id, organization, scopes: key.scopes };
}
