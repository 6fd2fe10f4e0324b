import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { signedIn } from '../support/browser.ts';
import { body, hashOnly, run } from '../support/running.ts';
import { signedHeaders } from '../support/signed.ts';

const service = await run();
t.teardown(() => service.stop());

const own = await signedIn(service, 'holder-a');
const other = await signedIn(service, 'holder-b');
const UNKNOWN = '01900000-0000-7000-8000-000000000000';
const make = (json: object) => own.json('/v1/keys', { json });
const found = async (id: string) =>
  (await own.json('/v1/keys')).items.find((one: { id: string }) => one.id === id);

t.test('a key is made by a person, shown once, and does what it is for', async (t) => {
  const { id, key } = await make({ label: '扫描仪', scopes: ['evidence:write'], days: 30 });
  t.match(key, /^kz_/);
  t.equal((await service.call('/v1/evidence', { json: hashOnly(1), key })).status, 201);
  t.match(await body(service.call('/v1/evidence', { key })), { code: 'scope-missing' });
  const listed = await found(id);
  t.match(listed, { label: '扫描仪', kind: 'bearer', scopes: ['evidence:write'], revokedAt: null });
  t.ok(Math.abs(Date.parse(listed.expiresAt) - Date.now() - 30 * 86_400_000) < 60_000);
  t.notMatch(JSON.stringify(listed), key.slice(-43));
});

t.test('no key makes, lists or revokes a key, and nobody does who is no admin', async (t) => {
  const [key] = service.keys;
  for (const path of ['/v1/keys', '/v1/people', '/v1/session'])
    t.ok([403, 200].includes((await service.call(path, { key })).status), path);
  t.equal((await body(service.call('/v1/keys', { key }))).code, 'not-allowed');
  const wanted = { label: 'x', scopes: ['evidence:read'] };
  t.equal((await body(service.call('/v1/keys', { key, json: wanted }))).code, 'not-allowed');
  const notary = await signedIn(service, 'notary');
  t.equal((await notary.json('/v1/keys', { json: wanted })).code, 'not-allowed');
});

t.test('what is more than was asked for is refused', async (t) => {
  for (const more of [{ scopes: ['root'] }, { organization: UNKNOWN }, { id: UNKNOWN }, { scopes: [] }])
    t.equal((await make({ label: 'x', scopes: ['evidence:read'], ...more })).code, 'request-invalid');
});

t.test('a rotated key goes on for the overlap, and the new one from now on', async (t) => {
  const { id, key } = await make({ label: '轮换', scopes: ['evidence:read'] });
  const rotated = await own.json(`/v1/keys/${id}/rotate`, { json: { overlapHours: 2 } });
  t.ok(Math.abs(Date.parse(rotated.oldExpiresAt) - Date.now() - 7_200_000) < 60_000);
  for (const one of [key, rotated.key])
    t.equal((await service.call('/v1/evidence', { key: one })).status, 200);
  t.match(await found(rotated.id), { label: '轮换', scopes: ['evidence:read'], expiresAt: null });
  t.equal((await found(id)).expiresAt, rotated.oldExpiresAt);
  const now = await own.json(`/v1/keys/${rotated.id}/rotate`, { json: { overlapHours: 0 } });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  t.equal((await body(service.call('/v1/evidence', { key: rotated.key }))).code, 'key-expired');
  t.equal((await service.call('/v1/evidence', { key: now.key })).status, 200);
  t.equal((await own.json(`/v1/keys/${rotated.id}/rotate`, { json: {} })).code, 'key-not-rotatable');
  for (const overlapHours of [-1, 169, 1.5])
    t.equal(
      (await own.json(`/v1/keys/${now.id}/rotate`, { json: { overlapHours } })).code,
      'request-invalid',
    );
});

t.test('a key of another organization is none, exactly as one that never was', async (t) => {
  const { id, key } = await make({ label: 'x', scopes: ['evidence:read'] });
  for (const [path, options] of [
    ['/v1/keys/ID', { method: 'DELETE' }],
    ['/v1/keys/ID/rotate', { json: {} }],
  ] as const) {
    const there = await other.json(path.replace('ID', id), options);
    t.equal(there.code, 'not-found');
    t.strictSame(there, await other.json(path.replace('ID', UNKNOWN), options));
  }
  t.equal((await service.call('/v1/evidence', { key })).status, 200);
  t.equal((await own.call(`/v1/keys/${id}`, { method: 'DELETE' })).status, 204);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  t.equal((await body(service.call('/v1/evidence', { key }))).code, 'key-revoked');
  t.equal((await own.json(`/v1/keys/${id}`, { method: 'DELETE' })).code, 'not-found');
});

t.test('a public key is registered once in an organization, and signs', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const json = { label: '服务器', scopes: ['evidence:read'], publicKey: spki };
  const { id } = await own.json('/v1/keys/signing', { json });
  t.match(await own.json('/v1/keys/signing', { json }), { code: 'public-key-known', status: 409 });
  t.match(await found(id), { kind: 'signing' });
  const url = `${service.url}/v1/evidence`;
  const ask = () =>
    fetch(url, { headers: signedHeaders({ method: 'GET', url }, { key: privateKey, keyId: id }) });
  // What was signed just before the service started may have been used already: it waits until that is out of the way.
  let status = 0;
  for (let tries = 0; status !== 200 && tries < 10; tries++) {
    status = (await ask()).status;
    if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  t.equal(status, 200);
  t.equal((await own.json(`/v1/keys/${id}/rotate`, { json: {} })).code, 'key-not-rotatable');
  await own.call(`/v1/keys/${id}`, { method: 'DELETE' });
  t.equal((await own.json('/v1/keys/signing', { json })).code, 'public-key-known', 'a revoked one stays so');
  t.ok((await other.json('/v1/keys/signing', { json })).id, 'of another organization it is another key');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
    format: 'der',
    type: 'spki',
  });
  const longer = Buffer.concat([Buffer.from(spki, 'base64'), Buffer.alloc(3)]);
  for (const bad of [rsa.toString('base64'), 'AAAA', longer.toString('base64')])
    t.match(await own.json('/v1/keys/signing', { json: { ...json, publicKey: bad } }), {
      code: 'public-key-invalid',
      status: 422,
    });
});
