import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createApiKey } from '../../server/identity/api-keys.ts';
import { SCOPES } from '../../server/identity/permissions.ts';
import { startWithContract } from '../support/anvil.ts';
import { configured, untilCertified } from '../support/configured.ts';
import { opened, squeezed, whyNoPoppler } from '../support/poppler.ts';
import { databaseOf } from '../support/storage.ts';

/* What paper says of its chain must never be a guess: a chain that nobody knows would be printed as a test chain. */

t.setTimeout(200_000);
const skip = whyNoPoppler();

async function keyOfFirst(dataDir: string): Promise<string> {
  const { store, close } = await databaseOf(dataDir);
  const [organization] = await store.organizations();
  const key = { organization: organization!.id, label: 'paper', scopes: SCOPES, expiresMs: undefined };
  const { clear } = await createApiKey(store, key, Date.now());
  await close();
  return clear;
}

t.test(
  'after a restart without its chain the service goes by what it knew, and where it knew nothing says so',
  { skip },
  async (t) => {
    const anvil = await startWithContract(t);
    const env = { KEZHENG_CONFIRMATIONS: '1', KEZHENG_CHAIN_TEST: 'false', KEZHENG_CHAIN_NAME: '某链' };
    const first = await configured(t, { rpcUrl: anvil.url, env });
    const id = await first.deposit(1);
    await untilCertified(first, id);
    // Each start of `configured` has an organization of its own: this key is of the first one.
    const headers = { authorization: `Bearer ${await keyOfFirst(first.dataDir)}` };
    const paperOf = ({ url }: typeof first) => fetch(`${url}/v1/evidence/${id}/certificate.pdf`, { headers });
    const textOf = async (answer: Response) =>
      squeezed(opened(Buffer.from(await answer.arrayBuffer())).text());
    const before = await textOf(await paperOf(first));
    t.match(before, '某链');
    t.notMatch(before, '不具证据用途');
    await first.stop();

    const away = { rpcUrl: 'http://127.0.0.1:9', env, dataDir: first.dataDir };
    const second = await configured(t, away);
    const after = await paperOf(second);
    t.equal(after.status, 200);
    t.notMatch(await textOf(after), '不具证据用途');
    await second.stop();

    rmSync(join(first.dataDir, 'trust.json'));
    const third = await configured(t, away);
    const refused = await paperOf(third);
    t.equal(refused.status, 503);
    t.equal(refused.headers.get('retry-after'), '5');
    t.match(await refused.json(), { code: 'chain-not-seen' });
  },
);
