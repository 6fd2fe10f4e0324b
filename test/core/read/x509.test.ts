import { X509Certificate as NodeCertificate } from 'node:crypto';

import fc from 'fast-check';
import t from 'tap';
import { webCryptoSignatures } from '../../../server/adapters/signatures.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { contextTag, type Element, parseDer, TAG } from '../../../server/core/read/der.ts';
import { encode, encodeInteger, encodeOid } from '../../../server/core/read/encode-der.ts';
import { fieldLength, parseCertificate, parsePublicKey } from '../../../server/core/read/x509.ts';
import { FormatError } from '../../../server/core/reason.ts';
import { CA, type Issued, issue, LEAF, openssl } from './openssl.ts';
import { peculiar } from './peculiar.ts';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hex = (of: Uint8Array | ArrayBuffer): string => Buffer.from(of as Uint8Array).toString('hex');

const root = issue({
  subject: '/C=CN/O=Root, "GmbH" \\+ Söhne <x>;/CN= Root ',
  days: 3650,
  digest: 'sha384',
  key: 'P-384',
  extensions: [`${CA[0]},pathlen:1`, CA[1]!],
});
const rsa = issue({
  subject: '/C=CN/ST=北京/O=可证/CN=#rsa/emailAddress=a@example.org/2.5.4.12=Dr',
  by: root,
  key: 'rsa-2048',
  digest: 'sha512',
  serial: `0x${'ff'.repeat(20)}`,
  extensions: [
    'basicConstraints=CA:FALSE',
    'keyUsage=digitalSignature,nonRepudiation,decipherOnly',
    'extendedKeyUsage=critical,timeStamping,1.2.3.4',
    'subjectKeyIdentifier=hash',
  ],
});
const far = issue({ subject: '/CN=far', key: 'P-521', days: 365 * 60, extensions: LEAF });
const byRsa = issue({
  subject: '/CN=by rsa',
  keyOf: rsa,
  digest: 'sha256',
  extensions: ['subjectKeyIdentifier=hash'],
  days: 1,
});
const CERTIFICATES: Record<string, Issued> = { root, rsa, far };

for (const [name, { der, files }] of Object.entries(CERTIFICATES)) {
  const ours = parseCertificate(der);
  t.test(`the certificate ${name} is read as Node and OpenSSL read it`, async (t) => {
    const theirs = new NodeCertificate(der);
    t.equal(BigInt(`0x${ours.serial}`), BigInt(`0x${theirs.serialNumber}`));
    t.equal(ours.notBeforeMs, Date.parse(theirs.validFrom));
    t.equal(ours.notAfterMs, Date.parse(theirs.validTo));
    t.equal(hex(ours.spki), hex(theirs.publicKey.export({ format: 'der', type: 'spki' })));
    const nameOf = (which: string): string =>
      openssl(['x509', '-in', files.certificate, '-noout', `-${which}`, '-nameopt', 'RFC2253,-esc_msb'])
        .toString()
        .replace(/^\w+=|\n$/g, '');
    const sameTypes = (text: string): string => text.replace('title=#1302', '2.5.4.12=#1302');
    t.equal(ours.issuer.name, nameOf('issuer'));
    t.equal(ours.subject.name.replace('2.5.4.12=', 'title='), sameTypes(nameOf('subject')));
  });

  t.test(`the certificate ${name} is read as @peculiar/x509 reads it`, async (t) => {
    const theirs = new peculiar.X509Certificate(der as Uint8Array<ArrayBuffer>);
    t.equal(hex(ours.signature), hex(theirs.signature));
    t.equal(hex(ours.subject.raw), hex(theirs.subjectName.toArrayBuffer()));
    t.equal(hex(ours.issuer.raw), hex(theirs.issuerName.toArrayBuffer()));
    const constraints = theirs.getExtension(peculiar.BasicConstraintsExtension);
    t.equal(ours.basicConstraints?.ca, constraints?.ca);
    t.equal(ours.basicConstraints?.critical, constraints?.critical);
    t.equal(ours.basicConstraints?.pathLength, constraints?.pathLength);
    const usages = theirs.getExtension(peculiar.KeyUsagesExtension);
    t.equal(ours.keyUsage?.critical, usages?.critical);
    const flags = ours.keyUsage?.usages.map((usage) => {
      return peculiar.KeyUsageFlags[usage as keyof typeof peculiar.KeyUsageFlags];
    });
    t.equal(
      flags?.reduce((sum: number, flag) => sum | flag, 0),
      usages?.usages,
    );
    const extended = theirs.getExtension(peculiar.ExtendedKeyUsageExtension);
    t.strictSame(ours.extendedKeyUsage?.purposes ?? [], [...(extended?.usages ?? [])]);
    t.equal(ours.extendedKeyUsage?.critical ?? false, extended?.critical ?? false);
  });
}

