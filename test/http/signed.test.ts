import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { cli } from '../support/cli.ts';
import { until } from '../support/configured.ts';
import { body, hashOnly, run } from '../support/running.ts';
import { type Signing, signedHeaders } from '../support/signed.ts';
import { ON_POSTGRES, storageFor } from '../support/storage.ts';

/* Requests that a machine signs (RFC 9421), against a whole service; the signatures are made by hand. */

const service = await run();
t.teardown(() => service.stop());
const env = { KEZHENG_DATA_DIR: service.dataDir, ...(await storageFor(service.dataDir)) };
const folder = mkdtempSync(join(tmpdir(), 'kezheng-signed-'));
t.teardown(() => rmSync(folder, { recursive: true }));

/** A start does not know what was used before it: what was signed until a few seconds after it is not taken. */
const AFTER_START_MS = 7_000;
await sleep(AFTER_START_MS);

const { depositor } = await body(service.call('/v1/me'));
const other = (await body(service.call('/v1/me', { key: service.keys[1] }))).depositor;

async function newKey(
  kind: 'ed25519' | 'ec' = 'ed25519',
  organization = depositor.id,
  ...more: readonly string[]
) {
  const { privateKey: key, publicKey } =
    kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  const path = join(folder, `${Math.random()}.pem`);
  writeFileSync(path, publicKey.export({ format: 'pem', type: 'spki' }));
  const { code, out, err } = await cli(['keys', 'register', organization, path, ...more], env);
  if (code !== 0) throw new Error(err);
  return { key, keyId: out.trim() };
}

const machine = await newKey();

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: Uint8Array;
  /** sent in place of what was signed */
  readonly instead?: Uint8Array;
  readonly bearer?: string;
}

let count = 0;

function send(
  path: string,
  signing: Partial<Signing> & { readonly asSigned?: Record<string, string> } = {},
  sent: Sent = {},
): Promise<Response> {
  const url = service.url + path;
  const bytes = sent.body ?? (sent.json === undefined ? undefined : Buffer.from(JSON.stringify(sent.json)));
  const method = sent.method ?? (bytes === undefined ? 'GET' : 'POST');
  const headers = { ...(bytes !== undefined && { 'content-type': 'application/json' }), ...sent.headers };
  const all =
    signing.asSigned ??
    signedHeaders(
      { method, url, headers, body: bytes },
      { ...machine, more: `;nonce="${++count}"`, ...signing },
    );
  const content = sent.instead ?? bytes;
  return fetch(url, {
    method,
    headers: { ...all, ...(sent.bearer && { authorization: `Bearer ${sent.bearer}` }) },
    ...(content !== undefined && { body: new Uint8Array(content) }),
  });
}

const codeOf = async (answer: Response | Promise<Response>): Promise<string> => (await body(answer)).code;

t.test('signed requests do what requests with a key do, with both kinds of keys', async (t) => {
  for (const signing of [machine, await newKey('ec')]) {
    const made = await send('/v1/evidence', signing, {
      json: hashOnly(++count),
      headers: { 'idempotency-key': `k${count}` },
    });
    t.equal(made.status, 201);
    const { id, manifest } = await body(made);
    t.equal(manifest.depositor.id, depositor.id);
    t.equal((await send(`/v1/evidence/${id}`, signing)).status, 200);
    t.equal((await send('/v1/evidence?limit=5', signing)).status, 200);
    t.equal(
      (await send('/v1/evidence?limit=5', { ...signing, components: ['@method', '@target-uri'] })).status,
      200,
    );
    t.equal((await body(await send('/v1/me', signing))).depositor.id, depositor.id);
  }
});

