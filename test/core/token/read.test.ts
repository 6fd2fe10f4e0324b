import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { webCryptoSignatures } from '../../../server/adapters/signatures.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { concat, equalBytes, toHex } from '../../../server/core/read/bytes.ts';
import { contextTag, parseDer, TAG } from '../../../server/core/read/der.ts';
import { encode, encodeOid } from '../../../server/core/read/encode-der.ts';
import { FormatError } from '../../../server/core/reason.ts';
import { certificateSet, signToken, tokenForm, withCertificates } from '../../../server/core/token/build.ts';
import { PUBLIC_POLICY } from '../../../server/core/token/policies.ts';
import { MAX_TOKEN_BYTES, parseToken } from '../../../server/core/token/read.ts';
import { readable } from '../../../server/core/verify/signer.ts';
import { checkToken } from '../../../server/core/verify/token.ts';
import { refusal } from '../../support/format-error.ts';
import { issue, LEAF, openssl } from '../read/openssl.ts';
import { elementAt, replaced } from '../read/rebuild.ts';
import {
  authority,
  content,
  DATA,
  DIGEST,
  digestOf,
  file,
  middle,
  NOW,
  opensslToken,
  root,
  sign,
  signWith,
  stamper,
  TIMESTAMPING,
  token,
} from './authority.ts';

const VERIFIERS = { node: nodeSignatures, WebCrypto: webCryptoSignatures(globalThis.crypto.subtle) };

/** The code with which a token over DIGEST is refused; undefined where it holds. */
async function refused(
  bytes: Uint8Array,
  certificates: readonly Uint8Array[] = [],
  policy?: string,
  verifier = nodeSignatures,
): Promise<string | undefined> {
  try {
    await checkToken(
      { token: bytes, certificates },
      { digest: DIGEST, ...(policy !== undefined && { policy }) },
      verifier,
    );
    return undefined;
  } catch (error) {
    if (error instanceof FormatError) return error.code;
    throw error;
  }
}

t.test('a token of ours holds, with its certificate inside or beside it', async (t) => {
  for (const verifier of Object.values(VERIFIERS)) {
    t.equal(await refused(token({}, certificateSet([stamper.der])), [], PUBLIC_POLICY, verifier), undefined);
    t.equal(await refused(token(), [root.der, stamper.der], PUBLIC_POLICY, verifier), undefined);
  }
  t.equal(await refused(token()), 'token-signer-missing');
  t.equal(await refused(token(), [stamper.der], '1.2.3'), 'token-policy-wrong');
});

t.test('the answer to a request has its nonce', async (t) => {
  const nonce = Uint8Array.of(0x42, 1);
  const answer = (made: Uint8Array, expected: Uint8Array) =>
    checkToken(
      { token: made, certificates: [stamper.der] },
      { digest: DIGEST, nonce: expected },
      nodeSignatures,
    );
  t.same((await answer(token({ nonce }), nonce)).info.nonce, nonce);
  const differs = { code: 'token-nonce-differs' };
  await t.rejects(answer(token({ nonce }), Uint8Array.of(0x42, 2)), differs);
  await t.rejects(answer(token(), nonce), differs);
});

t.test('reading a token leaves its bytes as they are, whatever array they are in', async (t) => {
  const bytes = Buffer.from(token());
  const before = bytes.toString('hex');
  parseToken(bytes);
  t.equal(bytes.toString('hex'), before);
});

t.test('what a token of ours says is read', async (t) => {
  const nonce = Uint8Array.of(0x80, 1);
  const { info, signer } = parseToken(token({ nonce, serial: Uint8Array.of(0xff) }));
  t.match(info, { policy: PUBLIC_POLICY, serial: '00ff', genTimeMs: NOW, accuracyMs: 1000 });
  t.same(info.nonce, nonce);
  t.ok(equalBytes(info.imprint.digest, DIGEST));
  t.match(signer, { serial: toHex(parseDer(stamper.der).children[0]!.children[1]!.content) });
});

