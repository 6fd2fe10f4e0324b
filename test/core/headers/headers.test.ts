import t from 'tap';
import { signingKey } from '../../../scripts/vectors/keys.ts';
import { NEW, OLD, renewalTrust } from '../../../scripts/vectors/renewal-cases.ts';
import {
  GENESIS,
  issuerCertificate,
  issuerKey,
  strangerCertificate,
} from '../../../scripts/vectors/sample.ts';
import { authorityCa } from '../../../scripts/vectors/stampers.ts';
import { digestOf, makeToken } from '../../../scripts/vectors/token.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import {
  draftHeaders,
  type HeaderBlock,
  MAX_HEADERS,
  parseHeaders,
} from '../../../server/core/headers/headers.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';
import { canonicalize, type Json, type JsonObject, parseJson } from '../../../server/core/read/json.ts';
import { blocksFromHeaders, checkHeaders } from '../../../server/core/verify/headers.ts';
import type { SignatureRequest } from '../../../server/core/verify/signatures.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';

const hash = (n: number): string => `0x${n.toString(16).padStart(64, '0')}`;
const block = (number: number, changes: Partial<HeaderBlock> = {}): HeaderBlock => ({
  chain: '测试链',
  chainId: 4242,
  genesisHash: GENESIS,
  hash: hash(number),
  number,
  time: '2026-11-22T07:00:00.000Z',
  ...changes,
});

const trust = parseTrust(utf8(JSON.stringify(renewalTrust())));

async function made(
  blocks: readonly HeaderBlock[],
  { by = [OLD], x5c = [issuerCertificate], key = issuerKey, issuedAt = '2026-11-23T00:00:00.000Z' } = {},
): Promise<Uint8Array> {
  const draft = await draftHeaders({ name: '甲', issuedAt, blocks }, x5c, async (bytes) => key.sign(bytes));
  const tokens = by.map((authority) => ({
    token: makeToken({
      digest: digestOf('sha256', draft.stampedBytes),
      policy: authority.policy,
      genTime: '2031-01-01T00:00:00.000Z',
      by: authority.by,
    }),
    certificates: [authority.by.certificate, authorityCa],
    revocation: [],
  }));
  return draft.finish(tokens);
}

const good = await made([block(3), block(1), block(2), block(1)], { by: [OLD, NEW] });

t.test(
  'a list has each block once, in their order, whatever the order in which they were found',
  async (t) => {
    const other = { genesisHash: hash(7) };
    const blocks = [block(2, { chainId: 5 }), block(9, other), block(3), block(9, other), block(1), block(3)];
    const { blocks: found } = parseHeaders(await made(blocks));
    t.strictSame(
      found.map(({ chainId, genesisHash, number }) => [chainId, genesisHash, number]),
      [
        [5, GENESIS, 2],
        [4242, hash(7), 9],
        [4242, GENESIS, 1],
        [4242, GENESIS, 3],
      ],
    );
  },
);

t.test('who signed, and who stamped, is told', async (t) => {
  const { headers, checks, tokens, issuer } = await checkHeaders(good, trust, nodeSignatures);
  t.equal(issuer, 'kezheng test');
  t.equal(headers.name, '甲');
  t.strictSame(
    checks.map(({ id, at, status }) => [id, at, status]),
    [
      ['signature', undefined, 'passed'],
      ['issuer', undefined, 'passed'],
      ['token', 'tokens[0]', 'passed'],
      ['authority', 'tokens[0]', 'passed'],
      ['token', 'tokens[1]', 'passed'],
      ['authority', 'tokens[1]', 'passed'],
    ],
  );
  t.match(tokens, [
    { label: 'old authority', genTime: '2031-01-01T00:00:00.000Z' },
    { label: 'new authority' },
  ]);
  const alone = await checkHeaders(good, undefined, nodeSignatures);
  t.equal(alone.issuer, undefined);
  t.ok(
    alone.checks
      .filter(({ id }) => id === 'issuer' || id === 'authority')
      .every((c) => c.status === 'unknown'),
  );
});

t.test('a list that its signer did not sign is refused, and one of a stranger is told', async (t) => {
  const forged = await made([block(1)], { key: signingKey('nobody') });
  await t.rejects(checkHeaders(forged, trust, nodeSignatures), { code: 'jws-signature-wrong' });
  const changed = change((document) => ({ ...document, name: '乙' }));
  await t.rejects(checkHeaders(changed, trust, nodeSignatures), { code: 'jws-signature-wrong' });
  const foreign = await made([block(1)], { x5c: [strangerCertificate], key: signingKey('stranger') });
  const { checks } = await checkHeaders(foreign, trust, nodeSignatures);
  t.match(checks[1], { id: 'issuer', status: 'failed' });
  const late = await made([block(1)], { issuedAt: '2036-02-01T00:00:00.000Z' });
  t.match((await checkHeaders(late, trust, nodeSignatures)).checks[1], { status: 'failed' });
});