t.test('bulk calls and forms are signed over their bytes as they go', async (t) => {
  const lines = Buffer.from(`${JSON.stringify(hashOnly(1))}\n${JSON.stringify(hashOnly(2))}\n`);
  const bulk = { body: lines, headers: { 'content-type': 'application/x-ndjson' } };
  t.equal((await send('/v1/evidence/bulk', {}, bulk)).status, 200);
  t.equal(
    await codeOf(
      send('/v1/evidence/bulk', {}, { ...bulk, instead: Buffer.from(lines.toString().replace('仅', '只')) }),
    ),
    'content-digest-mismatch',
  );

  const boundary = 'kezheng-test';
  const form = (text: string) =>
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="evidence"\r\n\r\n{"title":"表单"}\r\n` +
        `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n\r\n${text}\r\n--${boundary}--\r\n`,
    );
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  const before = (await body(await send('/v1/evidence?limit=100'))).items.length;
  for (const text of ['small', 'x'.repeat(3_000_000)]) {
    const made = await send('/v1/evidence', {}, { body: form(text), headers });
    t.equal(made.status, 201);
    const { id } = await body(made);
    t.equal(await (await send(`/v1/evidence/${id}/files/0`)).text(), text);
  }
  for (const [text, instead] of [
    ['small', form('smell')],
    ['x'.repeat(3_000_000), form(`${'x'.repeat(2_999_999)}y`)],
    // Behind the form nothing is read as a part, and it is of the content all the same.
    ['end', Buffer.concat([form('end').subarray(0, -2), Buffer.from('!!')])],
  ] as const) {
    const answer = await send('/v1/evidence', {}, { body: form(text), headers, instead });
    t.equal(await codeOf(answer), 'content-digest-mismatch');
    t.equal(answer.status, 400);
  }
  t.equal(
    (await body(await send('/v1/evidence?limit=100'))).items.length,
    before + 2,
    'nothing else was kept',
  );
});

t.test('a request that is not the one that was signed is refused', async (t) => {
  const json = hashOnly(++count);
  const text = JSON.stringify(json);
  t.equal(
    await codeOf(send('/v1/evidence', {}, { json, instead: Buffer.from(text.replace('仅', '只')) })),
    'content-digest-mismatch',
  );
  const signed = signedHeaders(
    { method: 'GET', url: `${service.url}/v1/evidence?limit=5` },
    { ...machine, more: ';nonce="q"' },
  );
  t.equal(await codeOf(send('/v1/evidence?limit=6', { asSigned: signed })), 'signature-wrong');
  t.equal(await codeOf(send('/v1/me', { asSigned: signed })), 'signature-wrong');
  t.equal(await codeOf(send('/v1/me', { ...machine, key: (await newKey()).key })), 'signature-wrong');
  t.equal(
    await codeOf(send('/v1/me', { keyId: '019ab1c2-0000-7000-8000-000000000002' })),
    'not-authenticated',
  );
  t.equal(await codeOf(send('/v1/me', { keyId: 'x' })), 'not-authenticated');
  const toOther = signedHeaders(
    { method: 'GET', url: `${service.url}/x/y?after=/v1/me` },
    { ...machine, components: ['@method', '@target-uri'] },
  );
  const { hostname, port, host } = new URL(service.url);
  const status = await new Promise((resolve) =>
    request(
      { hostname, port, path: '/v1/me', headers: { ...toOther, host: `${host}/x/y?after=` } },
      (answer) => resolve(answer.resume().statusCode),
    ).end(),
  );
  t.equal(status, 400, 'what is host and what is path is not for the caller to say');
});

t.test('a signature is good once, whatever is made of it', async (t) => {
  const url = `${service.url}/v1/me`;
  for (const kind of ['ed25519', 'ec'] as const) {
    const signing = await newKey(kind);
    const headers = signedHeaders({ method: 'GET', url }, signing);
    t.equal((await send('/v1/me', { asSigned: headers })).status, 200);
    const again = await send('/v1/me', { asSigned: headers });
    t.equal(again.status, 401);
    t.equal(await codeOf(again), 'signature-replayed');
    if (kind === 'ed25519') continue;
    // The other s of the same ECDSA signature holds as well.
    const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const raw = Buffer.from(headers['signature']!.slice(6, -1), 'base64');
    const s = N - BigInt(`0x${raw.toString('hex', 32)}`);
    const twin = Buffer.concat([raw.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
    const asSigned = { ...headers, signature: `sig1=:${twin.toString('base64')}:` };
    t.equal(await codeOf(send('/v1/me', { asSigned })), 'signature-replayed');
    // And so does it under another label.
    const relabelled = {
      'signature-input': headers['signature-input']!.replace('sig1', 'x'),
      signature: headers['signature']!.replace('sig1', 'x'),
    };
    t.equal(await codeOf(send('/v1/me', { asSigned: relabelled })), 'signature-replayed');
  }
  const created = Math.floor(Date.now() / 1_000);
  const all = await Promise.all(
    Array.from({ length: 20 }, () =>
      send('/v1/me', {
        asSigned: signedHeaders({ method: 'GET', url }, { ...machine, created, more: ';nonce="at once"' }),
      }),
    ),
  );
  t.equal(all.filter(({ status }) => status === 200).length, 1, 'of many at once one');
});

t.test('a restart makes nothing good again', { skip: ON_POSTGRES && 'others remember' }, async (t) => {
  const first = await run();
  const { depositor: own } = await body(first.call('/v1/me'));
  const { privateKey: key, publicKey } = generateKeyPairSync('ed25519');
  const path = join(folder, 'restart.pem');
  writeFileSync(path, publicKey.export({ format: 'pem', type: 'spki' }));
  const at = { KEZHENG_DATA_DIR: first.dataDir };
  const keyId = (await cli(['keys', 'register', own.id, path], at)).out.trim();
  const port = new URL(first.url).port;
  await sleep(AFTER_START_MS);
  const url = `${first.url}/v1/me`;
  // As far ahead as is allowed.
  const ahead = signedHeaders(
    { method: 'GET', url },
    { key, keyId, created: Math.floor(Date.now() / 1_000) + 4 },
  );
  t.equal((await fetch(url, { headers: ahead })).status, 200);
  await first.pause();
  const second = await run({ KEZHENG_PORT: port }, first.dataDir);
  t.teardown(() => second.stop());
  for (const end = Date.now() + 9_000; Date.now() < end; await sleep(500))
    t.equal((await fetch(url, { headers: ahead })).status, 401);
  const anew = signedHeaders({ method: 'GET', url }, { key, keyId });
  t.equal((await fetch(url, { headers: anew })).status, 200);
});

t.test('what is not covered, out of date or without a digest is refused with its code', async (t) => {
  const now = Math.floor(Date.now() / 1_000);
  for (const [signing, code, status] of [
    [{ components: ['@method', '@authority'] }, 'signature-component-missing', 401],
    [{ components: ['@method', '@path'] }, 'signature-component-missing', 401],
    [{ components: ['@authority', '@path'] }, 'signature-component-missing', 401],
    [{ created: now - 400 }, 'signature-out-of-date', 401],
    [{ created: now + 10 }, 'signature-out-of-date', 401],
    [{ more: `;expires=${now - 1}` }, 'signature-out-of-date', 401],
    [{ more: ';alg="rsa-v1_5-sha256"' }, 'signature-wrong', 401],
    [{ components: ['@method', '@target-uri', 'x-nowhere'] }, 'signature-component-unknown', 400],
  ] as const) {
    const answer = await send('/v1/me', signing);
    t.equal(answer.status, status, code);
    t.equal(await codeOf(answer), code);
  }
  const json = hashOnly(++count);
  const components = ['@method', '@target-uri', 'content-type'];
  t.equal(await codeOf(send('/v1/evidence', { components }, { json })), 'signature-component-missing');
  const headers = { 'content-type': 'application/json', 'content-digest': 'md5=:AA==:' };
  t.equal(await codeOf(send('/v1/evidence', {}, { json, headers })), 'content-digest-unknown');
  const url = `${service.url}/v1/evidence`;
  const { 'content-digest': _, ...without } = signedHeaders(
    { method: 'POST', url, headers: { 'content-type': 'application/json' }, body: Buffer.from('x') },
    { ...machine, components, more: ';nonce="w"' },
  );
  t.equal(await codeOf(send('/v1/evidence', { asSigned: without }, { json })), 'content-digest-missing');
  for (const asSigned of [
    { 'signature-input': 'x', signature: 'x' },
    { 'signature-input': 'a=("@method");keyid="k"', signature: '' },
  ])
    t.equal(await codeOf(send('/v1/me', { asSigned })), 'signature-malformed');
});

t.test('a body that breaks off leaves nothing, and the service goes on', async (t) => {
  const url = new URL(`${service.url}/v1/evidence`);
  const bytes = Buffer.from(JSON.stringify(hashOnly(++count)));
  const headers = signedHeaders(
    { method: 'POST', url: url.href, headers: { 'content-type': 'application/json' }, body: bytes },
    { ...machine, more: ';nonce="broken"' },
  );
  await new Promise<void>((resolve) => {
    const half = request(url, { method: 'POST', headers: { ...headers, 'content-length': bytes.length } });
    half.on('error', () => resolve());
    half.write(bytes.subarray(0, 20), () => setTimeout(() => half.destroy(), 100));
  });
  t.equal((await send('/v1/me')).status, 200);
});

t.test('a signature beside a key has to be of the same organization, and is never looked over', async (t) => {
  t.equal((await send('/v1/me', {}, { bearer: service.keys[0] })).status, 200);
  t.equal(await codeOf(send('/v1/me', {}, { bearer: service.keys[1] })), 'not-authenticated');
  t.equal(await codeOf(send('/v1/me', { created: 1 }, { bearer: service.keys[0] })), 'signature-out-of-date');
  const strange = await newKey('ed25519', other.id);
  const { id } = await body(await send('/v1/evidence', {}, { json: hashOnly(++count) }));
  t.equal((await send(`/v1/evidence/${id}`, strange)).status, 404, 'the other tenant’s');
});

t.test('scopes, ends and revocation are those of keys; a signing key is no bearer', async (t) => {
  const reader = await newKey('ed25519', depositor.id, '--scopes', 'evidence:read');
  t.equal(await codeOf(send('/v1/evidence', reader, { json: hashOnly(++count) })), 'scope-missing');
  const bearer = `kz_${reader.keyId.replaceAll('-', '')}_${'A'.repeat(43)}`;
  t.equal((await service.call('/v1/evidence', { key: bearer })).status, 401);
  t.match((await cli(['keys', 'list'], env)).out, new RegExp(`${reader.keyId}.*请求签名 signing`));
  t.equal((await send('/v1/evidence?limit=1', reader)).status, 200);
  t.equal((await cli(['keys', 'revoke', reader.keyId], env)).code, 0);
  await until('revoked', async () => (await codeOf(send('/v1/evidence?limit=1', reader))) === 'key-revoked');
});

t.test('only public keys that can be used are registered', async (t) => {
  const write = (name: string, text: string | Buffer): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const { privateKey } = generateKeyPairSync('ed25519');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  for (const path of [
    write('private.pem', privateKey.export({ format: 'pem', type: 'pkcs8' })),
    write('rsa.pem', rsa.export({ format: 'pem', type: 'spki' })),
    write('none.pem', 'x'),
    join(folder, 'nowhere.pem'),
  ])
    t.equal((await cli(['keys', 'register', depositor.id, path], env)).code, 64, path);
  t.equal((await cli(['keys', 'register', depositor.id], env)).code, 64);
});

t.test('curl sends what openssl signs, as README shows it', async (t) => {
  const key = join(folder, 'curl.pem');
  // The service runs in this very process: whoever waits for the shell must not hold it up.
  const sh = (script: string, more: Readonly<Record<string, string>> = {}) =>
    promisify(execFile)('sh', ['-ec', script], { cwd: folder, env: { ...process.env, ...more } });
  await sh(`openssl genpkey -algorithm ed25519 -out ${key} && openssl pkey -in ${key} -pubout -out curl.pub`);
  const { out } = await cli(['keys', 'register', depositor.id, join(folder, 'curl.pub')], env);
  const { stdout } = await sh(
    `
      created=$(date +%s)
      params="(\\"@method\\" \\"@authority\\" \\"@path\\");created=$created;keyid=\\"$KEYID\\";nonce=\\"$(openssl rand -hex 8)\\""
      printf '"@method": GET\\n"@authority": %s\\n"@path": /v1/me\\n"@signature-params": %s' "$HOST" "$params" > base
      openssl pkeyutl -sign -inkey curl.pem -rawin -in base -out sig
      curl -sS --fail-with-body -H "signature-input: s=$params" -H "signature: s=:$(base64 -w0 sig):" "$URL/v1/me"
    `,
    { KEYID: out.trim(), URL: service.url, HOST: new URL(service.url).host },
  );
  t.match(stdout, depositor.id);
});