const KINDS = ['P-256', 'P-384', 'P-521', 'rsa-2048'] as const;
for (const kind of KINDS) {
  const by = authority(kind, middle);
  for (const digest of ['sha256', 'sha384', 'sha512'] as const)
    t.test(`a token of openssl with a key ${kind} and ${digest} holds`, async (t) => {
      const ess = digest === 'sha256' ? 'sha1' : digest;
      const made = opensslToken({ by, digest, essDigest: ess, chain: [middle], essChain: kind === 'P-256' });
      for (const verifier of Object.values(VERIFIERS))
        t.equal(await refused(made, [], undefined, verifier), undefined);
      const { info, signer, others } = await checkToken(
        { token: made, certificates: [] },
        { digest: DIGEST },
        nodeSignatures,
      );
      t.equal(info.policy, '1.2.3.4.1');
      t.equal(info.accuracyMs, 1501);
      t.ok(equalBytes(signer.raw, by.der));
      t.same(
        others.map(({ raw }) => toHex(raw)),
        [toHex(middle.der)],
      );
    });
}

t.test('tokens of openssl with all that is optional, or nothing of it, hold', async (t) => {
  const by = authority('P-256', root);
  const lines = ['ordering = yes', 'tsa_name = yes', 'accuracy = secs:2'];
  const full = opensslToken({ by, lines });
  t.equal(await refused(full), undefined);
  t.equal(parseToken(full).info.accuracyMs, 2000);
  const bare = opensslToken({ by, lines: [], cert: false });
  t.equal(await refused(bare, [by.der]), undefined);
  t.equal(parseToken(bare).info.accuracyMs, undefined);
  for (const imprint of ['sha384', 'sha512', 'sm3'])
    t.equal(await refused(opensslToken({ by, imprint })), 'token-imprint-differs', imprint);
  t.equal(await refused(opensslToken({ by, imprint: 'sha1' })), 'tsp-algorithm-unsupported');
  t.equal(await refused(opensslToken({ by, data: new Uint8Array(1) })), 'token-imprint-differs');
});

t.test('every single-bit change of a token of ours is refused', async (t) => {
  const bytes = token({ nonce: Uint8Array.of(1, 2, 3) }, certificateSet([stamper.der]));
  t.equal(await refused(bytes), undefined);
  const codes = new Map<string, number>();
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const code = await refused(bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7))));
    if (code === undefined) t.fail(`bit ${bit} changes nothing`);
    else codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  t.ok(codes.get('token-signature-wrong')! > 500);
});

t.test('every single-bit change of a token of openssl is refused', async (t) => {
  const bytes = opensslToken({ by: authority('rsa-2048', root), digest: 'sha512', essDigest: 'sha1' });
  t.equal(await refused(bytes), undefined);
  for (let bit = 0; bit < bytes.length * 8; bit++)
    if ((await refused(bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7))))) === undefined)
      t.fail(`bit ${bit} changes nothing`);
});

t.test('a token that is cut anywhere is refused', async (t) => {
  const bytes = token();
  for (let length = 0; length < bytes.length; length++)
    t.throws(() => parseToken(bytes.slice(0, length)), FormatError);
});

t.test('thousands of tokens with any bytes changed are refused, and never crash', async () => {
  const bytes = token();
  const octet = fc.nat(255);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), octet), { minLength: 1 }), (changes) => {
      const changed = bytes.slice();
      for (const [at, value] of changes) changed[at] = value;
      refusal(() => parseToken(changed));
    }),
    { numRuns: 5000 },
  );
});

const int = (...octets: number[]) => encode(TAG.integer, Uint8Array.from(octets));
const algorithm = (oid: string, ...parameters: readonly Uint8Array[]) =>
  encode(TAG.sequence, encodeOid(oid), ...parameters);
const SHA256 = '2.16.840.1.101.3.4.2.1';
const NULL = encode(TAG.null);
const set = (...parts: readonly Uint8Array[]) => encode(TAG.set, ...parts);
const sequence = (...parts: readonly Uint8Array[]) => encode(TAG.sequence, ...parts);