t.test('keys and algorithms are told apart', async (t) => {
  const kinds = [root, rsa, far, byRsa].map(({ der }) => parseCertificate(der));
  t.strictSame(
    kinds.map(({ key }) => key),
    [
      { kind: 'ec', curve: 'P-384' },
      { kind: 'rsa', bits: 2048 },
      { kind: 'ec', curve: 'P-521' },
      { kind: 'rsa', bits: 2048 },
    ],
  );
  t.strictSame(
    kinds.map(({ algorithm }) => algorithm),
    ['ecdsa-sha384-der', 'ecdsa-sha512-der', 'ecdsa-sha256-der', 'rsa-sha256'],
  );
  t.strictSame((['P-256', 'P-384', 'P-521'] as const).map(fieldLength), [32, 48, 66]);
  const { extendedKeyUsage, keyUsage, basicConstraints } = kinds[3]!;
  t.strictSame(
    { extendedKeyUsage, keyUsage, basicConstraints },
    {
      extendedKeyUsage: undefined,
      keyUsage: undefined,
      basicConstraints: undefined,
    },
  );
});

t.test('a key or a signature of a kind that we do not check is no error', async (t) => {
  for (const key of ['ed25519', 'secp256k1'] as const) {
    const certificate = parseCertificate(issue({ subject: '/CN=x', by: root, key, extensions: LEAF }).der);
    t.strictSame(certificate.key, { kind: 'other' });
  }
  const sha1 = issue({ subject: '/CN=x', key: 'rsa-2048', digest: 'sha1', extensions: CA });
  t.equal(parseCertificate(sha1.der).algorithm, undefined);
});

t.test('version 1 is refused', async (t) => {
  t.throws(() => parseCertificate(issue({ subject: '/CN=old' }).der), {
    code: 'x509-version-unsupported',
    detail: { version: 1 },
  });
});

/** The leaf with other parts in its tbs. Its signature then holds no longer, which the parser does not ask. */
function remade(edit: (parts: Uint8Array[]) => void, signature?: Uint8Array): Uint8Array {
  const [tbs, algorithm, signed] = parseDer(rsa.der).children as [Element, Element, Element];
  const parts = tbs.children.map(({ raw }) => raw);
  edit(parts);
  return encode(TAG.sequence, encode(TAG.sequence, ...parts), algorithm.raw, signature ?? signed.raw);
}
const sequence = (...parts: Uint8Array[]): Uint8Array => encode(TAG.sequence, ...parts);
const set = (...parts: Uint8Array[]): Uint8Array => encode(TAG.set, ...parts);
const TRUE = bytes('0101ff');
const FALSE = bytes('010100');
const part = (index: number, value: Uint8Array) => (parts: Uint8Array[]) => {
  parts[index] = value;
};
const [SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, SPKI, EXTENSIONS] = [1, 2, 3, 4, 5, 6, 7] as const;
const list = (...all: Uint8Array[]) =>
  part(EXTENSIONS, encode(contextTag(3, 'constructed'), sequence(...all)));
