import process from 'node:process';
import { newIdentity } from '../identity/api-keys.ts';
import type { OrganizationRole } from '../ports/store.ts';
import { withStore } from './data.ts';
import { EXIT, parse, printable, UsageError } from './usage.ts';

const ROLES: readonly OrganizationRole[] = ['depositor', 'notary', 'court', 'operator'];

export async function orgsCommand(args: readonly string[]): Promise<number> {
  const [action, ...rest] = args;
  if (action === 'list') return list();
  if (action === 'add') return add(rest);
  throw new UsageError('orgs add|list');
}

async function list(): Promise<number> {
  const organizations = await withStore((store) => store.organizations());
  for (const { id, role, name } of organizations)
    process.stdout.write(`${id}  ${role}  ${printable(name)}\n`);
  return EXIT.valid;
}

async function add(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { role: { type: 'string' }, uscc: { type: 'string' } });
  const name = positionals.join(' ').trim();
  const role = ROLES.find((known) => known === (values.role ?? 'depositor'));
  if (name === '' || name.length > 200 || printable(name) !== name)
    throw new UsageError('机构名称须为 1 至 200 个可见字符 / the name has 1 to 200 visible characters');
  if (role === undefined) throw new UsageError(`--role: ${ROLES.join(', ')}`);
  const nowMs = Date.now();
  const id = newIdentity(nowMs);
  await withStore((store) => store.addOrganization({ id, name, role, uscc: values.uscc, createdMs: nowMs }));
  process.stdout.write(`${id}\n`);
  return EXIT.valid;
}