/** Places in a token of ours with its certificate. */
const DATA_AT = '/1/0';
const SIGNERS = `${DATA_AT}/4`;
const SIGNER = `${SIGNERS}/0`;
const full = token({}, certificateSet([stamper.der]));
const at = (way: string): Uint8Array => elementAt(full, way).raw;
const context = (number: number, ...parts: readonly Uint8Array[]) =>
  encode(contextTag(number, 'constructed'), ...parts);

const UNSIGNED: Readonly<Record<string, readonly [Readonly<Record<string, readonly Uint8Array[]>>, string]>> =
  {
    'its content type is another': [{ '/0': [encodeOid('1.2.840.113549.1.7.1')] }, 'token-shape-wrong'],
    'its version is 1': [{ [`${DATA_AT}/0`]: [int(1)] }, 'token-version-wrong'],
    'its version is 4': [{ [`${DATA_AT}/0`]: [int(4)] }, 'token-version-wrong'],
    'its digest algorithms are none': [{ [`${DATA_AT}/1`]: [set()] }, 'der-element-missing'],
    'its digest algorithms are two': [
      { [`${DATA_AT}/1`]: [set(algorithm(SHA256), algorithm(SHA256))] },
      'token-digest-algorithm-differs',
    ],
    'its digest algorithm is not the signer’s': [
      { [`${DATA_AT}/1`]: [set(algorithm('2.16.840.1.101.3.4.2.3'))] },
      'token-digest-algorithm-differs',
    ],
    'its digest algorithm is none that we know': [
      { [`${DATA_AT}/1`]: [set(algorithm('1.3.14.3.2.26'))] },
      'tsp-algorithm-unsupported',
    ],
    'its content is data': [{ [`${DATA_AT}/2/0`]: [encodeOid('1.2.840.113549.1.7.1')] }, 'token-shape-wrong'],
    'its content is not there': [{ [`${DATA_AT}/2/1`]: [] }, 'der-tag-unexpected'],
    'its content is somebody else’s': [
      {
        [`${DATA_AT}/2/1/0`]: [
          encode(TAG.octetString, elementAt(token({ genTimeMs: NOW + 1 }), '/1/0/2/1/0').content),
        ],
      },
      'token-content-digest-differs',
    ],
    'it has lists of revoked certificates': [
      { [`${DATA_AT}/3`]: [at(`${DATA_AT}/3`), context(1, sequence())] },
      'token-unsigned-part',
    ],
    'its certificates are none, written out': [{ [`${DATA_AT}/3`]: [context(0)] }, 'der-element-missing'],
    'a certificate is of another kind': [
      { [`${DATA_AT}/3/0`]: [context(1, sequence())] },
      'der-tag-unexpected',
    ],
    'nobody signed it': [{ [SIGNERS]: [set()] }, 'der-element-missing'],
    'two signed it': [{ [SIGNERS]: [set(at(SIGNER), at(SIGNER))] }, 'token-signers-wrong'],
    'the signer’s version is 3': [{ [`${SIGNER}/0`]: [int(3)] }, 'token-version-wrong'],
    'the signer is named by its key': [
      { [`${SIGNER}/1`]: [encode(contextTag(0, 'primitive'), DIGEST)] },
      'der-tag-unexpected',
    ],
    'the signer’s serial number is another': [{ [`${SIGNER}/1/1`]: [int(99)] }, 'token-signer-differs'],
    'the signer’s issuer is another': [
      { [`${SIGNER}/1/0`]: [elementAt(middle.der, '/0/5').raw] },
      'token-signer-differs',
    ],
    'the signer’s digest algorithm is another': [
      {
        [`${DATA_AT}/1`]: [set(algorithm('2.16.840.1.101.3.4.2.2'))],
        [`${SIGNER}/2`]: [algorithm('2.16.840.1.101.3.4.2.2')],
      },
      'token-algorithm-unsupported',
    ],
    'there are no signed attributes': [{ [`${SIGNER}/3`]: [] }, 'der-tag-unexpected'],
    'the signed attributes are in another order': [
      { [`${SIGNER}/3`]: [context(0, at(`${SIGNER}/3/1`), at(`${SIGNER}/3/0`), at(`${SIGNER}/3/2`))] },
      'der-set-order-wrong',
    ],
    'the signature algorithm is another': [
      { [`${SIGNER}/4`]: [algorithm('1.2.840.10045.4.3.3')] },
      'token-algorithm-unsupported',
    ],
    'the signature algorithm is RSA': [
      { [`${SIGNER}/4`]: [algorithm('1.2.840.113549.1.1.1', NULL)] },
      'token-signature-wrong',
    ],
    'the signature algorithm has parameters': [
      { [`${SIGNER}/4`]: [algorithm('1.2.840.10045.4.3.2', NULL)] },
      'token-algorithm-unsupported',
    ],
    'the signature is empty': [{ [`${SIGNER}/5`]: [encode(TAG.octetString)] }, 'token-signature-wrong'],
    'it has unsigned attributes': [
      { [`${SIGNER}/5`]: [at(`${SIGNER}/5`), context(1, sequence())] },
      'token-unsigned-part',
    ],
    'something stands behind the signature': [
      { [`${SIGNER}/5`]: [at(`${SIGNER}/5`), NULL] },
      'der-element-surplus',
    ],
  };