const extension = (oid: string, ...rest: Uint8Array[]): Uint8Array => sequence(encodeOid(oid), ...rest);
const octets = (...parts: Uint8Array[]): Uint8Array => encode(TAG.octetString, ...parts);
const BASIC = '2.5.29.19';
const USAGE = '2.5.29.15';
const EXTENDED = '2.5.29.37';
const UTC = encode(TAG.utcTime, Buffer.from('260101000000Z'));
const general = (text: string): Uint8Array => encode(TAG.generalizedTime, Buffer.from(text));
const ecKey = (curve: string, point: Uint8Array): Uint8Array =>
  sequence(
    sequence(encodeOid('1.2.840.10045.2.1'), encodeOid(curve)),
    encode(TAG.bitString, Uint8Array.of(0), point),
  );
const rsaKey = (n: bigint, e: bigint, parameters = bytes('0500')): Uint8Array =>
  sequence(
    sequence(encodeOid('1.2.840.113549.1.1.1'), parameters),
    encode(TAG.bitString, Uint8Array.of(0), sequence(encodeInteger(n), encodeInteger(e))),
  );
const P256 = '1.2.840.10045.3.1.7';
const dn = (type: string, ...value: Uint8Array[]): Uint8Array =>
  sequence(set(sequence(encodeOid(type), ...value)));

/** 70 octets. */
const LONG = `2.25.${2n ** 482n + 1n}`;
const cn = (tag: number, content: string): Uint8Array => dn('2.5.4.3', encode(tag, bytes(content)));
const nested = (depth: number): Uint8Array => (depth === 1 ? sequence() : sequence(nested(depth - 1)));
const offCurve = (curve: string, length: number, fill: number): Uint8Array =>
  ecKey(curve, new Uint8Array(1 + 2 * length).fill(fill).fill(4, 0, 1));

const ACCEPTED: Record<string, (parts: Uint8Array[]) => void> = {
  'nothing changed': () => undefined,
  'no extensions': (parts) => parts.splice(EXTENSIONS),
  'serial number 0': part(SERIAL, bytes('020100')),
  'an empty subject': part(SUBJECT, sequence()),
  'times from 2050 on': part(VALIDITY, sequence(general('20500101000000Z'), general('99991231235959Z'))),
  'an unknown extension that is not critical': list(extension('1.2.3', octets())),
  'an unknown extension with an identifier of 70 octets': list(extension(LONG, octets())),
  'an attribute with an identifier of 70 octets': part(SUBJECT, dn(LONG, TRUE)),
  'a purpose with an identifier of 70 octets': list(extension(EXTENDED, octets(sequence(encodeOid(LONG))))),
  'an RSA modulus of 8,192 bits': part(SPKI, rsaKey(2n ** 8191n + 1n, 2n ** 32n - 1n)),
  'a point off its curve': part(SPKI, offCurve(P256, 32, 1)),
  'a point whose coordinates are above p': part(SPKI, offCurve(P256, 32, 0xff)),
  '@, _ and * in a PrintableString': part(SUBJECT, cn(TAG.printableString, '405f2a')),
  'an IA5String beyond ASCII': part(SUBJECT, cn(TAG.ia5String, '80ff')),
  'a UTF8String that is not UTF-8': part(SUBJECT, cn(TAG.utf8String, 'c3')),
  'a BMPString of odd length': part(SUBJECT, cn(TAG.bmpString, '004100')),
  'half a pair in a BMPString': part(SUBJECT, cn(TAG.bmpString, 'd800')),
  'an attribute whose BOOLEAN is none': part(SUBJECT, cn(TAG.boolean, '0102')),
  '32 elements open at once': part(SUBJECT, dn('1.2.3', nested(32 - 5))),
  '32 elements open at once in an extension': list(extension('1.2.3', octets(nested(32)))),
};
for (const [what, edit] of Object.entries(ACCEPTED))
  t.test(`a certificate is read with ${what}`, async (t) => {
    t.ok(parseCertificate(remade(edit)));
  });

