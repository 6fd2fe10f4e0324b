import t from 'tap';
import { signingKey } from '../../scripts/vectors/keys.ts';
import { makeSample } from '../../scripts/vectors/sample.ts';
import * as who from '../../scripts/vectors/stampers.ts';
import { rootToken } from '../../scripts/vectors/token-sample.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { utf8 } from '../../server/core/read/bytes.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../server/core/verify/verify.ts';
import { body, run } from '../support/running.ts';

/*
 * Certificates that are made to cost much: candidates of two names that issue each other, so that each may be above each.
 */

t.setTimeout(240_000);

const NO_TRUST = { format: 'kezheng-trust/1', name: 'x', logs: [], issuers: [], authorities: [] };
let serial = 50_000;

function costly(set: number) {
  const signerKey = signingKey(`signer ${set}`);
  const above = signingKey(`above ${set} 0`);
  const named = (subject: string, issuer: string, n: number) =>
    who.certify({
      ...{ subject, issuer, key: signingKey(`above ${set} ${n}`), signer: above, ca: true, lists: true },
      serial: serial++,
    });
  const pool = Array.from({ length: 15 }, (_, n) => named(n % 2 ? 'B' : 'A', n % 2 ? 'A' : 'B', n));
  const by = who.stamperOf(`costly ${set}`, signerKey, 'A', above);
  return rootToken({
    token: { by, certificates: pool.slice(0, 8) },
    beside: [by.certificate, ...pool.slice(8)],
  });
}

t.test('the same token sixty-four times costs its signatures once', async (t) => {
  const token = costly(0);
  let asked = 0;
  const count = async (tokens: number): Promise<number> => {
    asked = 0;
    const { bytes } = await makeSample({ tokens: Array(tokens).fill(token) });
    await verifyCertificate({
      certificate: bytes,
      files: [],
      trust: parseTrust(utf8(JSON.stringify(NO_TRUST))),
      blocks: [],
      signatures: {
        verify(request) {
          asked++;
          return nodeSignatures.verify(request);
        },
      },
    });
    return asked;
  };
  const once = await count(1);
  t.ok(once > 10, `${once}`);
  t.ok((await count(64)) <= once + 64, `${asked}`);
});

t.test('what takes too many signatures is refused, and the service answers others meanwhile', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const { bytes } = await makeSample({ tokens: Array.from({ length: 64 }, (_, set) => costly(set)) });
  const form = new FormData();
  form.append('certificate', new Blob([bytes]), 'c.json');
  const beganMs = performance.now();
  const asked = service.call('/v1/verify', { method: 'POST', body: form, key: null });
  let longest = 0;
  let done = false;
  void asked.then(() => (done = true));
  while (!done) {
    const before = performance.now();
    await (await service.call('/health/live', { key: null })).text();
    longest = Math.max(longest, performance.now() - before);
  }
  const answer = await asked;
  t.equal(answer.status, 422);
  t.match(await body(answer), { code: 'verification-too-costly' });
  t.ok(longest < 1_000, `${longest} ms, the whole took ${performance.now() - beganMs}`);
});

t.test('of many, only the one that takes too many signatures is refused', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const one = await makeSample();
  const much = await makeSample({ tokens: Array.from({ length: 64 }, (_, set) => costly(100 + set)) });
  const lines = [one, much, one].map(({ bytes }) => Buffer.from(bytes).toString()).join('\n');
  const answer = await service.call('/v1/verify/batch', {
    method: 'POST',
    body: lines,
    key: null,
    headers: { 'content-type': 'application/x-ndjson' },
  });
  const [first, second, third] = (await answer.text()).split('\n', 3).map((line) => JSON.parse(line));
  t.match(second, { item: 2, verdict: null, problem: { code: 'verification-too-costly', limit: 1_000 } });
  t.match([first, third], [{ verdict: 'invalid' }, { verdict: 'invalid', sameAs: 1 }]);
});