for (const [what, [changes, code]] of Object.entries(UNSIGNED))
  t.test(`a token is refused when ${what}`, async (t) =>
    t.equal(await refused(replaced(full, changes)), code),
  );

/** A token whose signature is good, over these attributes in place of ours. */
function signedWith(attributes: readonly Uint8Array[], by = sign): Uint8Array {
  const toSign = set(...attributes.toSorted((a, b) => Buffer.compare(a, b)));
  const tagged = toSign.slice();
  tagged[0] = contextTag(0, 'constructed');
  return replaced(full, {
    [`${SIGNER}/3`]: [tagged],
    [`${SIGNER}/5`]: [encode(TAG.octetString, by(toSign))],
  });
}

const attribute = (oid: string, ...values: readonly Uint8Array[]) => sequence(encodeOid(oid), set(...values));
const OURS = [0, 1, 2].map((i) => at(`${SIGNER}/3/${i}`));
const [CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE] = OURS as [Uint8Array, Uint8Array, Uint8Array];
const without = (one: Uint8Array) => OURS.filter((other) => other !== one);
const V1 = '1.2.840.113549.1.9.16.2.12';
const V2 = '1.2.840.113549.1.9.16.2.47';
const octets = (bytes: Uint8Array) => encode(TAG.octetString, bytes);
const ids = (...list: readonly Uint8Array[]) => sequence(sequence(...list));
const issuerName = elementAt(stamper.der, '/0/3').raw;
const serial = elementAt(stamper.der, '/0/1').raw;
const issuerSerial = (name = issuerName, number = serial) => sequence(sequence(context(4, name)), number);
const sha1 = digestOf('sha1', stamper.der);
const sha256 = digestOf('sha256', stamper.der);
const protection = (digest: Uint8Array, signature: string) =>
  attribute('1.2.840.113549.1.9.52', sequence(digest, context(1, encodeOid(signature))));
const ECDSA = '1.2.840.10045.4.3.2';

const HOLD: Readonly<Record<string, readonly Uint8Array[]>> = {
  'ESSCertID of version 1': [...without(SIGNING_CERTIFICATE), attribute(V1, ids(sequence(octets(sha1))))],
  'ESSCertID of both versions': [...OURS, attribute(V1, ids(sequence(octets(sha1))))],
  'issuer and serial number in it': [
    ...without(SIGNING_CERTIFICATE),
    attribute(V2, ids(sequence(octets(sha256), issuerSerial()))),
  ],
  'SHA-256 named in it, though it is the default': [
    ...without(SIGNING_CERTIFICATE),
    attribute(V2, ids(sequence(algorithm(SHA256), octets(sha256)))),
  ],
  'SHA-512, others of the chain and a policy in it': [
    ...without(SIGNING_CERTIFICATE),
    attribute(
      V2,
      sequence(
        sequence(
          sequence(algorithm('2.16.840.1.101.3.4.2.3', NULL), octets(digestOf('sha512', stamper.der))),
          sequence(octets(digestOf('sha256', root.der))),
        ),
        sequence(sequence(encodeOid('1.2.3'))),
      ),
    ),
  ],
  'the algorithms repeated under the signature': [...OURS, protection(algorithm(SHA256), ECDSA)],
  'a signing time and an attribute that nobody knows': [
    ...OURS,
    attribute('1.2.840.113549.1.9.5', encode(TAG.utcTime, new TextEncoder().encode('260101000000Z'))),
    attribute('1.2.3.4', NULL, NULL),
  ],
};
for (const [what, attributes] of Object.entries(HOLD))
  t.test(`a token holds with ${what}`, async (t) =>
    t.equal(await refused(signedWith(attributes)), undefined),
  );

