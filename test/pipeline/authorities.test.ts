import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { parseToken } from '../../server/core/token/read.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../server/core/verify/verify.ts';
import { OPERATOR_ID } from '../../server/ports/store.ts';
import { askingOf, granted, startAuthority, tokenIn } from '../support/authorities.ts';
import { until } from '../support/configured.ts';
import { body, certificateOf, digestOf, hashOnly, type Running, run } from '../support/running.ts';
import { databaseOf } from '../support/storage.ts';

/*
 * A whole service whose batches are stamped by others: by OpenSSL, and by another service of this program.
 */

t.setTimeout(200_000);

const execute = promisify(execFile);

const deposit = async (service: Running, n: number): Promise<string> =>
  (await body(service.call('/v1/evidence', { json: hashOnly(n) }))).id;

const batchOf = (service: Running, number: number) => body(service.call(`/v1/batches/${number}`));

/** The batch of a deposit, once it has so many tokens. */
const stamped = (service: Running, id: string, tokens: number) =>
  until(`${tokens} tokens`, async () => {
    const { batch } = await body(service.call(`/v1/evidence/${id}`));
    const view = batch && (await batchOf(service, batch.number));
    return view?.tokens.length === tokens ? view : undefined;
  });

const partOf = async (service: Running) =>
  (await body(fetch(`${service.url}/health/ready`))).parts.authorities;

const seriesOf = async (service: Running) => {
  const page = await (await service.call('/metrics', { key: null })).text();
  return Object.fromEntries(
    page
      .split('\n')
      .filter((line) => /^kezheng_(?:authority|batch_unstamped)/.test(line))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
};

/** Until the certificate has so many tokens of others; later ones come with a new revision. */
const certifiedWith = (service: Running, id: string, tokens: number) =>
  until(`a certificate with ${tokens} tokens`, async () => {
    const bytes = await certificateOf(service, id);
    const certificate = JSON.parse(bytes.toString());
    const outside = certificate.tokens.filter(({ type }: { type: string }) => type === 'rfc3161-root/1');
    return outside.length === tokens ? { bytes, certificate } : undefined;
  });

const checked = (service: Running, certificate: Uint8Array, n: number) =>
  verifyCertificate({
    certificate,
    files: [{ sha256: digestOf(n), size: n, basis: 'supplied' }],
    trust: parseTrust(readFileSync(join(service.dataDir, 'trust.json'))),
    blocks: [],
    signatures: nodeSignatures,
  });

async function verifies(t: Test, reply: Buffer, document: string, root: string): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-verify-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'token.tsr'), reply);
  writeFileSync(join(folder, 'document'), document);
  return execute('openssl', [
    ...['ts', '-verify', '-in', join(folder, 'token.tsr'), '-data', join(folder, 'document')],
    ...['-CAfile', root],
  ]).then(
    () => true,
    () => false,
  );
}

