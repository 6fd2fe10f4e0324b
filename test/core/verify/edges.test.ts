import t from 'tap';
import { CONTRACT } from '../../../scripts/vectors/block.ts';
import { makeSample, operator, rootCertificate, trustList } from '../../../scripts/vectors/sample.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { type HeaderAnchor, parseCertificate } from '../../../server/core/certificate/certificate.ts';
import { certificateNumber, certificateNumberField } from '../../../server/core/certificate/number.ts';
import { encodeBase64 } from '../../../server/core/read/base64.ts';
import { concat, equalBytes, fromHex, toHex, utf8 } from '../../../server/core/read/bytes.ts';
import { list, text } from '../../../server/core/read/fields.ts';
import { checkAnchor } from '../../../server/core/verify/anchors.ts';
import { checkInclusion } from '../../../server/core/verify/inclusion.ts';
import { askingOnce, type SignatureRequest } from '../../../server/core/verify/signatures.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';
import { blocksToCompare, verifyCertificate } from '../../../server/core/verify/verify.ts';

t.test('hex has one spelling and the length that is asked for', async (t) => {
  t.strictSame(fromHex('00ff'), Uint8Array.of(0, 255));
  t.equal(toHex(fromHex('00ff', 2)), '00ff');
  for (const bad of ['0', 'FF', '0x00', 'g0', ' 00', '00\n'])
    t.throws(() => fromHex(bad), { code: 'hex-invalid' }, bad);
  t.throws(() => fromHex('00ff', 3), { code: 'length-wrong', detail: { expected: 3, actual: 2 } });
  t.ok(equalBytes(concat(Uint8Array.of(1), Uint8Array.of(2, 3)), Uint8Array.of(1, 2, 3)));
  t.notOk(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2)));
  t.notOk(equalBytes(Uint8Array.of(1), Uint8Array.of(2)));
  t.throws(() => list(text)('x', 'here'), {
    code: 'field-type-wrong',
    detail: { at: 'here', expected: 'list' },
  });
});

t.test('check digits find every wrong digit and every swap of two neighbours', async (t) => {
  const check = (number: string) => certificateNumberField(number, 'number');
  for (const serial of [1, 42, 99_999_999, 123_456_789_012]) {
    const number = certificateNumber(2026, serial);
    t.equal(check(number), number);
    const digits = [...number].flatMap((character, i) => (character === '-' ? [] : i));
    for (const [n, at] of digits.entries()) {
      for (let digit = 0; digit <= 9; digit++)
        if (String(digit) !== number[at])
          t.throws(() => check(number.slice(0, at) + digit + number.slice(at + 1)));
      const next = digits[n + 1];
      if (next === undefined || number[at] === number[next]) continue;
      const swapped = [...number].with(at, number[next]!).with(next, number[at]!).join('');
      t.throws(() => check(swapped), { code: 'certificate-number-check' });
    }
  }
});

t.test('a trust list is read strictly, and says where it is wrong', async (t) => {
  const read = (changes: object) =>
    parseTrust(utf8(JSON.stringify({ ...trustList(), ...changes }, undefined, 2)));
  const authority = { label: 'a', policies: ['1.2.3'], roots: [encodeBase64(rootCertificate)] };
  t.equal(read({ authorities: [authority] }).authorities[0]!.policies[0], '1.2.3');
  const wrong: readonly [object, RegExp][] = [
    [{ format: 'kezheng-trust/2' }, /field-value-wrong/],
    [{ extra: 1 }, /field-unknown/],
    [{ logs: [{}] }, /field-missing/],
    [{ authorities: [{ ...authority, policies: ['1.02'] }] }, /field-value-wrong/],
    [{ authorities: [{ ...authority, roots: ['AA=='] }] }, /der-/],
    [{ issuers: [{ name: 'x', certificates: ['!'] }] }, /base64-invalid/],
    [{ logs: [{ ...(trustList()['logs'] as object[])[0], test: 'no' }] }, /field-type-wrong/],
  ];
  for (const [changes, message] of wrong) t.throws(() => read(changes), message, JSON.stringify(changes));
  t.throws(() => parseTrust(new Uint8Array(4 * 1024 * 1024 + 1)), { code: 'certificate-too-large' });
  t.throws(() => parseCertificate(new Uint8Array(1024 * 1024 + 1)), { code: 'certificate-too-large' });
});