const SIGNED: Readonly<Record<string, readonly [readonly Uint8Array[], string]>> = {
  'no content type is signed': [without(CONTENT_TYPE), 'der-tag-unexpected'],
  'another content type is signed': [
    [...without(CONTENT_TYPE), attribute('1.2.840.113549.1.9.3', encodeOid('1.2.840.113549.1.7.1'))],
    'token-shape-wrong',
  ],
  'no digest is signed': [without(MESSAGE_DIGEST), 'der-tag-unexpected'],
  'two digests are signed': [
    [...without(MESSAGE_DIGEST), attribute('1.2.840.113549.1.9.4', octets(DIGEST), octets(DIGEST))],
    'token-attribute-wrong',
  ],
  'an attribute stands twice': [[...OURS, CONTENT_TYPE], 'token-attribute-wrong'],
  'no certificate is named': [without(SIGNING_CERTIFICATE), 'token-signer-unnamed'],
  'no certificate stands in the list of names': [
    [...without(SIGNING_CERTIFICATE), attribute(V2, ids())],
    'der-element-missing',
  ],
  'the certificate that is named is another': [
    [...without(SIGNING_CERTIFICATE), attribute(V2, ids(sequence(octets(digestOf('sha256', root.der)))))],
    'token-signer-missing',
  ],
  'the two names are of two certificates': [
    [...OURS, attribute(V1, ids(sequence(octets(digestOf('sha1', root.der)))))],
    'token-signer-missing',
  ],
  'the second name is of another certificate': [
    [
      ...without(SIGNING_CERTIFICATE),
      attribute(V1, ids(sequence(octets(sha1)))),
      attribute(V2, ids(sequence(octets(DIGEST)))),
    ],
    'token-signer-differs',
  ],
  'the issuer in the name is another': [
    [
      ...without(SIGNING_CERTIFICATE),
      attribute(V2, ids(sequence(octets(sha256), issuerSerial(elementAt(middle.der, '/0/5').raw)))),
    ],
    'token-signer-differs',
  ],
  'the serial number in the name is another': [
    [
      ...without(SIGNING_CERTIFICATE),
      attribute(V2, ids(sequence(octets(sha256), issuerSerial(issuerName, int(99))))),
    ],
    'token-signer-differs',
  ],
  'the issuer in the name is two': [
    [
      ...without(SIGNING_CERTIFICATE),
      attribute(
        V2,
        ids(
          sequence(
            octets(sha256),
            sequence(sequence(context(4, issuerName), context(4, issuerName)), serial),
          ),
        ),
      ),
    ],
    'token-signer-unnamed',
  ],
  'the certificate is named by a digest that we do not know': [
    [...without(SIGNING_CERTIFICATE), attribute(V2, ids(sequence(algorithm('1.3.14.3.2.26'), octets(sha1))))],
    'tsp-algorithm-unsupported',
  ],
  'another digest algorithm is signed': [
    [...OURS, protection(algorithm('2.16.840.1.101.3.4.2.3'), ECDSA)],
    'token-digest-algorithm-differs',
  ],
  'another signature algorithm is signed': [
    [...OURS, protection(algorithm(SHA256), '1.2.840.10045.4.3.3')],
    'token-digest-algorithm-differs',
  ],
};
for (const [what, [attributes, code]] of Object.entries(SIGNED))
  t.test(`a token is refused when ${what}`, async (t) =>
    t.equal(await refused(signedWith(attributes)), code),
  );

