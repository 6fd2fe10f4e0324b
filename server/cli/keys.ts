import process from 'node:process';
import { createApiKey, isScope, SCOPES } from '../identity/api-keys.ts';
import { withStore } from './data.ts';
import { EXIT, parse, printable, UsageError } from './usage.ts';

const DAY_MS = 86_400_000;

export async function keysCommand(args: readonly string[]): Promise<number> {
  const [action, ...rest] = args;
  if (action === 'create') return create(rest);
  if (action === 'list') return list(rest);
  if (action === 'revoke') return revoke(rest);
  throw new UsageError('keys create|list|revoke');
}

/** The key itself goes to standard output and nowhere else; everything about it to standard error. */
async function create(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    label: { type: 'string' },
    scopes: { type: 'string' },
    expires: { type: 'string' },
  });
  const [organization] = positionals;
  if (organization === undefined) throw new UsageError('缺少机构 / the organization is missing');
  const scopes = (values.scopes ?? SCOPES.join(',')).split(',');
  if (!scopes.every(isScope)) throw new UsageError(`--scopes: ${SCOPES.join(',')}`);
  const days = values.expires === undefined ? undefined : Number(values.expires);
  if (days !== undefined && !(Number.isInteger(days) && days > 0 && days < 36_500))
    throw new UsageError('--expires 应为天数 / is a number of days');
  const nowMs = Date.now();
  const key = await withStore(async (store) => {
    if ((await store.organization(organization)) === undefined)
      throw new UsageError(`没有机构 ${organization} / there is no such organization`);
    const expiresMs = days === undefined ? undefined : nowMs + days * DAY_MS;
    return createApiKey(store, { organization, label: values.label ?? '', scopes, expiresMs }, nowMs);
  });
  process.stderr.write(`密钥 ${key.id}，只显示这一次 / shown this once:\n`);
  process.stdout.write(`${key.clear}\n`);
  return EXIT.valid;
}

async function list([organization]: readonly string[]): Promise<number> {
  const keys = await withStore((store) => store.apiKeys(organization));
  const nowMs = Date.now();
  for (const key of keys) {
    const expired = key.expiresMs !== undefined && key.expiresMs <= nowMs;
    const state = key.revokedMs !== undefined ? '已吊销 revoked' : expired ? '已过期 expired' : '有效 valid';
    process.stdout.write(
      `${key.id}  ${key.organization}  ${state}  ${key.scopes.join(',')}  ${printable(key.label)}\n`,
    );
  }
  return EXIT.valid;
}

async function revoke([id]: readonly string[]): Promise<number> {
  if (id === undefined) throw new UsageError('缺少密钥编号 / the id of the key is missing');
  const done = await withStore((store) => store.revokeApiKey(id, Date.now()));
  if (!done) throw new UsageError(`没有有效的密钥 ${id} / there is no such key in force`);
  process.stderr.write('已吊销 / revoked\n');
  return EXIT.valid;
}