t.test('what breaks in the checker itself is never told as a failed check', async (t) => {
  const broken = { header: null } as unknown as HeaderAnchor;
  t.throws(
    () => checkAnchor({ ...broken, type: 'ethereum-header/1' }, 'anchors[0]', undefined, []),
    TypeError,
  );
  t.throws(() => checkInclusion({ inclusion: { batch: null } } as never, []), TypeError);
  t.throws(() => blocksToCompare(null as never), TypeError);
  const { bytes } = await makeSample();
  const signatures = { verify: () => Promise.reject(new Error('no primitives')) };
  const without = { files: [], trust: undefined, blocks: [] };
  await t.rejects(verifyCertificate({ ...without, certificate: bytes, signatures }), /no primitives/);
  await t.rejects(verifyCertificate({ ...without, certificate: null as never, signatures }), TypeError);
});

t.test('the blocks to look up are those of the anchors, and none where nothing can be read', async (t) => {
  const { bytes, blockHash, blockNumber } = await makeSample({
    anchors: (anchor) => [{ type: 'other/1' }, anchor],
  });
  t.strictSame(blocksToCompare(bytes), [
    { chainId: 4242, contract: CONTRACT, operator: operator.address, number: blockNumber, hash: blockHash },
  ]);
  t.strictSame(blocksToCompare(utf8('{}')), []);
});

t.test('a file is named by its digest where it came without a name', async (t) => {
  const { bytes } = await makeSample();
  const report = await verifyCertificate({
    certificate: bytes,
    files: [{ sha256: '00'.repeat(32), basis: 'supplied' }],
    trust: undefined,
    blocks: [],
    signatures: nodeSignatures,
  });
  t.match(report.checks.find((check) => check.id === 'files')?.reason, {
    code: 'file-not-in-entry',
    detail: { name: '00'.repeat(32), count: 1 },
  });
});

t.test('a chain is a test chain until the trust list says that it is none', async (t) => {
  const { bytes } = await makeSample();
  const log = (trustList()['logs'] as readonly object[])[0];
  const earnest = parseTrust(utf8(JSON.stringify(trustList({ logs: [{ ...log, test: false }] as never }))));
  const report = async (trust: ReturnType<typeof parseTrust> | undefined) =>
    verifyCertificate({ certificate: bytes, files: [], trust, blocks: [], signatures: nodeSignatures });
  t.equal((await report(earnest)).testChain, false);
  t.equal((await report(undefined)).testChain, true);
});

t.test('a signature is asked about once, and again where anything else of it differs', async (t) => {
  const asked: SignatureRequest[] = [];
  const verifier = askingOnce({
    verify(request) {
      asked.push(request);
      return Promise.resolve(asked.length === 1);
    },
  });
  const one: SignatureRequest = {
    algorithm: 'ecdsa-sha256-der',
    spki: Uint8Array.of(1),
    message: Uint8Array.of(2, 3),
    signature: Uint8Array.of(4),
  };
  const again = { ...one, spki: Uint8Array.of(1), message: Uint8Array.of(2, 3), signature: Uint8Array.of(4) };
  t.equal(await verifier.verify(one), true);
  t.equal(await verifier.verify(again), true);
  t.equal(asked.length, 1);
  const others: readonly Partial<SignatureRequest>[] = [
    { algorithm: 'rsa-sha256' },
    { spki: Uint8Array.of(9) },
    { message: Uint8Array.of(2) },
    { signature: Uint8Array.of(5) },
    { spki: Uint8Array.of(1, 2), message: Uint8Array.of(3) },
  ];
  for (const other of others) t.equal(await verifier.verify({ ...one, ...other }), false);
  t.equal(asked.length, 1 + others.length);
});