/** A token over this TSTInfo, all else good. */
function overInfo(...members: readonly Uint8Array[]): Uint8Array {
  const info = sequence(...members);
  const digest = attribute('1.2.840.113549.1.9.4', octets(digestOf('sha256', info)));
  const signed = signedWith([CONTENT_TYPE, digest, SIGNING_CERTIFICATE]);
  return replaced(signed, { [`${DATA_AT}/2/1/0`]: [octets(info)] });
}

const infoElement = parseDer(elementAt(full, `${DATA_AT}/2/1/0`).content);
const [VERSION, POLICY, IMPRINT, SERIAL, TIME, ACCURACY] = infoElement.children.map(({ raw }) => raw) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const HEAD = [VERSION, POLICY, IMPRINT, SERIAL, TIME];
const TRUE = encode(TAG.boolean, Uint8Array.of(0xff));
const millis = (...value: number[]) => encode(contextTag(0, 'primitive'), Uint8Array.from(value));
const micros = (...value: number[]) => encode(contextTag(1, 'primitive'), Uint8Array.from(value));
const extension = (...critical: readonly Uint8Array[]) =>
  context(1, sequence(encodeOid('1.2.3'), ...critical, octets(NULL)));
const time = (text: string) => encode(TAG.generalizedTime, new TextEncoder().encode(text));

const accuracyOf = async (accuracy: Uint8Array) => {
  const bytes = overInfo(...HEAD, accuracy);
  return (await refused(bytes)) ?? parseToken(bytes).info.accuracyMs;
};

t.test('an accuracy counts in whole milliseconds, upwards', async (t) => {
  t.equal(await accuracyOf(sequence()), 0);
  t.equal(await accuracyOf(sequence(int(2), millis(3), micros(1))), 2004);
  t.equal(await accuracyOf(sequence(micros(3, 0xe7))), 1, '999 microseconds');
  t.equal(await accuracyOf(sequence(int(1, 0x51, 0x80))), 86_400_000, 'a day');
  for (const wrong of [
    sequence(int(1, 0x51, 0x81)),
    sequence(millis(0)),
    sequence(millis(3, 0xe8)),
    sequence(micros(0)),
  ])
    t.equal(await accuracyOf(wrong), 'token-accuracy-invalid');
  t.equal(await accuracyOf(sequence(int(0xff))), 'der-integer-invalid');
});

t.test('a token holds with all that a TSTInfo may have', async (t) => {
  const tsa = context(0, context(4, issuerName));
  t.equal(await refused(overInfo(...HEAD, ACCURACY, TRUE, int(5), tsa, extension())), undefined);
  t.equal(await refused(overInfo(...HEAD)), undefined);
  const late = overInfo(VERSION, POLICY, IMPRINT, SERIAL, time('20261122070009.1239Z'));
  t.equal(parseToken(late).info.genTimeMs, Date.parse('2026-11-22T07:00:09.123Z'));
});

const INFOS: Readonly<Record<string, readonly [readonly Uint8Array[], string]>> = {
  'its TSTInfo is of version 2': [[int(2), ...HEAD.slice(1)], 'tsp-version-unsupported'],
  'its time has no seconds': [[...HEAD.slice(0, 4), time('202611220700Z')], 'der-time-invalid'],
  'its time is local': [[...HEAD.slice(0, 4), time('20261122070000')], 'der-time-invalid'],
  'its time has zeros at the end': [[...HEAD.slice(0, 4), time('20261122070000.10Z')], 'der-time-invalid'],
  'its serial number is not shortest': [[VERSION, POLICY, IMPRINT, int(0, 1), TIME], 'der-integer-invalid'],
  'its nonce is not shortest': [[...HEAD, int(0, 1)], 'der-integer-invalid'],
  'ordering FALSE is written out': [[...HEAD, encode(TAG.boolean, Uint8Array.of(0))], 'der-default-written'],
  'an extension is critical': [[...HEAD, extension(TRUE)], 'token-extension-critical'],
  'its extensions are none, written out': [[...HEAD, context(1)], 'der-element-missing'],
  'its TSTInfo has more members': [[...HEAD, NULL], 'der-element-surplus'],
};
for (const [what, [members, code]] of Object.entries(INFOS))
  t.test(`a token is refused when ${what}`, async (t) => t.equal(await refused(overInfo(...members)), code));

