import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { uuidV7 } from '../core/entry/id.ts';
import type { Clock } from '../ports/clock.ts';
import type { PeopleStore } from '../ports/people.ts';
import type { ApiKey, IdentityStore, Organization } from '../ports/store.ts';
import { type Action, type Denied, denied, type PersonRole, type Scope } from './permissions.ts';

/** Ids of organizations and keys: few, so each takes its own random bytes. */
export const newIdentity = (nowMs: number): string => uuidV7(nowMs, 0, randomBytes(8).toString('hex'));

/** `kz_` ‖ id of the key without hyphens ‖ `_` ‖ 32 random bytes in base64url. */
const KEY = /^kz_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;

/** The secret has 256 random bits: a plain hash is enough, there is nothing to guess. */
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

type Wanted = Pick<ApiKey, 'organization' | 'label' | 'scopes' | 'expiresMs'>;

export type KeyStore = IdentityStore & Pick<PeopleStore, 'recordKeyMaker'>;

/** Stores a key; with the person (`maker`) whose right to be here it stands and falls, undefined where nobody's. */
export async function addMadeKey(store: KeyStore, key: ApiKey, maker: string | undefined): Promise<void> {
  if (maker !== undefined) await store.recordKeyMaker(key.id, maker, key.organization);
  await store.addApiKey(key);
}

/** A key that was just made; `clear` is told once and kept nowhere. */
export interface NewKey {
  readonly id: string;
  readonly clear: string;
}

function newKey(wanted: Wanted, nowMs: number): { readonly key: ApiKey; readonly clear: string } {
  const id = newIdentity(nowMs);
  const secret = randomBytes(32).toString('base64url');
  const key = { ...wanted, id, secretHash: hashOf(secret), createdMs: nowMs, revokedMs: undefined };
  return { key, clear: `kz_${id.replaceAll('-', '')}_${secret}` };
}

/** Makes a key and stores its hash. */
export async function createApiKey(
  store: KeyStore,
  wanted: Wanted & { readonly scopes: readonly Scope[] },
  nowMs: number,
  maker?: string,
): Promise<NewKey> {
  const { key, clear } = newKey(wanted, nowMs);
  await addMadeKey(store, key, maker);
  return { id: key.id, clear };
}

/** How long an old key may go on beside the new one: until the last machine has it. */
export const OVERLAP_HOURS = { least: 0, usual: 24, most: 168 } as const;

/**
 * A new key in place of an old one, with the same rights and the same end; the old one goes on for the overlap and no
 * longer than it would have. Undefined where the old one counts no more.
 */
export async function rotateApiKey(
  store: KeyStore,
  old: ApiKey,
  overlapHours: number,
  nowMs: number,
  maker?: string,
): Promise<(NewKey & { readonly oldUntilMs: number }) | undefined> {
  const { organization, label, scopes, expiresMs } = old;
  const { key, clear } = newKey({ organization, label, scopes, expiresMs }, nowMs);
  const oldUntilMs = Math.min(nowMs + overlapHours * 3_600_000, expiresMs ?? Number.POSITIVE_INFINITY);
  if (maker !== undefined) await store.recordKeyMaker(key.id, maker, organization);
  if (!(await store.replaceApiKey(old.id, oldUntilMs, key, nowMs))) return undefined;
  return { id: key.id, clear, oldUntilMs };
}

export interface Caller {
  /** of the key; of a person that of his session */
  readonly keyId: string;
  readonly organization: Organization;
  /** of the key; a person has none */
  readonly scopes: readonly string[];
  /** undefined: a machine, by a key */
  readonly person?: { readonly id: string; readonly name: string; readonly roles: readonly PersonRole[] };
}

/** Whether the caller may do this, by the table; undefined where he may. */
export const deniedTo = (action: Action, { organization, person, scopes }: Caller): Denied | undefined =>
  denied(action, { organizationRole: organization.role, roles: person?.roles, scopes });

export type KeyRefusal = 'not-authenticated' | 'key-expired' | 'key-revoked';

/** How long a key that was found good is believed without asking the store: so long a revocation may take. */
const REMEMBER_MS = 1_000;
/** Keys remembered at once; above it the memory starts anew, so that nobody can fill it. */
const REMEMBER_KEYS = 10_000;

/** Says who calls. An unknown key and a wrong secret are told apart by nothing, not even by time. */
export function keyChecker(
  store: IdentityStore,
  clock: Clock,
  used: (key: string, atMs: number) => void = () => {},
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
    // Once for as long as it is remembered: what is asked for again and again has nothing more to do.
    used(key.id, nowMs);
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

/** Why a key counts no longer; undefined where it does. */
export function isOver({ revokedMs, expiresMs }: ApiKey, nowMs: number): KeyRefusal | undefined {
  if (revokedMs !== undefined) return 'key-revoked';
  return expiresMs !== undefined && expiresMs <= nowMs ? 'key-expired' : undefined;
}

/** The organization behind a key that was found good. */
export async function callerOf(store: IdentityStore, key: ApiKey): Promise<Caller> {
  const organization = await store.organization(key.organization);
  if (organization === undefined) throw new Error(`key ${key.id} belongs to no organization`);
  return { keyId: key.id, organization, scopes: key.scopes };
}
