import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { fromHex } from '../../server/core/read/bytes.ts';
import { PROMISE_POLICY, PUBLIC_POLICY } from '../../server/core/token/policies.ts';
import { buildTree, leafHash, rootFromProof, rootOf } from '../../server/core/tree/tree.ts';
import { body, certificateOf, form, hashOnly, type Running, run } from '../support/running.ts';

t.setTimeout(200_000);

const service = await run();
t.teardown(() => service.stop());

const work = mkdtempSync(join(tmpdir(), 'kezheng-tsa-'));
t.teardown(() => rmSync(work, { recursive: true, force: true }));
const at = (name: string): string => join(work, name);
// Never in one turn: the service that is asked runs in this process.
const execute = promisify(execFile);
const openssl = async (...args: readonly string[]) => (await execute('openssl', args)).stdout;

/** Root and signer as the trust list's receiver would have them: from the operator's file. */
const CHAIN = join(service.dataDir, 'tsa.cert.pem');

async function ask(query: Uint8Array, of: Running = service): Promise<Buffer> {
  const once = () =>
    of.call('/v1/tsa', {
      method: 'POST',
      key: null,
      headers: { 'content-type': 'application/timestamp-query' },
      body: query as Uint8Array<ArrayBuffer>,
    });
  let answer = await once();
  // A machine that is busy with other tests says so, and is asked again.
  for (let tries = 0; answer.status === 503 && tries < 20; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    answer = await once();
  }
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('content-type'), 'application/timestamp-reply');
  return Buffer.from(await answer.arrayBuffer());
}

const replyText = async (reply: Uint8Array): Promise<string> => {
  writeFileSync(at('any.tsr'), reply);
  return openssl('ts', '-reply', '-in', at('any.tsr'), '-text');
};

function verifies(reply: Uint8Array, ...args: readonly string[]): Promise<boolean> {
  writeFileSync(at('checked.tsr'), reply);
  return openssl('ts', '-verify', '-in', at('checked.tsr'), '-CAfile', CHAIN, ...args).then(
    () => true,
    () => false,
  );
}

writeFileSync(at('data'), 'what is stamped');

for (const algorithm of ['sha256', 'sha384', 'sha512', 'sm3'])
  for (const withCertificates of [true, false])
    t.test(
      `openssl verifies a token over ${algorithm}, certificate ${withCertificates ? 'asked for' : 'known'}`,
      async (t) => {
        const args = [
          '-data',
          at('data'),
          `-${algorithm}`,
          '-out',
          at('q.tsq'),
          ...(withCertificates ? ['-cert'] : []),
        ];
        await openssl('ts', '-query', ...args);
        const reply = await ask(readFileSync(at('q.tsq')));
        const known = withCertificates ? [] : ['-untrusted', CHAIN];
        t.ok(await verifies(reply, '-queryfile', at('q.tsq'), ...known));
        t.ok(await verifies(reply, '-data', at('data'), ...known));
        const text = await replyText(reply);
        t.match(text, /Status: Granted/);
        t.match(text, new RegExp(`Hash Algorithm: ${algorithm}`));
        t.match(text, new RegExp(`Policy OID: ${PUBLIC_POLICY.replaceAll('.', '\\.')}`));
        t.match(text, /Accuracy: 0x01 seconds, 0x015E millis/);
        t.match(text, /Ordering: no/);
        t.match(text, /Nonce: 0x/);
        writeFileSync(at('other'), 'what is not');
        t.notOk(await verifies(reply, '-data', at('other'), ...known));
      },
    );

const refusals: Record<string, readonly [query: () => Uint8Array | Promise<Uint8Array>, failure: RegExp]> = {
  'SHA-1': [() => query('-sha1'), /unrecognized or unsupported algorithm identifier/],
  'the policy of deposits': [() => query('-tspolicy', PROMISE_POLICY), /policy is not supported/],
  'another policy': [() => query('-tspolicy', '1.2.3.4'), /policy is not supported/],
  garbage: [() => randomBytes(100), /wrong format/],
  nothing: [() => new Uint8Array(), /wrong format/],
  'a request of 2,000 bytes': [() => randomBytes(2_000), /transaction not permitted/],
};
async function query(...args: readonly string[]): Promise<Uint8Array> {
  await openssl('ts', '-query', '-data', at('data'), '-out', at('r.tsq'), ...args);
  return readFileSync(at('r.tsq'));
}
for (const [what, [make, failure]] of Object.entries(refusals))
  t.test(`${what}: refused in the protocol's own words, with sentences in both languages`, async (t) => {
    const text = await replyText(await ask(await make()));
    t.match(text, /Status: Rejected/);
    t.match(text, failure);
    t.match(text, / \/ /);
  });

t.test('what is no request over HTTP is a problem', async (t) => {
  const post = (type: string, bytes: Uint8Array) =>
    service.call('/v1/tsa', {
      method: 'POST',
      key: null,
      headers: { 'content-type': type },
      body: bytes as Uint8Array<ArrayBuffer>,
    });
  t.match(await body(post('application/json', Buffer.from('{}'))), { status: 415 });
  t.match(await body(post('text/plain', Buffer.from('x'))), { status: 415 });
  const large = await post('application/timestamp-query', Buffer.alloc(70_000));
  t.equal(large.status, 413);
});