/** A token of ours by another certificate. */
const by = (of: typeof stamper): Uint8Array =>
  signToken(
    tokenForm({ certificate: of.der, policy: PUBLIC_POLICY, accuracyMs: 1 }),
    content(),
    signWith(of),
    certificateSet([of.der]),
  );
const purposes = (line: string) => [
  ...TIMESTAMPING.slice(0, 2),
  ...(line ? [`extendedKeyUsage=${line}`] : []),
];

for (const [what, line] of [
  ['has no purpose', ''],
  ['has time stamps as a purpose that is not critical', 'timeStamping'],
  ['has another purpose', 'critical,codeSigning'],
  ['has another purpose besides', 'critical,timeStamping,1.3.6.1.5.5.7.3.36'],
] as const)
  t.test(`a token is refused when its certificate ${what}`, async (t) =>
    t.equal(await refused(by(authority('P-256', root, purposes(line)))), 'token-signer-purpose'),
  );

t.test('a certificate of the same key does not stand in for the one that signed', async (t) => {
  const twin = issue({ subject: '/CN=twin', by: root, keyOf: stamper, extensions: TIMESTAMPING });
  t.equal(await refused(token(), [twin.der]), 'token-signer-missing');
  t.equal(await refused(token(), [twin.der, stamper.der]), undefined);
});

t.test(
  'a signing certificate that cannot be read is refused; another one beside it is passed over',
  async (t) => {
    const critical = issue({
      subject: '/CN=odd',
      by: root,
      extensions: ['1.2.3=critical,DER:0500', ...LEAF],
    });
    t.equal(await refused(token(), [critical.der, stamper.der, stamper.der, new Uint8Array()]), undefined);
    const { others } = await checkToken(
      { token: full, certificates: [critical.der, stamper.der, root.der, root.der] },
      { digest: DIGEST },
      nodeSignatures,
    );
    t.same(
      others.map(({ subject }) => subject.name),
      ['CN=stamp root'],
    );
    const v1 = issue({ subject: '/CN=old', by: root });
    const named = attribute(V2, ids(sequence(octets(digestOf('sha256', v1.der)))));
    t.equal(
      await refused(signedWith([...without(SIGNING_CERTIFICATE), named]), [v1.der]),
      'x509-version-unsupported',
    );
  },
);

t.test('more certificates and bytes than any token has are refused', async (t) => {
  const many = Array.from({ length: 16 }, () => stamper.der);
  t.equal(await refused(full, many.slice(1)), undefined);
  t.equal(await refused(full, many), 'token-certificates-too-many');
  t.equal(await refused(new Uint8Array(MAX_TOKEN_BYTES + 1)), 'token-too-long');
});

t.test('errors that are not about the bytes pass through', async (t) => {
  const broken = { verify: () => Promise.reject(new Error('no primitives')) };
  await t.rejects(refused(full, [], undefined, broken), { message: 'no primitives' });
  t.throws(() => readable(undefined as never), TypeError);
});

t.test('what our reader takes, openssl takes too', async (t) => {
  const lenient = withCertificates(
    signedWith(HOLD['issuer and serial number in it']!),
    certificateSet([stamper.der]),
  );
  const shown = openssl([
    ...['ts', '-verify', '-data', file(DATA), '-in', file(lenient), '-token_in'],
    ...['-attime', String(Math.floor(NOW / 1000)), '-CAfile', root.files.certificate],
  ]);
  t.match(String(shown), 'OK');
  t.ok(concat(readFileSync(root.files.certificate)).length > 0);
});
