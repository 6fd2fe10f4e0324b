import process from 'node:process';
import {
  createClient,
  isInClear,
  ServiceAway,
  type ServiceClient,
  ServiceRefused,
} from './service-client.ts';
import { type Demonstration, serviceFor } from './service-place.ts';
import { EXIT, parse, printable, UsageError } from './usage.ts';

const USAGE =
  'webhooks list | add URL [--types TYPE,…] [--description TEXT] | test ID | deliveries ID [--state waiting|delivered|failed] [--url URL] [--key KEY]';

/** What of an answer is shown; a service that says otherwise shows nothing. */
interface Shown {
  readonly id?: string;
  readonly url?: string;
  readonly types?: readonly string[];
  readonly enabled?: boolean;
  readonly secret?: string;
  readonly sequence?: number;
  readonly type?: string;
  readonly state?: string;
  readonly attempts?: number;
  readonly nextAttemptAt?: string | null;
}

/** kezheng webhooks: what an organization wants to be told, by its own key. */
export async function webhooksCommand(
  args: readonly string[],
  demonstration: Demonstration,
): Promise<number> {
  const { values, positionals } = parse(args, {
    url: { type: 'string' },
    key: { type: 'string' },
    types: { type: 'string' },
    description: { type: 'string' },
    state: { type: 'string' },
  });
  const [action = '', of, ...more] = positionals;
  const needsOne = action !== 'list';
  if (
    !['list', 'add', 'test', 'deliveries'].includes(action) ||
    more.length > 0 ||
    needsOne !== (of !== undefined)
  )
    throw new UsageError(USAGE);
  const { url, key } = await serviceFor(values.url, values.key, demonstration);
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  if (isInClear(url))
    tell('注意：密钥将以明文传送，请改用 https / note: the key travels in clear; https would keep it');
  const client = createClient(url, key, tell);
  try {
    if (action === 'list') await list(client);
    else if (action === 'add') await add(client, of!, values, tell);
    else if (action === 'test') await test(client, of!);
    else await deliveries(client, of!, values.state);
    return EXIT.valid;
  } catch (error) {
    if (!(error instanceof ServiceAway || error instanceof ServiceRefused)) throw error;
    tell(printable(error.message));
    return EXIT.invalid;
  }
}

const read = (body: Uint8Array): Shown & { readonly items?: readonly Shown[] } => {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    throw new ServiceRefused('应答不是 JSON / the answer is no JSON');
  }
};

const print = (...parts: readonly unknown[]): void =>
  void process.stdout.write(`${printable(parts.map(String).join('  '))}\n`);

async function list(client: ServiceClient): Promise<void> {
  const { body } = await client.ask({ method: 'GET', path: '/v1/webhooks' }, [200]);
  for (const { id, url, types, enabled } of read(body).items ?? [])
    print(id, enabled === true ? '启用 enabled' : '停用 disabled', types?.join(','), url);
}

/** The secret goes to standard output and nowhere else. */
async function add(
  client: ServiceClient,
  url: string,
  { types = '*', description }: { readonly types?: string; readonly description?: string },
  tell: (line: string) => void,
): Promise<void> {
  const json = { url, types: types.split(','), ...(description !== undefined && { description }) };
  // Once: asked twice it would be two webhooks.
  const { body } = await client.askOnce({ method: 'POST', path: '/v1/webhooks', json }, [201]);
  const { id, secret } = read(body);
  tell(printable(`${id}，密钥只显示这一次 / the secret is shown this once:`));
  print(secret);
}

const pathOf = (id: string, rest: string): string => `/v1/webhooks/${encodeURIComponent(id)}/${rest}`;

async function test(client: ServiceClient, id: string): Promise<void> {
  const { body } = await client.askOnce({ method: 'POST', path: pathOf(id, 'test') }, [202]);
  print(read(body).id);
}

async function deliveries(client: ServiceClient, id: string, state: string | undefined): Promise<void> {
  const query = state === undefined ? '' : `?state=${encodeURIComponent(state)}`;
  const { body } = await client.ask({ method: 'GET', path: pathOf(id, `deliveries${query}`) }, [200]);
  for (const one of read(body).items ?? [])
    print(one.sequence, one.id, one.type, one.state, one.attempts, one.nextAttemptAt ?? '');
}
