import process from 'node:process';
import { newIdentity } from '../identity/api-keys.ts';
import { ORGANIZATION_ROLES } from '../identity/permissions.ts';
import { isUscc } from '../identity/uscc.ts';
import type { Store } from '../ports/store.ts';
import { withStore } from './data.ts';
import { EXIT, parse, printable, UsageError } from './usage.ts';

export async function orgsCommand(args: readonly string[]): Promise<number> {
  const [action, ...rest] = args;
  if (action === 'list') return list();
  if (action === 'add') return add(rest);
  throw new UsageError('orgs add|list');
}

/** The id comes first: it is what `keys create` asks for. */
async function list(): Promise<number> {
  const organizations = await withStore((store) => store.organizations());
  for (const { id, role, name } of organizations)
    process.stdout.write(`${id}  ${role}  ${printable(name)}\n`);
  return EXIT.valid;
}

/** The same name again is mostly the same command again: it takes a word that says that another one is meant. */
async function add(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    role: { type: 'string' },
    uscc: { type: 'string' },
    again: { type: 'boolean' },
  });
  const name = positionals.join(' ').trim();
  const role = ORGANIZATION_ROLES.find((known) => known === (values.role ?? 'depositor'));
  if (name === '' || name.length > 200 || printable(name) !== name)
    throw new UsageError('机构名称须为 1 至 200 个可见字符 / the name has 1 to 200 visible characters');
  if (role === undefined) throw new UsageError(`--role: ${ORGANIZATION_ROLES.join(', ')}`);
  if (values.uscc !== undefined && !isUscc(values.uscc))
    throw new UsageError(
      '--uscc 不是有效的统一社会信用代码（18 位大写，末位为校验码） / is no valid unified social credit code (18 characters in capitals, the last one a check)',
    );
  const nowMs = Date.now();
  const id = newIdentity(nowMs);
  await withStore(async (store) => {
    if (!values.again) await refuseKnown(store, name);
    await store.addOrganization({ id, name, role, uscc: values.uscc, createdMs: nowMs });
  });
  process.stdout.write(`${id}\n`);
  return EXIT.valid;
}

async function refuseKnown(store: Store, name: string): Promise<void> {
  const known = (await store.organizations()).find((one) => one.name === name);
  if (known !== undefined)
    throw new UsageError(
      `已有同名机构 ${known.id}；确为另一机构时加 --again / there is an organization of this name, ${known.id}; if another one is meant add --again`,
    );
}