const REFUSED: Record<string, [code: string, edit: (parts: Uint8Array[]) => void]> = {
  '33 elements open at once': ['der-too-deep', part(SUBJECT, dn('1.2.3', nested(33 - 5)))],
  '33 elements open at once in an extended key usage': [
    'der-too-deep',
    list(extension(EXTENDED, octets(nested(33)))),
  ],
  'a tag of two bytes': ['der-tag-unsupported', part(SUBJECT, dn('1.2.3', bytes('5f1f00')))],
  'an unknown critical extension with an identifier of 70 octets': [
    'x509-extension-critical-unknown',
    list(extension(LONG, TRUE, octets())),
  ],
  'an extension with an identifier of 70 octets twice': [
    'x509-extension-duplicate',
    list(extension(LONG, octets()), extension(LONG, octets())),
  ],
  'a long identifier that is not the shortest': [
    'der-oid-invalid',
    list(sequence(encode(TAG.oid, bytes(`2a80${'81'.repeat(67)}01`)), octets())),
  ],
  'an attribute order that DER has not': [
    'der-set-order-wrong',
    part(SUBJECT, sequence(set(...[4, 3].map((n) => sequence(encodeOid(`2.5.4.${n}`), bytes('1300')))))),
  ],
  'a path length of 2^31': [
    'der-integer-invalid',
    list(extension(BASIC, octets(sequence(TRUE, encodeInteger(2n ** 31n))))),
  ],
  'two parameters of the key algorithm': [
    'der-element-surplus',
    part(SPKI, sequence(sequence(encodeOid('1.2.3'), TRUE, TRUE), bytes('030100'))),
  ],
  'an EC key whose curve is written out': [
    'der-tag-unexpected',
    part(SPKI, sequence(sequence(encodeOid('1.2.840.10045.2.1'), sequence()), bytes('030100'))),
  ],
  'a key of unknown kind with unused bits': [
    'der-bit-string-invalid',
    part(SPKI, sequence(sequence(encodeOid('1.2.3')), bytes('03020100'))),
  ],
  'a fraction finer than a millisecond': [
    'x509-time-invalid',
    part(VALIDITY, sequence(UTC, general('20500101000000.0001Z'))),
  ],
  'version 2': ['x509-version-unsupported', part(0, bytes('a003020101'))],
  'version 4': ['x509-version-unsupported', part(0, bytes('a003020103'))],
  'version 1 written out': ['x509-version-unsupported', part(0, bytes('a003020100'))],
  'two versions': ['der-element-surplus', part(0, bytes('a006020102020102'))],
  'a negative serial number': ['x509-serial-invalid', part(SERIAL, bytes('0201ff'))],
  'a serial number of 21 octets': ['x509-serial-invalid', part(SERIAL, encodeInteger(2n ** 160n))],
  'another algorithm inside': ['x509-algorithm-mismatch', part(ALGORITHM, bytes('300a06082a8648ce3d040302'))],
  'no issuer': ['x509-issuer-empty', part(ISSUER, sequence())],
  'an empty RDN': ['der-element-missing', part(SUBJECT, sequence(set()))],
  'an RDN of no attribute': ['der-tag-unexpected', part(SUBJECT, sequence(set(TRUE)))],
  'an attribute without value': ['der-element-missing', part(SUBJECT, dn('2.5.4.3'))],
  'an attribute with two values': ['der-element-surplus', part(SUBJECT, dn('2.5.4.3', TRUE, TRUE))],
  'a time before 2050 as GeneralizedTime': [
    'x509-time-invalid',
    part(VALIDITY, sequence(UTC, general('20491231235959Z'))),
  ],
  'a fraction of a second': [
    'x509-time-invalid',
    part(VALIDITY, sequence(UTC, general('20500101000000.5Z'))),
  ],
  'one time only': ['der-element-missing', part(VALIDITY, sequence(UTC))],
  'three times': ['der-element-surplus', part(VALIDITY, sequence(UTC, UTC, UTC))],
  'a time of another type': ['der-tag-unexpected', part(VALIDITY, sequence(TRUE, UTC))],
  'a unique identifier': ['der-element-surplus', (parts) => parts.splice(EXTENSIONS, 0, bytes('81020001'))],
  'something behind the extensions': ['der-element-surplus', (parts) => parts.push(TRUE)],
  'an empty list of extensions': ['der-element-missing', list()],
  'two lists of extensions': [
    'der-element-surplus',
    part(EXTENSIONS, encode(0xa3, sequence(extension('1.2', octets())), sequence())),
  ],
  'an extension twice': [
    'x509-extension-duplicate',
    list(extension('1.2.3', octets()), extension('1.2.3', octets())),
  ],
  'an unknown critical extension': [
    'x509-extension-critical-unknown',
    list(extension('1.2.3', TRUE, octets())),
  ],
  'critical name constraints': [
    'x509-extension-critical-unknown',
    list(extension('2.5.29.30', TRUE, octets())),
  ],
  'a written FALSE': ['der-default-written', list(extension('1.2.3', FALSE, octets()))],
  'an extension without value': ['der-tag-unexpected', list(extension('1.2.3', TRUE))],
  'a path length without CA': [
    'x509-extension-invalid',
    list(extension(BASIC, octets(sequence(encodeInteger(0n))))),
  ],
  'a written CA:FALSE': ['der-default-written', list(extension(BASIC, octets(sequence(FALSE))))],
  'a negative path length': [
    'der-integer-invalid',
    list(extension(BASIC, octets(sequence(TRUE, bytes('0201ff'))))),
  ],
  'bytes behind the basic constraints': [
    'der-trailing-bytes',
    list(extension(BASIC, octets(sequence(TRUE), TRUE))),
  ],
  'a key usage without any bit': ['x509-extension-invalid', list(extension(USAGE, octets(bytes('030100'))))],
  'a key usage with zeros behind': [
    'der-bit-string-invalid',
    list(extension(USAGE, octets(bytes('03020080')))),
  ],
  'a key usage with an unknown bit': [
    'x509-extension-invalid',
    list(extension(USAGE, octets(bytes('0303060040')))),
  ],
  'no purpose in the extended key usage': [
    'der-element-missing',
    list(extension(EXTENDED, octets(sequence()))),
  ],
  'no parameters with an RSA key': [
    'der-tag-unexpected',
    part(SPKI, rsaKey(2n ** 2047n + 1n, 3n, bytes(''))),
  ],
  'parameters of an RSA key that say something': [
    'x509-key-invalid',
    part(SPKI, rsaKey(2n ** 2047n + 1n, 3n, bytes('050100'))),
  ],
  'an RSA exponent of 1': ['x509-key-invalid', part(SPKI, rsaKey(2n ** 2047n + 1n, 1n))],
  'an RSA modulus of 8,193 bits': ['x509-key-invalid', part(SPKI, rsaKey(2n ** 8192n + 1n, 3n))],
  'an even RSA modulus': ['x509-key-invalid', part(SPKI, rsaKey(2n ** 2047n, 3n))],
  'an RSA exponent above 2^32 − 1': [
    'x509-key-invalid',
    part(SPKI, rsaKey(2n ** 2047n + 1n, 2n ** 32n + 1n)),
  ],
  'an even RSA exponent': ['x509-key-invalid', part(SPKI, rsaKey(2n ** 2047n + 1n, 4n))],
  'an RSA modulus of 0': ['x509-key-invalid', part(SPKI, rsaKey(0n, 3n))],
  'a compressed point': ['x509-key-invalid', part(SPKI, ecKey(P256, new Uint8Array(33).fill(2)))],
  'a point of another form': ['x509-key-invalid', part(SPKI, ecKey(P256, new Uint8Array(65).fill(6)))],
  'a point of another length': ['x509-key-invalid', part(SPKI, ecKey(P256, new Uint8Array(97).fill(4)))],
  'a key without algorithm': ['der-tag-unexpected', part(SPKI, sequence(sequence(), bytes('030100')))],
};
for (const [what, [code, edit]] of Object.entries(REFUSED))
  t.test(`a certificate is refused with ${what}`, async (t) => {
    t.throws(() => parseCertificate(remade(edit)), { code });
  });

