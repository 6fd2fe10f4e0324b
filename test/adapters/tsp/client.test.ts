import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { createTspTransport } from '../../../server/adapters/tsp/client.ts';
import { openDoor } from '../../../server/outbox/door.ts';
import { CA, issue, openssl } from '../../core/read/openssl.ts';
import { startHttp } from '../../support/servers.ts';

const transportTo = (port: number, limits = {}) => {
  const door = openDoor({ allow: [{ host: '127.0.0.1', port }], limits });
  t.teardown(() => door.close());
  return createTspTransport(door);
};

const folder = t.testdir();
const ca = issue({ subject: '/CN=Authority root', extensions: CA });
const signer = issue({
  subject: '/CN=Authority',
  by: ca,
  extensions: ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=critical,timeStamping'],
});
writeFileSync(
  join(folder, 'tsa.cnf'),
  `[tsa]
default_tsa = conf
[conf]
serial = ${folder}/serial
signer_cert = ${signer.files.certificate}
signer_key = ${signer.files.key}
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
`,
);

/** A time-stamp authority as OpenSSL makes one, behind HTTP as RFC 3161 §3.4 has it. */
const authority = () =>
  startHttp(t, async (request, reply) => {
    const isQuery =
      request.method === 'POST' && request.headers['content-type'] === 'application/timestamp-query';
    if (!isQuery) return reply.writeHead(415).end();
    writeFileSync(join(folder, 'query'), await buffer(request));
    const config = ['-config', join(folder, 'tsa.cnf')];
    const token = openssl(['ts', '-reply', ...config, '-queryfile', join(folder, 'query')]);
    return reply.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(token);
  });

t.test('a query reaches an authority as it is, and its reply comes back as it is', async (t) => {
  const query = openssl(['ts', '-query', '-digest', 'ab'.repeat(32), '-sha256', '-cert']);
  const port = await authority();
  const reply = await transportTo(port).ask(`http://127.0.0.1:${port}/tsr`, query);
  writeFileSync(join(folder, 'asked'), query);
  writeFileSync(join(folder, 'reply'), reply);
  const said = execFileSync(
    'openssl',
    [
      ...['ts', '-verify', '-queryfile', join(folder, 'asked'), '-in', join(folder, 'reply')],
      ...['-CAfile', ca.files.certificate],
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
  t.match(said, 'Verification: OK');
});

const REPLY = 'application/timestamp-reply';
const wrong: readonly (readonly [string, number, string | undefined, number, string])[] = [
  ['a page', 200, 'text/html', 10, 'door-type-unexpected'],
  ['a query', 200, 'application/timestamp-query', 10, 'door-type-unexpected'],
  ['bytes without a type', 200, undefined, 10, 'door-type-unexpected'],
  ['a reply with an error of HTTP', 500, REPLY, 10, 'door-status-unexpected'],
  ['a reply to something else', 202, REPLY, 10, 'door-status-unexpected'],
  ['a reply that is too long', 200, REPLY, 256 * 1_024 + 1, 'door-answer-too-large'],
];
for (const [what, status, type, length, code] of wrong)
  t.test(`${what} is no reply`, async (t) => {
    const port = await startHttp(t, (_, reply) =>
      reply.writeHead(status, type ? { 'content-type': type } : {}).end(Buffer.alloc(length)),
    );
    await t.rejects(transportTo(port).ask(`http://127.0.0.1:${port}/`, Buffer.from('x')), { code });
  });

t.test('an authority that is away or never answers is a problem with a code, for a later try', async (t) => {
  const silent = await startHttp(t, () => {});
  const query = Buffer.from('x');
  const ask = (port: number) => transportTo(port, { totalMs: 200 }).ask(`http://127.0.0.1:${port}/`, query);
  await t.rejects(ask(silent), { code: 'door-too-slow' });
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  await t.rejects(ask(port), { code: 'door-unreachable' });
  await t.rejects(transportTo(1).ask('http://10.0.0.1/', query), { code: 'door-not-public' });
});

t.test('whoever asked can stop asking', async (t) => {
  const silent = await startHttp(t, () => {});
  const asking = transportTo(silent).ask(
    `http://127.0.0.1:${silent}/`,
    Buffer.from('x'),
    AbortSignal.timeout(50),
  );
  await t.rejects(asking, { code: 'door-stopped' });
});
