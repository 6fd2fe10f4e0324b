import { createPublicKey } from 'node:crypto';
import process from 'node:process';
import { eventRecorder } from '../identity/account-events.ts';
import { createApiKey, OVERLAP_HOURS, rotateApiKey } from '../identity/api-keys.ts';
import { algorithmOf } from '../identity/http-signatures.ts';
import { isScope, SCOPES, type Scope } from '../identity/permissions.ts';
import { registerSigningKey } from '../identity/signed-calls.ts';
import { type ApiKey, OWN_IDS } from '../ports/store.ts';
import { withStore } from './data.ts';
import { refuseUnknown } from './organization.ts';
import { MAX_PEM_BYTES, readSmall } from './read-small.ts';
import { EXIT, parse, printable, UsageError } from './usage.ts';

const DAY_MS = 86_400_000;

export async function keysCommand(args: readonly string[]): Promise<number> {
  const [action, ...rest] = args;
  if (action === 'create') return create(rest);
  if (action === 'register') return register(rest);
  if (action === 'rotate') return rotate(rest);
  if (action === 'list') return list(rest);
  if (action === 'revoke') return revoke(rest);
  throw new UsageError('keys create|register|rotate|list|revoke');
}

const OPTIONS = {
  label: { type: 'string' },
  scopes: { type: 'string' },
  expires: { type: 'string' },
} as const;

interface Wanted {
  readonly organization: string;
  readonly label: string;
  readonly scopes: readonly Scope[];
  readonly expiresMs: number | undefined;
}

function wanted(
  organization: string | undefined,
  values: { readonly label?: string; readonly scopes?: string; readonly expires?: string },
  nowMs: number,
): Wanted {
  if (organization === undefined)
    throw new UsageError('缺少机构编号 / the id of the organization is missing');
  // Nobody deposits for it: its entries are digests, which are read nowhere as evidence.
  if (OWN_IDS.includes(organization))
    throw new UsageError(
      '该机构只属于服务自身的条目，不发密钥 / this organization holds what the service records of itself, and gets no keys',
    );
  const scopes = (values.scopes ?? SCOPES.join(',')).split(',');
  if (!scopes.every(isScope)) throw new UsageError(`--scopes: ${SCOPES.join(',')}`);
  const days = values.expires === undefined ? undefined : Number(values.expires);
  if (days !== undefined && !(Number.isInteger(days) && days > 0 && days < 36_500))
    throw new UsageError('--expires 应为天数 / is a number of days');
  const expiresMs = days === undefined ? undefined : nowMs + days * DAY_MS;
  return { organization, label: values.label ?? '', scopes, expiresMs };
}

/** The key itself goes to standard output and nowhere else; everything about it to standard error. */
async function create(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, OPTIONS);
  const nowMs = Date.now();
  const of = wanted(positionals[0], values, nowMs);
  const key = await withStore(async (store) => {
    await refuseUnknown(store, of.organization);
    return createApiKey(store, of, nowMs);
  });
  process.stderr.write(`密钥 ${key.id}，只显示这一次 / shown this once:\n`);
  process.stdout.write(`${key.clear}\n`);
  return EXIT.valid;
}

/** The public half of a key whose private half stays with the machine that signs. Its id is the `keyid` of signatures. */
async function register(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, OPTIONS);
  const [organization, path] = positionals;
  const nowMs = Date.now();
  const of = wanted(organization, values, nowMs);
  if (path === undefined) throw new UsageError('缺少公钥文件 / the file of the public key is missing');
  const spki = await publicKeyIn(path);
  const id = await withStore(async (store) => {
    await refuseUnknown(store, of.organization);
    return registerSigningKey(store, { ...of, spki }, nowMs);
  });
  if (id === undefined)
    throw new UsageError(
      '该公钥已为该机构登记，或曾经登记 / this public key is registered for this organization, or was',
    );
  process.stderr.write('请求签名（RFC 9421）的 keyid / the keyid of signatures:\n');
  process.stdout.write(`${id}\n`);
  return EXIT.valid;
}

async function publicKeyIn(path: string): Promise<Uint8Array> {
  const pem = Buffer.from(await readSmall(path, MAX_PEM_BYTES)).toString('latin1');
  // What was to stay with its owner is not taken, however it got here.
  if (pem.includes('PRIVATE KEY'))
    throw new UsageError(`${path} 是私钥；请只给出公钥 / is a private key: give the public one alone`);
  try {
    const key = createPublicKey(pem);
    if (algorithmOf(key) !== undefined) return key.export({ format: 'der', type: 'spki' });
  } catch {
    // Told below.
  }
  throw new UsageError(
    `${path} 应为 Ed25519 或 P-256 的公钥（PEM） / is no public key (PEM) of Ed25519 or P-256`,
  );
}