t.test('names are for reading: hidden characters show, unknown values as hex', async (t) => {
  const named = (...value: Uint8Array[]): string =>
    parseCertificate(remade(part(SUBJECT, dn('1.2.3', ...value)))).subject.name;
  t.equal(named(encode(TAG.utf8String, Buffer.from('a\n\u202eb\u0085'))), '1.2.3=a\\0a\\e2\\80\\aeb\\c2\\85');
  t.equal(named(bytes('03020101'.replace('0101', '0002'))), '1.2.3=#03020002');
  const two = sequence(encodeOid('2.5.4.3'), bytes('0c0161'));
  const rdn = sequence(set(two, sequence(encodeOid('2.5.4.4'), bytes('0c0162'))));
  t.equal(parseCertificate(remade(part(SUBJECT, rdn))).subject.name, 'CN=a+2.5.4.4=b');
  t.equal(parseCertificate(remade(part(SUBJECT, sequence()))).subject.name, '');
});

t.test(
  'what a name cannot show as text it shows as hex, and a long identifier with all its digits',
  async (t) => {
    const named = (tag: number, content: string): string =>
      parseCertificate(remade(part(SUBJECT, cn(tag, content)))).subject.name;
    t.equal(named(TAG.printableString, '612a405f62'), 'CN=a*@_b');
    t.equal(named(TAG.printableString, '61ff'), 'CN=#130261ff');
    t.equal(named(TAG.ia5String, '6180'), 'CN=#16026180');
    t.equal(named(TAG.utf8String, '61c3'), 'CN=#0c0261c3');
    t.equal(named(TAG.bmpString, '006100'), 'CN=#1e03006100');
    t.equal(named(TAG.bmpString, 'd800'), 'CN=#1e02d800');
    t.equal(named(TAG.bmpString, '202e0061'), 'CN=\\e2\\80\\aea');
    t.equal(named(TAG.utf8String, '2331'), 'CN=\\#1');
    const long = parseCertificate(remade(part(SUBJECT, dn(LONG, encode(TAG.utf8String, Buffer.from('a'))))));
    t.equal(long.subject.name, `${LONG}=a`);
  },
);

