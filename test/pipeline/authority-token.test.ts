import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { createRevocationSource } from '../../server/adapters/revocation/source.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { createTspTransport } from '../../server/adapters/tsp/client.ts';
import { toHex } from '../../server/core/read/bytes.ts';
import { parseCertificate } from '../../server/core/read/x509.ts';
import { sha256Imprint } from '../../server/core/token/imprint.ts';
import { PROMISE_POLICY } from '../../server/core/token/policies.ts';
import { parseToken } from '../../server/core/token/read.ts';
import { parseRequest } from '../../server/core/token/request.ts';
import { encodeRefusal } from '../../server/core/token/response.ts';
import { openDoor } from '../../server/outbox/door.ts';
import { NONCE_BYTES, obtainToken, type TokenDeps } from '../../server/pipeline/authority-token.ts';
import type { Destination } from '../../server/ports/door.ts';
import { CA, type Issued, issue, openssl } from '../core/read/openssl.ts';
import { granted, lyingReply, POLICY, startAuthority, type TestAuthority } from '../support/authorities.ts';
import { startHttp } from '../support/servers.ts';

/*
 * Real authorities of OpenSSL over the real door, and a server in their place that lies.
 */

const DOCUMENT = Buffer.from('{"format":"kezheng-root/1"}');
const never = new AbortController().signal;

function depsTo(ports: readonly number[], more: Partial<TokenDeps> = {}): TokenDeps {
  const allow: Destination[] = ports.map((port) => ({ host: '127.0.0.1', port }));
  const door = openDoor({ allow, limits: { totalMs: 3_000 } });
  t.teardown(() => door.close());
  return {
    tsp: createTspTransport(door),
    revocation: createRevocationSource(door),
    signatures: nodeSignatures,
    clock: { nowMs: () => Date.now() },
    clockWord: () => 'agreed',
    nonce: () => randomBytes(NONCE_BYTES),
    ...more,
  };
}

const trustIn = (roots: readonly Issued[], own: readonly Issued[] = [], policies = [POLICY]) => ({
  name: 'x',
  logs: [],
  authorities: [{ label: '机构', policies, roots: roots.map(({ der }) => parseCertificate(der)) }],
  issuers: [{ name: 'own', certificates: own.map(({ der }) => parseCertificate(der)) }],
});

const ask = (one: TestAuthority, more: Partial<TokenDeps> = {}, trust = trustIn([one.root])) =>
  obtainToken(depsTo([one.port], more), { url: one.url, trust }, DOCUMENT, never);

for (const [key, revocation] of [
  ['rsa-2048', 'crl'],
  ['P-256', 'ocsp'],
  ['P-384', undefined],
] as const)
  t.test(`a token of an authority with ${key} keys, revocation by ${revocation ?? 'nobody'}`, async (t) => {
    const one = await startAuthority(t, { key, ...(revocation && { revocation }) });
    const { token, evidence, unanswered } = await ask(one);
    t.strictSame(unanswered, []);
    t.strictSame(
      evidence.map(({ kind }) => kind),
      ['certificate', 'certificate', 'certificate', ...(revocation ? [revocation] : [])],
    );
    t.strictSame(toHex(evidence[0]!.value), toHex(one.signer.der));
    t.strictSame(toHex(evidence[2]!.value), toHex(one.root.der), 'the whole chain is kept');
    const { info } = parseToken(token);
    const digest = createHash('sha256').update(DOCUMENT).digest();
    t.strictSame(toHex(info.imprint.raw), toHex(sha256Imprint(digest)));
    const query = parseRequest(one.asked[0]!, []);
    t.match(query, { certReq: true, policy: undefined });
    t.equal(query.nonce!.length, NONCE_BYTES);
    const folder = t.testdir();
    writeFileSync(join(folder, 'data'), DOCUMENT);
    writeFileSync(join(folder, 'token'), token);
    const said = openssl([
      ...['ts', '-verify', '-data', join(folder, 'data'), '-in', join(folder, 'token'), '-token_in'],
      ...['-CAfile', one.root.files.certificate],
    ]).toString();
    t.match(said, /Verification: OK/);
  });

