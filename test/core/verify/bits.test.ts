import t from 'tap';
import { makeSample, trustList } from '../../../scripts/vectors/sample.ts';
import { givenFile } from '../../../scripts/vectors.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../../server/core/verify/verify.ts';

t.test('every single-bit change of a certificate is refused', { timeout: 240_000 }, async (t) => {
  const { bytes, blockHash } = await makeSample();
  const trust = parseTrust(utf8(JSON.stringify(trustList())));
  const check = async (certificate: Uint8Array) =>
    verifyCertificate({
      certificate,
      files: [givenFile({ file: 'photo.jpg' })],
      trust,
      blocks: [{ source: 'by hand', hash: blockHash }],
      signatures: nodeSignatures,
    });
  t.equal((await check(bytes)).verdict, 'valid');
  const text = new TextDecoder().decode(bytes);
  const signature = utf8(text.slice(0, text.indexOf('"signature":{'))).length;
  const first: Record<string, number> = {};
  const survivors: number[] = [];
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const at = bit >> 3;
    const report = await check(bytes.with(at, bytes[at]! ^ (1 << (bit & 7))));
    if (report.verdict !== 'invalid') survivors.push(bit);
    const failed = report.checks.find((one) => one.status === 'failed')?.id ?? 'none';
    first[failed] = (first[failed] ?? 0) + 1;
    // A change that leaves a readable certificate is found by the signature, wherever it is.
    if (failed !== 'format' && failed !== 'signature') t.fail(`bit ${bit}: ${failed}`);
  }
  t.ok(signature > 0);
  t.same(survivors, []);
  t.comment(JSON.stringify(first));
});