t.test('each batch is stamped by each authority, and certificates show whose clocks those are', async (t) => {
  const other = await run();
  t.teardown(() => other.stop());
  const [rsa, ec] = await Promise.all([
    startAuthority(t, { key: 'rsa-2048', revocation: 'crl' }),
    startAuthority(t, { key: 'P-256', revocation: 'ocsp' }),
  ]);
  const otherPort = Number(new URL(other.url).port);
  const otherRoot = readFileSync(join(other.dataDir, 'tsa.cert.pem'), 'utf8')
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .findLast((one) => one.includes('BEGIN'))!;
  const entries = [
    rsa.entry('甲授时中心'),
    ec.entry('乙授时中心'),
    // A body may have several addresses: it counts once.
    {
      ...{ label: '乙授时中心', url: `http://127.0.0.1:${otherPort}/v1/tsa`, roots: [otherRoot] },
      policies: ['2.25.22927975068909678159370234448777356071'],
    },
  ];
  const service = await run(askingOf(t.testdir(), entries, [rsa.port, ec.port, otherPort]));
  t.teardown(() => service.stop());
  const id = await deposit(service, 1);
  const batch = await stamped(service, id, 3);
  t.same(batch.tokens.map(({ authority }: { authority: string }) => authority).toSorted(), [
    '乙授时中心',
    '乙授时中心',
    '甲授时中心',
  ]);

  const roots = new Map([
    [rsa.port, rsa.root.files.certificate],
    [ec.port, ec.root.files.certificate],
    [otherPort, join(other.dataDir, 'tsa.cert.pem')],
  ]);
  for (const { n, sha256, document, serial, policy, genTime } of batch.tokens) {
    const answer = await service.call(`/v1/batches/${batch.number}/tokens/${n}`, { key: null });
    t.equal(answer.status, 200);
    t.equal(answer.headers.get('content-type'), 'application/timestamp-reply');
    const reply = Buffer.from(await answer.arrayBuffer());
    const token = tokenIn(reply);
    t.equal(createHash('sha256').update(token).digest('hex'), sha256);
    const { info } = parseToken(token);
    t.same([info.serial, info.policy, new Date(info.genTimeMs).toISOString()], [serial, policy, genTime]);
    const named = JSON.parse(document);
    t.match(named, { format: 'kezheng-root/1', root: batch.root, size: batch.size });
    t.match(batch.anchors[0], { index: named.index, contract: named.contract, operator: named.operator });
    const good = await Promise.all([...roots.values()].map((root) => verifies(t, reply, document, root)));
    t.equal(good.filter(Boolean).length, 1, 'openssl agrees, with the root of whoever gave it and no other');
    t.notOk(await verifies(t, reply, `${document} `, [...roots.values()][good.indexOf(true)]!));
  }
  const missing = await service.call(`/v1/batches/${batch.number}/tokens/3`, { key: null });
  t.equal(missing.status, 404);

  const { bytes, certificate } = await certifiedWith(service, id, 3);
  t.match(certificate.tokens[0], { type: 'rfc3161-manifest/1' }, 'the own token stands beside them');
  const ofRsa = certificate.tokens.find(
    (one: { revocation?: { kind: string }[] }) => one.revocation?.[0]?.kind === 'crl',
  );
  t.ok(ofRsa, 'a list of revoked certificates came along');
  const report = await checked(service, bytes, 1);
  const checks = report.checks.filter(({ id: check }) => ['token', 'authority'].includes(check));
  t.same(
    checks.map(({ status }) => status),
    Array(8).fill('passed'),
  );
  t.same(checks.flatMap(({ id: check, reason }) => (check === 'authority' ? reason.code : [])).toSorted(), [
    'authority-independent',
    ...Array(2).fill('authority-independent-unrevoked'),
    'authority-own',
  ]);
  t.same([...report.facts!.authorities].toSorted(), ['乙授时中心', '甲授时中心'], 'each counts once');
  t.match(report.facts!.counts, { clock: 'authority', proven: true }, 'their time counts on a test chain');
  const trust = parseTrust(readFileSync(join(service.dataDir, 'trust.json')));
  t.same(
    trust.authorities.map(({ label, roots: all, policies }) => [label, all.length, policies.length]),
    [
      ['甲授时中心', 1, 1],
      ['乙授时中心', 2, 2],
    ],
  );

  const later = await until('the digests are in the log', async () => {
    const view = await batchOf(service, batch.number);
    return view.tokens.every((one: { entry: unknown }) => one.entry !== null) ? view : undefined;
  });
  const database = await databaseOf(service.dataDir);
  t.teardown(() => database.close());
  const kept = await database.store.batchTokens(batch.number);
  for (const [i, { entry, sha256, authority }] of later.tokens.entries()) {
    t.ok(entry.batch > batch.number, 'a later batch');
    const leaves = Buffer.from(
      await (await service.call(`/v1/batches/${entry.batch}/leaves`, { key: null })).arrayBuffer(),
    );
    const { items } = await database.store.listEvidence(OPERATOR_ID, {}, { limit: 100 });
    const stored = items.find(({ sequence }) => sequence === kept[i]!.sequence)!;
    t.match(JSON.parse(stored.entry), {
      ...{ format: 'kezheng-token/1', authority, batch: batch.number, sha256, salt: /^[0-9a-f]{32}$/ },
    });
    const leaf = createHash('sha256').update(Buffer.of(0)).update(stored.entry).digest();
    t.equal(leaves.subarray(32 * entry.index, 32 * entry.index + 32).compare(leaf), 0);
  }
  const list = await body(service.call('/v1/evidence'));
  t.equal(list.items.length, 1, 'depositors see none of it');
  t.match(await database.store.organization(OPERATOR_ID), { role: 'operator' });

  const last = await until('nothing is left to be stamped', async () => {
    const { tokens, number } = await batchOf(service, later.tokens[0].entry.batch);
    const series = await seriesOf(service);
    const waits = [1, 2, 3].map((n) => series[`kezheng_batch_unstamped_oldest_seconds{authority="${n}"}`]);
    return tokens.length === 0 && waits.every((age) => age === 0) ? number : undefined;
  });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const beyond = Math.max(...later.tokens.map((one: { entry: { batch: number } }) => one.entry.batch)) + 1;
  t.equal(
    (await service.call(`/v1/batches/${beyond}`)).status,
    404,
    'digests of tokens are not stamped again',
  );
  t.ok(last > batch.number);
  const series = await seriesOf(service);
  for (const n of [1, 2, 3]) {
    t.equal(series[`kezheng_authority_requests_total{authority="${n}",outcome="kept"}`], 1);
    t.equal(series[`kezheng_authority_requests_total{authority="${n}",outcome="refused"}`], 0);
  }
  t.notMatch(Object.keys(series).join(), /授时|127/, 'neither names nor addresses are labels');
  t.same(await partOf(service), { status: 'ready' });
});