t.test('nothing invisible or direction-changing stands in a name as it is', async (t) => {
  const hidden =
    '\0\t\n\r\x1b\x7f\x85\xa0\xad\u034f\u061c\u115f\u180e\u2003\u200b\u200e\u200f\u2028\u2029\u202e'.concat(
      '\u2060\u2066\u2069\u2800\u3000\u3164\ufe0f\ufeff\uffa0\ufff9\u{1d173}\u{e0001}\u{e0041}\u{e0100}',
    );
  for (const character of hidden) {
    const text = encode(TAG.utf8String, Buffer.from(`a${character}b`));
    const { name } = parseCertificate(remade(part(SUBJECT, dn('2.5.4.3', text)))).subject;
    t.match(name, /^CN=a(\\[0-9a-f]{2})+b$/, `U+${character.codePointAt(0)!.toString(16)}`);
  }
});

t.test('a point off its curve is a key, and verifies nothing with either verifier', async (t) => {
  const curves = {
    'P-256': [P256, 32],
    'P-384': ['1.3.132.0.34', 48],
    'P-521': ['1.3.132.0.35', 66],
  } as const;
  const signature = sequence(encodeInteger(1n), encodeInteger(1n));
  for (const [curve, [id, length]] of Object.entries(curves))
    for (const fill of [0, 1, 0xff]) {
      const { key, spki } = parseCertificate(remade(part(SPKI, offCurve(id, length, fill))));
      t.strictSame(key, { kind: 'ec', curve });
      for (const hash of ['256', '384', '512'] as const)
        for (const verifier of [nodeSignatures, webCryptoSignatures(globalThis.crypto.subtle)]) {
          const algorithm = `ecdsa-sha${hash}-der` as const;
          t.equal(await verifier.verify({ algorithm, spki, message: TRUE, signature }), false);
        }
    }
});

