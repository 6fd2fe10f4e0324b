import t from 'tap';
import { headOf, makeEvents } from '../../../scripts/vectors/case-sample.ts';
import { trustList } from '../../../scripts/vectors/sample.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { MAX_HEAD_BYTES, parseCaseHead } from '../../../server/core/case/head.ts';
import { toHex, utf8 } from '../../../server/core/read/bytes.ts';
import { canonicalize, type Json, type JsonObject, parseJson } from '../../../server/core/read/json.ts';
import { FormatError } from '../../../server/core/reason.ts';
import { checkIssuer } from '../../../server/core/verify/issuer.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';

const made = await makeEvents([{ sample: null }, { sample: null }, { sample: null }]);
const bytes = await headOf(made[2]!);
const document = parseJson(bytes) as JsonObject;
const trust = parseTrust(utf8(JSON.stringify(trustList())));
const read = (changes: Readonly<Record<string, Json>>) =>
  parseCaseHead(utf8(canonicalize({ ...document, ...changes })));

t.test('a head says how many events there are, which is the last, and where it led', async (t) => {
  const head = parseCaseHead(bytes);
  const { event, leaf } = made[2]!;
  t.match(head, {
    ...{ at: '2026-11-22T07:30:00.000Z', case: event.case, count: 3, format: 'kezheng-case-head/1' },
    ...{ last: toHex(leaf), procedure: 'notarization/1', state: event.to },
  });
  const { signature: _, ...unsigned } = document;
  t.equal(new TextDecoder().decode(head.signedBytes), canonicalize(unsigned));
});

t.test('a member more, a member less, and a value of another kind are refused', async (t) => {
  t.throws(() => read({ note: 'x' }), { code: 'field-unknown' });
  for (const name of Object.keys(document)) {
    const { [name]: _, ...rest } = document;
    t.throws(() => parseCaseHead(utf8(canonicalize(rest))), { code: 'field-missing' }, name);
    t.throws(() => read({ [name]: [] }), { name: 'FormatError' }, name);
  }
  for (const wrong of [
    { count: 0 },
    { last: '00' },
    { case: 'x' },
    { procedure: 'x' },
    { at: '2026-02-30T00:00:00.000Z' },
    { format: 'kezheng-case-head/2' },
    { signature: { ...(document['signature'] as JsonObject), header: {} } },
  ])
    t.throws(() => read(wrong as JsonObject), { name: 'FormatError' });
});

t.test('other bytes of the same document are refused, and more of them than allowed', async (t) => {
  t.throws(() => parseCaseHead(utf8(`${new TextDecoder().decode(bytes)}\n`)), { name: 'FormatError' });
  t.throws(() => parseCaseHead(new Uint8Array(MAX_HEAD_BYTES + 1)), { code: 'certificate-too-large' });
});

t.test('every single-bit change of a head is refused', { timeout: 240_000 }, async (t) => {
  const isGood = async (given: Uint8Array): Promise<boolean> => {
    try {
      const head = parseCaseHead(given);
      const { checks } = await checkIssuer(head, trust, nodeSignatures, [Date.parse(head.at)]);
      return checks.every(({ status }) => status === 'passed');
    } catch (error) {
      if (error instanceof FormatError) return false;
      throw error;
    }
  };
  t.ok(await isGood(bytes));
  const survivors: number[] = [];
  for (let bit = 0; bit < 8 * bytes.length; bit++)
    if (await isGood(bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7))))) survivors.push(bit);
  t.same(survivors, []);
});