const found = async (replies: readonly Buffer[], what: RegExp): Promise<string[]> => {
  const values: string[] = [];
  for (const reply of replies) values.push(what.exec(await replyText(reply))![1]!);
  return values;
};

t.test('serial numbers never repeat and times never go back, across a restart', async (t) => {
  const first = await run();
  const replies: Buffer[] = [];
  const some = async (of: Running) => {
    for (let i = 0; i < 5; i++) replies.push(await ask(await query('-sha256'), of));
  };
  await some(first);
  await first.pause();
  const second = await run({}, first.dataDir);
  t.teardown(() => second.stop());
  await some(second);
  t.equal(new Set(await found(replies, /Serial number: (0x[0-9A-F]+)/)).size, replies.length);
  const times = (await found(replies, /Time stamp: (.*)/)).map((time) => Date.parse(time));
  t.same(
    times,
    times.toSorted((a, b) => a - b),
  );
});

// ---------------------------------------------------------------- deposits

const download = async (path: string): Promise<Buffer> => {
  const answer = await service.call(path);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return Buffer.from(await answer.arrayBuffer());
};

async function receiptOf(t: Test, id: string) {
  const receipt = await body(service.call(`/v1/evidence/${id}/receipt`));
  t.equal(receipt.id, id);
  return receipt;
}

t.test('a deposit has its receipt at once: openssl verifies the token over the manifest', async (t) => {
  const sent = { method: 'POST', body: form({ title: '照片' }, [{ name: 'a.jpg', bytes: randomBytes(50) }]) };
  for (const made of [
    await body(service.call('/v1/evidence', sent)),
    await body(service.call('/v1/evidence', { json: hashOnly(1) })),
  ]) {
    const manifest = await download(`/v1/evidence/${made.id}/receipt/manifest.json`);
    const token = await download(`/v1/evidence/${made.id}/receipt/token.tsr`);
    writeFileSync(at('manifest.json'), manifest);
    t.ok(await verifies(token, '-data', at('manifest.json')));
    const receipt = await receiptOf(t, made.id);
    t.equal(receipt.manifest, manifest.toString());
    t.equal(receipt.leafHash, made.leafHash);
    t.same(JSON.parse(receipt.manifest), made.manifest);
    t.equal(receipt.stamp.type, 'rfc3161-manifest/1');
    t.same(Buffer.from(receipt.stamp.reply, 'base64'), token);
    t.equal(receipt.stamp.imprint, createHash('sha256').update(manifest).digest('hex'));
    t.match(await replyText(token), new RegExp(`Policy OID: ${PROMISE_POLICY.replaceAll('.', '\\.')}`));
    writeFileSync(at('changed.json'), manifest.toString().replace('"none"', '"nonE"'));
    t.notOk(await verifies(token, '-data', at('changed.json')));
  }
});

t.test('a bulk call has one token over the root of its leaves, and each entry the path to it', async (t) => {
  const lines = Array.from({ length: 5 }, (_, i) => JSON.stringify(hashOnly(100 + i))).join('\n');
  const headers = { 'content-type': 'application/x-ndjson' };
  const answer = await service.call('/v1/evidence/bulk', { method: 'POST', headers, body: lines });
  const made = (await answer.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const leaves = made.map(({ leafHash: leaf }) => fromHex(leaf));
  const root = rootOf(buildTree(Buffer.concat(leaves)));
  const replies = new Set<string>();
  for (const [i, { id }] of made.entries()) {
    const { stamp, manifest } = await receiptOf(t, id);
    t.match(stamp, { type: 'rfc3161-bulk/1', path: { index: i, size: 5 } });
    const hashes = stamp.path.hashes.map((hash: string) => fromHex(hash));
    t.same(Buffer.from(rootFromProof(leafHash(Buffer.from(manifest)), i, 5, hashes)), Buffer.from(root));
    t.equal(stamp.imprint, Buffer.from(root).toString('hex'));
    t.ok(await verifies(Buffer.from(stamp.reply, 'base64'), '-digest', stamp.imprint));
    replies.add(stamp.reply);
  }
  t.equal(replies.size, 1);
});

t.test('another organization’s receipt is not there', async (t) => {
  const made = await body(service.call('/v1/evidence', { json: hashOnly(2) }));
  for (const path of ['', '/manifest.json', '/token.tsr']) {
    const answer = await service.call(`/v1/evidence/${made.id}/receipt${path}`, { key: service.keys[1] });
    t.equal(answer.status, 404);
  }
});

t.test('the certificate carries the token of its entry', async (t) => {
  const made = await body(service.call('/v1/evidence', { json: hashOnly(3) }));
  const certificate = JSON.parse((await certificateOf(service, made.id)).toString());
  t.match(certificate.tokens, [{ type: 'rfc3161-manifest/1', certificates: [String] }]);
  t.equal(certificate.tokens.length, 1);
});
