import t from 'tap';
import { OPERATOR_ID } from '../../server/ports/store.ts';
import { browser, PASSWORD, registered, signedIn } from '../support/browser.ts';
import { cli } from '../support/cli.ts';
import { run } from '../support/running.ts';
import { databaseOf, storageFor } from '../support/storage.ts';

const service = await run();
t.teardown(() => service.stop());
const env = {
  KEZHENG_DATA_DIR: service.dataDir,
  KEZHENG_PUBLIC_URL: service.url,
  ...(await storageFor(service.dataDir)),
};

t.test('the first link of an organization is made on the command line, and lets its admin in', async (t) => {
  const organization = (await cli(['orgs', 'add', '某某公证处', '--role', 'notary'], env)).out.trim();
  const made = await cli(['people', 'invite', organization, '--note', '主任'], env);
  t.equal(made.code, 0, made.err);
  const [, token] = /^http:\/\/localhost:\d+\/join#([A-Za-z0-9_-]{43})\n$/.exec(made.out)!;
  t.notMatch(made.err, token!);
  const json = { login: 'office-admin', name: '主任', password: PASSWORD };
  const own = browser(service);
  t.match(await own.json(`/v1/invitations/${token}`, { json }), {
    session: { roles: ['admin'], organization: { id: organization } },
  });
  t.match(
    (await own.json('/v1/people/events')).items.map((one: { action: string }) => one.action),
    ['signed-in', 'joined', 'invitation-made'],
  );
  const listed = await cli(['people', 'list', organization], env);
  t.match(listed.out, new RegExp(`^[0-9a-f-]{36}  ${organization}  admin  office-admin  主任\\n$`));
  t.match((await cli(['people', 'list'], env)).out, /notary,approver {2}notary-approver/);
  const roles = await cli(
    ['people', 'invite', organization, '--roles', 'notary,approver', '--hours', '24'],
    env,
  );
  t.equal(roles.code, 0, roles.err);
  for (const args of [
    ['people'],
    ['people', 'invite'],
    ['people', 'invite', 'nobody'],
    ['people', 'invite', OPERATOR_ID],
    ['people', 'invite', organization, '--roles', 'member'],
    ['people', 'invite', organization, '--hours', '1'],
    ['people', 'invite', organization, '--note', 'a\u0007'],
    ['people', 'list', 'nobody'],
  ])
    t.equal((await cli(args, env)).code, 64, args.join(' '));
});

t.test('whom nobody else can let in again comes in by a link of the command line', async (t) => {
  const { own, person, organization } = await registered(service, 'only-admin');
  const second = await registered(service, 'host-2');
  const { token: into } = await second.own.json('/v1/people/invitations', {
    json: { note: 'x', roles: ['member'] },
  });
  t.equal((await own.call(`/v1/invitations/${into}`, { json: {} })).status, 200, 'in two organizations');
  const { store, close } = await databaseOf(service.dataDir);
  t.teardown(close);
  await store.setTotp(person, Uint8Array.of(1));
  await store.addPasskey({
    ...{ id: 'passkey', person, publicKey: Uint8Array.of(1), counter: 0, transports: [], label: 'x' },
    ...{ createdMs: 1, usedMs: undefined },
  });
  await store.setRecoveryCodes(person, ['ff']);
  await store.recordFailure(person, Date.now(), [900_000]);
  const linkOf = async (...args: string[]) => {
    const made = await cli(['people', 'reset', ...args], env);
    t.equal(made.code, 0, made.err);
    const [, token] = /^http:\/\/localhost:\d+\/join#([A-Za-z0-9_-]{43})\n$/.exec(made.out)!;
    t.notMatch(made.err, token!);
    return `/v1/invitations/${token}`;
  };
  const first = await linkOf(' Only-Admin');
  t.equal((await browser(service).signIn('only-admin', PASSWORD)).status, 429, 'making it changes nothing');
  t.equal((await own.call('/v1/session')).status, 200);
  const json = { password: `${PASSWORD}！` };
  t.match(await browser(service).json(first, { json }), { kind: 'reset', session: null });
  t.equal((await browser(service).signIn('only-admin', `${PASSWORD}！`)).status, 202, 'factors stay');
  t.equal((await browser(service).json(first, { json })).code, 'invitation-over');
  const bare = await linkOf('only-admin', '--factors');
  t.equal((await browser(service).signIn('only-admin', `${PASSWORD}！`)).status, 401, 'the link alone');
  t.strictSame([await store.passkeysOf(person), await store.recoveryCodesLeft(person)], [[], 0]);
  await browser(service).json(bare, { json: { password: `${PASSWORD}2` } });
  t.equal((await own.signIn('only-admin', `${PASSWORD}2`)).status, 200);
  const events = await store.accountEvents({ person }, { limit: 50 });
  const byLine = events.filter(({ detail }) => JSON.parse(detail).by === 'command-line');
  t.strictSame(
    byLine
      .map(({ action, organization: of }) => [action, of === undefined || of === organization])
      .toSorted(),
    ['passkey-removed', 'reset-link-made', 'reset-link-made', 'totp-removed'].map((action) => [action, true]),
  );
  for (const args of [['reset'], ['reset', 'nobody-at-all'], ['reset', 'only-admin', '--roles', 'admin']])
    t.equal((await cli(['people', ...args], env)).code, 64, args.join(' '));
});

t.test('a key is rotated on the command line, and its last use is listed', async (t) => {
  const own = await signedIn(service, 'holder-a');
  const { organization } = await own.json('/v1/session');
  const key = (await cli(['keys', 'create', organization.id, '--label', '轮换'], env)).out.trim();
  t.match((await cli(['keys', 'list', organization.id], env)).out, /未曾使用 never used {2}.*轮换/);
  const rotated = await cli(['keys', 'rotate', key, '--overlap', '1'], env);
  t.equal(rotated.code, 0, rotated.err);
  t.notMatch(rotated.err, key.slice(-43));
  const next = rotated.out.trim();
  for (const one of [key, next]) t.equal((await service.call('/v1/evidence', { key: one })).status, 200);
  const [event] = (await own.json('/v1/people/events')).items;
  t.match(event, { action: 'key-rotated', person: null, detail: { by: 'command-line', hours: 1 } });
  for (const args of [
    ['keys', 'rotate'],
    ['keys', 'rotate', key, '--overlap', '169'],
    ['keys', 'rotate', key, '--overlap', 'x'],
    ['keys', 'rotate', `kz_${'0'.repeat(32)}`],
  ])
    t.equal((await cli(args, env)).code, 64, args.join(' '));
  await cli(['keys', 'revoke', key], env);
  t.equal((await cli(['keys', 'rotate', key], env)).code, 64);
  await service.pause();
  t.match((await cli(['keys', 'list', organization.id], env)).out, /最近使用 last used 20.*Z .*轮换/);
});