t.test('one that is away holds up no other; its token comes later, with a new revision', async (t) => {
  const [good, away] = await Promise.all([startAuthority(t), startAuthority(t)]);
  away.answer((_, reply) => reply.writeHead(503).end());
  const env = askingOf(t.testdir(), [away.entry('乙'), good.entry('甲')], [good.port, away.port]);
  const service = await run(env);
  t.teardown(() => service.stop());
  const ids = [await deposit(service, 1)];
  await stamped(service, ids[0]!, 1);
  ids.push(await deposit(service, 2));
  await stamped(service, ids[1]!, 1);
  const first = await certifiedWith(service, ids[0]!, 1);
  t.equal((await checked(service, first.bytes, 1)).facts!.authorities[0], '甲');
  const problem = await partOf(service);
  t.match(problem, {
    status: 'problem',
    code: 'authority-away',
    zh: /乙/,
    en: /乙/,
    detail: { authority: '乙', reason: 'door-status-unexpected' },
  });
  t.notMatch(JSON.stringify(problem), /127\.0\.0\.1/);
  const series = await seriesOf(service);
  t.ok(series['kezheng_authority_requests_total{authority="1",outcome="away"}']! >= 1);
  t.ok(series['kezheng_batch_unstamped_oldest_seconds{authority="1"}']! > 0);
  t.equal(series['kezheng_batch_unstamped_oldest_seconds{authority="2"}'], 0);

  away.answer();
  const views = await Promise.all(ids.map((id) => stamped(service, id, 2)));
  const second = await certifiedWith(service, ids[0]!, 2);
  t.ok(second.certificate.revision > first.certificate.revision);
  t.equal(second.certificate.number, first.certificate.number);
  t.same([...(await checked(service, second.bytes, 1)).facts!.authorities].toSorted(), ['乙', '甲']);
  const sinceMs = Date.parse(problem.since);
  t.ok(Math.abs(Date.now() - sinceMs) < 120_000);
  t.same(await partOf(service), { status: 'ready' });
  const late = views.map(({ tokens }) => tokens.find((one: { authority: string }) => one.authority === '乙'));
  t.ok(Date.parse(late[0].receivedAt) <= Date.parse(late[1].receivedAt), 'the oldest batch first');
  t.equal(new Set(views.map(({ number }) => number)).size, 2);
});

t.test('a token that does not hold is not taken, and the next one is', async (t) => {
  const one = await startAuthority(t);
  one.answer(async (_, reply, honest) => {
    const bytes = await honest();
    bytes[bytes.length - 1]! ^= 1;
    granted(reply, bytes);
  });
  const service = await run(askingOf(t.testdir(), [one.entry('甲')], [one.port]));
  t.teardown(() => service.stop());
  const id = await deposit(service, 1);
  await until('the problem is told', async () => (await partOf(service)).code === 'authority-token-refused');
  t.match((await partOf(service)).detail, { authority: '甲', reason: 'token-signature-wrong' });
  const { batch } = await body(service.call(`/v1/evidence/${id}`));
  t.same((await batchOf(service, batch.number)).tokens, []);
  one.answer();
  await stamped(service, id, 1);
});

t.test('answers about revocation are waited for a little, and then the token is kept without', async (t) => {
  const one = await startAuthority(t, { revocation: 'ocsp' });
  one.tellRevocation((reply) => reply.writeHead(500).end());
  const service = await run(askingOf(t.testdir(), [one.entry('甲')], [one.port]));
  t.teardown(() => service.stop());
  const id = await deposit(service, 1);
  await until('it is told', async () => (await partOf(service)).code === 'authority-revocation-away');
  await stamped(service, id, 1);
  t.equal(one.asked.length, 3);
  const { certificate } = await certifiedWith(service, id, 1);
  t.same(certificate.tokens[1].revocation, []);
  const next = await deposit(service, 2);
  await stamped(service, next, 1);
  t.equal(one.asked.length, 4, 'it is not waited for again for each batch');
});

t.test('a service that stops while it is asked loses nothing, and takes nothing twice', async (t) => {
  const one = await startAuthority(t);
  const env = askingOf(t.testdir(), [one.entry('甲')], [one.port]);
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => (asked = resolve));
  one.answer(() => asked());
  const service = await run(env);
  const id = await deposit(service, 1);
  await isAsked;
  const begunMs = Date.now();
  await service.pause();
  t.ok(Date.now() - begunMs < 10_000, 'it does not wait for the answer');
  one.answer();
  const again = await run(env, service.dataDir);
  t.teardown(() => again.stop());
  const batch = await stamped(again, id, 1);
  await again.pause();
  const third = await run(env, service.dataDir);
  t.teardown(() => third.stop());
  await stamped(third, await deposit(third, 2), 1);
  t.equal((await batchOf(third, batch.number)).tokens.length, 1);
  t.equal(one.asked.length, 3, 'one broken off, one kept, one for the second batch');
});

t.test('batches from before an authority was configured are not stamped late', async (t) => {
  const one = await startAuthority(t);
  const service = await run();
  const id = await deposit(service, 1);
  await certificateOf(service, id);
  const { batch } = await body(service.call(`/v1/evidence/${id}`));
  await service.pause();
  const again = await run(askingOf(t.testdir(), [one.entry('甲')], [one.port]), service.dataDir);
  t.teardown(() => again.stop());
  await stamped(again, await deposit(again, 2), 1);
  t.same((await batchOf(again, batch.number)).tokens, []);
  t.equal(one.asked.length, 1);
});