t.test('each question has a nonce of its own, in the form that comes back', async (t) => {
  const one = await startAuthority(t);
  for (const nonce of [Buffer.alloc(NONCE_BYTES), Buffer.alloc(NONCE_BYTES, 0xff)])
    await ask(one, { nonce: () => nonce });
  t.strictSame(
    one.asked.map((query) => toHex(parseRequest(query, []).nonce!)),
    [`40${'00'.repeat(7)}`, `7f${'ff'.repeat(7)}`],
  );
});

const stranger = issue({ subject: '/CN=Stranger root', extensions: CA });
const TIMESTAMPING = ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=critical,timeStamping'];
const signerOf = (by: Issued, extensions = TIMESTAMPING, more: object = {}) =>
  issue({ subject: '/CN=Lying signer', by, extensions, ...more });

type Lie = (one: TestAuthority, query: Buffer, reply: ServerResponse) => unknown;
const otherDigest = sha256Imprint(new Uint8Array(32));
const HOUR = 3_600_000;

const saying =
  (changes: (query: Buffer) => Parameters<typeof lyingReply>[2]): Lie =>
  (one, query, reply) =>
    granted(reply, lyingReply(query, { signer: signerOf(one.root) }, changes(query)));

const by =
  (make: (one: TestAuthority) => Parameters<typeof lyingReply>[1]): Lie =>
  (one, query, reply) =>
    granted(reply, lyingReply(query, make(one)));

const lies: readonly (readonly [string, string, Lie])[] = [
  ['is over something else', 'token-imprint-differs', saying(() => ({ imprint: otherDigest }))],
  ['has another nonce', 'tsp-nonce-differs', saying(() => ({ nonce: Buffer.alloc(8, 1) }))],
  ['has no nonce', 'tsp-nonce-differs', saying(() => ({ nonce: undefined }))],
  ['is an hour old', 'tsp-time-implausible', saying(() => ({ genTimeMs: Date.now() - HOUR }))],
  ['is of the next hour', 'tsp-time-implausible', saying(() => ({ genTimeMs: Date.now() + HOUR }))],
  [
    'has another policy',
    'authority-policy-unlisted',
    by((one) => ({ signer: signerOf(one.root), policy: '1.2.3.4' })),
  ],
  [
    'has the policy of promises',
    'authority-policy-unlisted',
    by((one) => ({ signer: signerOf(one.root), policy: PROMISE_POLICY })),
  ],
  ['is of somebody else', 'authority-unknown', by(() => ({ signer: signerOf(stranger) }))],
  [
    'is signed with an expired certificate',
    'chain-expired',
    by((one) => ({ signer: signerOf(one.root, TIMESTAMPING, { days: -1 }) })),
  ],
  [
    'is signed with a key for web servers',
    'token-signer-purpose',
    by((one) => ({
      signer: signerOf(one.root, [
        'keyUsage=critical,digitalSignature',
        'extendedKeyUsage=critical,serverAuth',
      ]),
    })),
  ],
  [
    'is signed with a key that may not sign',
    'chain-leaf-usage-wrong',
    by((one) => ({
      signer: signerOf(one.root, [
        'keyUsage=critical,keyAgreement',
        'extendedKeyUsage=critical,timeStamping',
      ]),
    })),
  ],
  [
    'has one byte of its signature changed',
    'token-signature-wrong',
    (one, query, reply) => {
      const bytes = Buffer.from(lyingReply(query, { signer: signerOf(one.root) }));
      bytes[bytes.length - 1]! ^= 1;
      return granted(reply, bytes);
    },
  ],
  [
    'is refused',
    'tsp-not-granted',
    (_, __, reply) => granted(reply, encodeRefusal('timeNotAvailable', 'clock')),
  ],
  ['is garbage', 'der-tag-unexpected', (_, __, reply) => granted(reply, Buffer.from('0500', 'hex'))],
  ['is nothing', 'der-truncated', (_, __, reply) => granted(reply, Buffer.alloc(0))],
  ['is a page', 'door-type-unexpected', (_, __, reply) => reply.end('<html>')],
  ['is an error', 'door-status-unexpected', (_, __, reply) => reply.writeHead(500).end()],
  ['never comes', 'door-too-slow', () => {}],
  [
    'leads inside',
    'door-redirect-refused',
    (_, __, reply) => reply.writeHead(307, { location: 'http://10.0.0.1/' }).end(),
  ],
];
for (const [how, code, lie] of lies)
  t.test(`an answer that ${how} is refused`, async (t) => {
    const one = await startAuthority(t);
    one.answer((query, reply) => lie(one, query, reply));
    await t.rejects(ask(one), { code });
  });