t.test('a token over something else fails, and the list stays a list', async (t) => {
  const other = await made([block(8)]);
  const { tokens } = parseJson(other) as { readonly tokens: Json };
  const mixed = change((document) => ({ ...document, tokens }));
  const { checks, tokens: facts } = await checkHeaders(mixed, trust, nodeSignatures);
  t.match(checks.slice(2), [
    { id: 'token', status: 'failed', reason: { code: 'token-imprint-differs' } },
    { id: 'authority', status: 'skipped' },
  ]);
  t.strictSame(facts, []);
});

t.test('primitives that are broken are no verdict', async (t) => {
  let calls = 0;
  // The list's own signature holds; what comes behind it meets an error.
  const verify = (request: SignatureRequest) =>
    calls++ === 0 ? nodeSignatures.verify(request) : Promise.reject(new Error('no primitives'));
  await t.rejects(checkHeaders(good, undefined, { verify }), /no primitives/);
});

function change(edit: (document: JsonObject) => JsonObject): Uint8Array {
  return utf8(canonicalize(edit(parseJson(good) as JsonObject)));
}

t.test('each rule of the form', async (t) => {
  const blocks = (edit: (list: readonly JsonObject[]) => readonly Json[]) =>
    change((document) => ({ ...document, blocks: edit(document['blocks'] as readonly JsonObject[]) }));
  const first = (changes: JsonObject) => blocks(([one, ...others]) => [{ ...one, ...changes }, ...others]);
  const token = (changes: JsonObject) =>
    change((document) => ({
      ...document,
      tokens: (document['tokens'] as readonly JsonObject[]).map((one) => ({ ...one, ...changes })),
    }));
  const wrong: Readonly<Record<string, readonly [Uint8Array, string]>> = {
    'another order': [blocks((list) => list.toReversed()), 'headers-out-of-order'],
    'a block twice': [blocks(([one, ...others]) => [one!, one!, ...others]), 'headers-out-of-order'],
    'a block twice with two hashes': [
      blocks(([one, ...others]) => [one!, { ...one, hash: hash(5) }, ...others]),
      'headers-out-of-order',
    ],
    'a short hash': [first({ hash: '0x00' }), 'field-value-wrong'],
    'no such day': [first({ time: '2026-02-30T00:00:00.000Z' }), 'field-value-wrong'],
    'a member more': [first({ more: 1 }), 'field-unknown'],
    'another type of token': [token({ type: 'rfc3161-root/1' }), 'field-value-wrong'],
    'too many tokens': [
      change((document) => ({
        ...document,
        tokens: Array.from({ length: 41 }, () => (document['tokens'] as Json[])[0]!),
      })),
      'field-value-wrong',
    ],
    'another format': [
      change((document) => ({ ...document, format: 'kezheng-headers/2' })),
      'field-value-wrong',
    ],
    'not canonical': [utf8(`${new TextDecoder().decode(good)}\n`), 'json-not-canonical'],
    'too long': [new Uint8Array(64 * 1024 * 1024 + 1), 'certificate-too-large'],
  };
  for (const [name, [bytes, code]] of Object.entries(wrong))
    t.throws(() => parseHeaders(bytes), { code }, name);
  const many = Array.from({ length: MAX_HEADERS + 1 }, (_, number) => block(number));
  await t.rejects(made(many), { code: 'headers-too-many' });
  const twoHashes = await made([block(1), block(1, { hash: hash(9) })]);
  t.throws(() => parseHeaders(twoHashes), { code: 'headers-out-of-order' });
});

t.test('of a list only the blocks that are looked for speak, of their own chain', async (t) => {
  const headers = parseHeaders(
    await made([block(1), block(2), block(1, { chainId: 5 }), block(1, { genesisHash: hash(7) })]),
  );
  const source = 'a list';
  t.strictSame(blocksFromHeaders(headers, [{ chainId: 4242, number: 1 }], source), [
    { source, chainId: 4242, genesisHash: hash(7), number: 1, hash: hash(1) },
    { source, chainId: 4242, genesisHash: GENESIS, number: 1, hash: hash(1) },
  ]);
  t.strictSame(blocksFromHeaders(headers, [{ chainId: 4242, number: 9 }], source), []);
});