async function list(args: readonly string[]): Promise<number> {
  const [organization] = parse(args, {}).positionals;
  const keys = await withStore(async (store) => {
    if (organization !== undefined) await refuseUnknown(store, organization);
    const found = await store.apiKeys(organization);
    const uses = await store.keyUses(found.map(({ id }) => id));
    return found.map((key, i) => ({ key, usedMs: uses[i] }));
  });
  const nowMs = Date.now();
  for (const { key, usedMs } of keys)
    process.stdout.write(
      `${key.id}  ${key.organization}  ${stateOf(key, nowMs)}  ${usedOf(usedMs)}  ${key.scopes.join(',')}  ${key.publicKey === undefined ? '' : '请求签名 signing  '}${printable(key.label)}\n`,
    );
  return EXIT.valid;
}

function stateOf({ expiresMs, revokedMs }: ApiKey, nowMs: number): string {
  if (revokedMs !== undefined) return `已吊销 revoked ${instant(revokedMs)}`;
  if (expiresMs === undefined) return '有效 valid, 不过期 never expires';
  return expiresMs <= nowMs
    ? `已过期 expired ${instant(expiresMs)}`
    : `有效 valid, 至 until ${instant(expiresMs)}`;
}

const usedOf = (ms: number | undefined): string =>
  ms === undefined ? '未曾使用 never used' : `最近使用 last used ${instant(ms)}`;

const instant = (ms: number): string => new Date(ms).toISOString();

/** A new key in place of an old one, which goes on until every machine has the new one. */
async function rotate(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { overlap: { type: 'string' } });
  const id = wantedId(positionals[0]);
  const { least, usual, most } = OVERLAP_HOURS;
  const hours = values.overlap === undefined ? usual : Number(values.overlap);
  if (!(Number.isInteger(hours) && hours >= least && hours <= most))
    throw new UsageError(`--overlap 应为 ${least} 至 ${most} 的整数（小时） / is a whole number of hours`);
  const nowMs = Date.now();
  const rotated = await withStore(async (store) => {
    const old = await store.apiKey(id);
    if (old === undefined) throw new UsageError(`没有密钥 ${id} / there is no key ${id}`);
    const made = old.publicKey === undefined ? await rotateApiKey(store, old, hours, nowMs) : undefined;
    if (made === undefined)
      throw new UsageError(
        `密钥 ${id} 已失效，或用于请求签名 / the key ${id} counts no more, or signs requests`,
      );
    const record = eventRecorder(store, { nowMs: () => nowMs });
    const detail = { key: made.id, old: id, hours, by: 'command-line' };
    await record('key-rotated', { organization: old.organization }, detail);
    return made;
  });
  process.stderr.write(
    `密钥 ${rotated.id}，只显示这一次；旧的用到 / shown this once; the old one goes on until ${instant(rotated.oldUntilMs)}:\n`,
  );
  process.stdout.write(`${rotated.clear}\n`);
  return EXIT.valid;
}

/** Takes the id, or the whole key where somebody has nothing else; of a key nothing but its id is ever repeated. */
function wantedId(given: string | undefined): string {
  if (given === undefined) throw new UsageError('缺少密钥编号 / the id of the key is missing');
  const id = idIn(given);
  if (id === undefined)
    throw new UsageError(
      '这不是密钥编号，也不是密钥；编号见 keys list 的第一列 / this is neither the id of a key nor a key; ids are in the first column of keys list',
    );
  return id;
}

async function revoke(args: readonly string[]): Promise<number> {
  const id = wantedId(parse(args, {}).positionals[0]);
  const nowMs = Date.now();
  const { done, before } = await withStore(async (store) => ({
    before: await store.apiKey(id),
    done: await store.revokeApiKey(id, nowMs),
  }));
  if (before === undefined) throw new UsageError(`没有密钥 ${id} / there is no key ${id}`);
  if (!done) throw new UsageError(`密钥 ${id} 此前已吊销 / the key ${id} was revoked before`);
  process.stderr.write(`已吊销 ${id} / revoked\n`);
  return EXIT.valid;
}

/** `kz_` ‖ id without hyphens ‖ `_` ‖ secret, or the id as `keys list` shows it. */
function idIn(given: string): string | undefined {
  const hex = /^kz_([0-9a-f]{32})(?:_|$)/.exec(given)?.[1] ?? given.toLowerCase().replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/.test(hex)) return undefined;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