t.test('an algorithm of a signature has one element of parameters at most, and an identifier', async (t) => {
  const [, , signed] = parseDer(rsa.der).children;
  const certificateOf = (identifier: Uint8Array): Uint8Array => {
    const parts = parseDer(rsa.der).children[0]!.children.map(({ raw }) => raw);
    parts[ALGORITHM] = identifier;
    return sequence(sequence(...parts), identifier, signed!.raw);
  };
  t.equal(parseCertificate(certificateOf(sequence(encodeOid('1.2.3'), TRUE))).algorithm, undefined);
  t.throws(() => parseCertificate(certificateOf(sequence())), { code: 'der-tag-unexpected' });
  t.throws(() => parseCertificate(certificateOf(sequence(encodeOid('1.2.3'), TRUE, TRUE))), {
    code: 'der-element-surplus',
  });
});

const [r, s] = [encodeInteger(7n), encodeInteger(9n)];
const SIGNATURES: Record<string, [code: string, signature: Uint8Array]> = {
  'is no DER': ['der-tag-unexpected', bytes('0500')],
  'has something behind': ['der-trailing-bytes', Buffer.concat([sequence(r, s), TRUE])],
  'has a third number': ['der-element-surplus', sequence(r, s, s)],
  'has a long length': ['der-length-invalid', bytes('308106020107020109')],
  'has a padded number': ['der-integer-invalid', bytes('300702020007020109')],
  'has a negative r': ['ecdsa-signature-invalid', sequence(bytes('0201ff'), s)],
  'has s = 0': ['ecdsa-signature-invalid', sequence(r, encodeInteger(0n))],
};
for (const [how, [code, signature]] of Object.entries(SIGNATURES))
  t.test(`a certificate is refused when its ECDSA signature ${how}`, async (t) => {
    const signed = encode(TAG.bitString, Uint8Array.of(0), signature);
    t.throws(() => parseCertificate(remade(() => undefined, signed)), { code });
  });
t.test('a certificate is refused when its signature is not made of bytes', async (t) => {
  t.throws(() => parseCertificate(remade(() => undefined, bytes('03020102'))), {
    code: 'der-bit-string-invalid',
  });
});

t.test('a certificate is refused when anything stands behind it', async (t) => {
  t.throws(() => parseCertificate(Buffer.concat([rsa.der, TRUE])), { code: 'der-trailing-bytes' });
  const [tbs, algorithm, signature] = parseDer(rsa.der).children.map(({ raw }) => raw);
  t.throws(() => parseCertificate(sequence(tbs!, algorithm!, signature!, TRUE)), {
    code: 'der-element-surplus',
  });
});

t.test('a certificate cut short anywhere is refused', async (t) => {
  for (let length = 0; length < rsa.der.length; length++)
    t.throws(() => parseCertificate(rsa.der.subarray(0, length)), { name: 'FormatError' });
});

t.test('no damage makes anything but a FormatError', async () => {
  fc.assert(
    fc.property(fc.nat(rsa.der.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }), (at, patch) => {
      const damaged = rsa.der.slice();
      damaged.set(patch.subarray(0, damaged.length - at), at);
      try {
        parseCertificate(damaged);
        return true;
      } catch (error) {
        return error instanceof FormatError;
      }
    }),
    { numRuns: 3000 },
  );
});

t.test('a public key alone is read the same', async (t) => {
  t.strictSame(parsePublicKey(parseCertificate(rsa.der).spki), { kind: 'rsa', bits: 2048 });
  t.strictSame(parsePublicKey(ecKey('1.3.132.0.10', new Uint8Array(65).fill(4))), { kind: 'other' });
});