t.test('the token of another question is refused, though the authority gave it', async (t) => {
  const one = await startAuthority(t);
  let first: Buffer | undefined;
  one.answer(async (_, reply, honest) => granted(reply, (first ??= await honest())));
  await ask(one);
  await t.rejects(ask(one), { code: 'tsp-nonce-differs' });
});

t.test('while our own clock is not compared it has no say', async (t) => {
  const one = await startAuthority(t);
  one.answer((query, reply) => saying(() => ({ genTimeMs: Date.now() + HOUR }))(one, query, reply));
  for (const word of ['unchecked', 'doubtful'] as const)
    t.ok((await ask(one, { clockWord: () => word })).token);
});

t.test(
  'a token that leads to what the operator signs with is no outside one, whatever is listed',
  async (t) => {
    const one = await startAuthority(t);
    await t.rejects(ask(one, {}, trustIn([one.root], [one.root])), { code: 'tsp-own-authority' });
  },
);

for (const revocation of ['crl', 'ocsp'] as const) {
  t.test(`a token of a revoked key is refused, as ${revocation} tells`, async (t) => {
    const one = await startAuthority(t, { revocation });
    await ask(one);
    await one.revoke();
    await t.rejects(ask(one), { code: 'token-certificate-revoked' });
  });

  t.test(`where ${revocation} does not answer, or lies, that is told beside the token`, async (t) => {
    const one = await startAuthority(t, { revocation });
    const other = await startAuthority(t, { revocation });
    const instead: readonly (readonly [string, (reply: ServerResponse) => unknown, RegExp])[] = [
      ['is away', (reply) => reply.writeHead(500).end(), /door-status-unexpected/],
      [
        'is no answer',
        (reply) =>
          reply
            .writeHead(200, { 'content-type': 'application/ocsp-response' })
            .end(Buffer.from('30030a0100', 'hex')),
        /^der-|^ocsp-/,
      ],
    ];
    for (const [how, given, code] of instead) {
      one.tellRevocation(given);
      const { evidence, unanswered } = await ask(one);
      t.match((unanswered[0] as Error & { code: string }).code, code, how);
      t.notOk(
        evidence.some(({ kind }) => kind !== 'certificate'),
        'and it is not kept',
      );
    }
    if (revocation === 'ocsp') return;
    const path = `http://127.0.0.1:${other.port}/crl`;
    const list = Buffer.from(await (await fetch(path)).arrayBuffer());
    one.tellRevocation((reply) => reply.end(list));
    t.match((await ask(one)).unanswered, [{ code: 'revocation-unanswered' }], 'the list of somebody else');
  });
}

t.test('a list that bears the name of the issuer and not its signature is left out', async (t) => {
  const one = await startAuthority(t, { revocation: 'crl' });
  const list = Buffer.from(await (await fetch(`http://127.0.0.1:${one.port}/crl`)).arrayBuffer());
  list[list.length - 1]! ^= 1;
  one.tellRevocation((reply) => reply.end(list));
  t.match((await ask(one)).unanswered, [{ code: 'revocation-not-authentic' }]);
});

t.test('a stop ends the question', async (t) => {
  const port = await startHttp(t, () => {});
  const deps = depsTo([port]);
  const asked = { url: `http://127.0.0.1:${port}/`, trust: trustIn([stranger]) };
  await t.rejects(obtainToken(deps, asked, DOCUMENT, AbortSignal.timeout(50)), { code: 'door-stopped' });
});
