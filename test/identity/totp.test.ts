import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { newTotpSecret, totpStep, totpUri } from '../../server/identity/totp.ts';

/** RFC 6238 appendix B, SHA-1; its codes have eight digits, of which ours are the last six (RFC 4226 §5.3: modulo). */
const SECRET = new TextEncoder().encode('12345678901234567890');
const VECTORS: readonly (readonly [number, string])[] = [
  [59, '94287082'],
  [1_111_111_109, '07081804'],
  [1_111_111_111, '14050471'],
  [1_234_567_890, '89005924'],
  [2_000_000_000, '69279037'],
  [20_000_000_000, '65353130'],
];

t.test('the codes of RFC 6238 are taken at their time', async (t) => {
  for (const [seconds, code] of VECTORS)
    t.equal(totpStep(SECRET, code.slice(2), seconds * 1_000), Math.floor(seconds / 30), code);
});

/** RFC 4226 §5.3 */
function codeAt(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const number = mac.readUInt32BE(mac[19]! & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

t.test('a code is taken in its step and one beside it, by another implementation', async () => {
  await fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.integer({ min: 10, max: 2 ** 33 }),
      fc.integer({ min: -5, max: 5 }),
      fc.integer({ min: 0, max: 29_999 }),
      (secret, step, off, ms) => {
        const found = totpStep(secret, codeAt(secret, step), (step + off) * 30_000 + ms);
        // One code in a million is that of a neighbour too.
        const neighbours = [-1, 0, 1].map((one) => step + off + one);
        const same = neighbours.filter((one) => codeAt(secret, one) === codeAt(secret, step));
        return found === undefined ? same.length === 0 : same.includes(found);
      },
    ),
    { numRuns: 500 },
  );
});

t.test('codes are read as apps show them and keyboards type them', async (t) => {
  for (const typed of ['287082', '287 082', ' 287082\n', '287-082', '２８７０８２'])
    t.equal(totpStep(SECRET, typed, 59_000), 1, typed);
  for (const typed of ['', '28708', '2870820', '94287082', '28708a', '+87082', '287.82', '٢٨٧٠٨٢'])
    t.equal(totpStep(SECRET, typed, 59_000), undefined, typed);
});

t.test('a URI tells an app all that it needs, whatever the names hold', async (t) => {
  const secret = newTotpSecret();
  t.equal(secret.length, 20);
  t.notSame(secret, newTotpSecret());
  const told = totpUri(secret, '可证: 演示 &?', 'li@example.com');
  const uri = new URL(told.uri);
  t.equal(uri.protocol, 'otpauth:');
  t.equal(uri.host, 'totp');
  t.equal(decodeURIComponent(uri.pathname), '/可证  演示 &?:li@example.com');
  t.strictSame(Object.fromEntries(uri.searchParams), {
    issuer: '可证  演示 &?',
    secret: told.secret,
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  });
  t.match(told.secret, /^[A-Z2-7]{32}$/);
});
