import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import t from 'tap';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { encodeBase64, encodeBase64Url } from '../../../server/core/read/base64.ts';
import {
  buildProtected,
  checkSignature,
  MAX_CERTIFICATE_LENGTH,
  normalizeSignature,
  parseSignature,
  signingInput,
} from '../../../server/core/read/jws.ts';
import { FormatError } from '../../../server/core/reason.ts';
import { CA, type Issued, issue, LEAF } from './openssl.ts';

const root = issue({ subject: '/CN=root', extensions: CA });
const leaf = issue({ subject: '/CN=签发', by: root, extensions: LEAF });
const other = issue({ subject: '/CN=other', by: root, extensions: LEAF });
const PAYLOAD = new Uint8Array(Buffer.from('{"format":"kezheng-certificate/1"}'));
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

interface Jws {
  readonly protected: string;
  readonly signature: string;
}

/** As an issuer does it, over any protected header. */
function signed(header: string, by: Issued = leaf): Jws {
  const key = { key: createPrivateKey(by.key), dsaEncoding: 'ieee-p1363' as const };
  const raw = new Uint8Array(sign('sha256', signingInput(header, PAYLOAD), key));
  return { protected: header, signature: encodeBase64Url(normalizeSignature(raw)) };
}

const HEADER = buildProtected([leaf.der]);
const GOOD = signed(HEADER);

async function holds(jws: object, payload: Uint8Array = PAYLOAD): Promise<void> {
  await checkSignature(parseSignature(jws as Record<string, unknown>), payload, nodeSignatures);
}

t.test('a signature holds that was made over its payload', async (t) => {
  await holds(GOOD);
  const two = signed(buildProtected([leaf.der, root.der]));
  await holds(two);
  const { certificates, ...parsed } = parseSignature({ ...two });
  t.strictSame(
    certificates.map(({ subject }) => subject.name),
    ['CN=签发', 'CN=root'],
  );
  t.equal(parsed.protected, two.protected);
  t.equal(encodeBase64Url(parsed.signature), two.signature);
});

t.test('what is signed is what RFC 7515 says', async (t) => {
  const text = `${HEADER}.${Buffer.from(PAYLOAD).toString('base64url')}`;
  t.equal(Buffer.from(signingInput(HEADER, PAYLOAD)).toString(), text);
  const key = { key: createPublicKey(leaf.key), dsaEncoding: 'ieee-p1363' as const };
  t.ok(verify('sha256', Buffer.from(text), key, Buffer.from(GOOD.signature, 'base64url')));
  t.strictSame(JSON.parse(Buffer.from(HEADER, 'base64url').toString()), {
    alg: 'ES256',
    x5c: [Buffer.from(leaf.der).toString('base64')],
  });
});

async function whyRefused(jws: object, payload: Uint8Array = PAYLOAD): Promise<string | undefined> {
  try {
    await holds(jws, payload);
    return undefined;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return error.code;
  }
}

t.test('another payload, or the leaf of another key, is refused', async (t) => {
  t.equal(await whyRefused(GOOD, PAYLOAD.slice(1)), 'jws-signature-wrong');
  t.equal(await whyRefused(signed(HEADER, other)), 'jws-signature-wrong');
  t.equal(await whyRefused({ ...GOOD, protected: buildProtected([other.der]) }), 'jws-signature-wrong');
  t.equal(
    await whyRefused({ ...GOOD, protected: buildProtected([leaf.der, root.der]) }),
    'jws-signature-wrong',
  );
});

const flipped = (bytes: Uint8Array, bit: number) => {
  const changed = bytes.slice();
  changed[bit >> 3]! ^= 1 << (bit & 7);
  return changed;
};
const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const fromLatin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

t.test('no bit of payload, protected header or signature can change', async (t) => {
  for (let bit = 0; bit < 8 * PAYLOAD.length; bit++)
    if (!(await whyRefused(GOOD, flipped(PAYLOAD, bit)))) t.fail(`payload, bit ${bit}`);
  for (const member of ['protected', 'signature'] as const)
    for (let bit = 0; bit < 8 * GOOD[member].length; bit++) {
      const changed = fromLatin1(flipped(latin1(GOOD[member]), bit));
      if (!(await whyRefused({ ...GOOD, [member]: changed }))) t.fail(`${member}, bit ${bit}`);
    }
});

t.test('no bit of the decoded header or signature can change', async (t) => {
  for (const member of ['protected', 'signature'] as const) {
    const decoded = new Uint8Array(Buffer.from(GOOD[member], 'base64url'));
    for (let bit = 0; bit < 8 * decoded.length; bit++) {
      const changed = encodeBase64Url(flipped(decoded, bit));
      if (!(await whyRefused({ ...GOOD, [member]: changed }))) t.fail(`${member}, bit ${bit}`);
    }
  }
});

const X5C = `"x5c":["${encodeBase64(leaf.der)}"]`;
const header = (text: string): string => encodeBase64Url(new Uint8Array(Buffer.from(text)));
/** Each is signed over by the right key: the only thing wrong is how it is written. */
const HEADERS: Record<string, [code: string, header: string]> = {
  'has its members in another order': ['jws-header-invalid', header(`{${X5C},"alg":"ES256"}`)],
  'has white space': ['jws-header-invalid', header(`{"alg":"ES256", ${X5C}}`)],
  'has a line break behind it': ['jws-header-invalid', header(`{"alg":"ES256",${X5C}}\n`)],
  'has a byte order mark': ['jws-header-invalid', header(`\ufeff{"alg":"ES256",${X5C}}`)],
  'has escapes': ['jws-header-invalid', header(`{"\\u0061lg":"ES256",${X5C}}`)],
  'has a member more': ['jws-header-invalid', header(`{"alg":"ES256","kid":"1",${X5C}}`)],
  'has b64 and crit': ['jws-header-invalid', header(`{"alg":"ES256","b64":false,"crit":["b64"],${X5C}}`)],
  'has a member twice': ['jws-header-invalid', header(`{"alg":"ES256","alg":"ES256",${X5C}}`)],
  'has another algorithm': ['jws-header-invalid', header(`{"alg":"none",${X5C}}`)],
  'has no certificate list': ['jws-header-invalid', header('{"alg":"ES256"}')],
  'has an empty certificate list': ['jws-header-invalid', header('{"alg":"ES256","x5c":[]}')],
  'is empty': ['jws-header-invalid', ''],
  'is no JSON': ['jws-header-invalid', header('x')],
  'is padded': ['base64-invalid', `${HEADER}=`],
  'is of the other alphabet': ['base64-invalid', Buffer.from('{"alg":"ES256"}???').toString('base64')],
  'has a certificate of the other alphabet': ['jws-header-invalid', header('{"alg":"ES256","x5c":["-_-_"]}')],
  'has a certificate without padding': ['base64-invalid', header('{"alg":"ES256","x5c":["AA"]}')],
  'has a certificate with other padding bits': ['base64-invalid', header('{"alg":"ES256","x5c":["AB=="]}')],
  'has a quotation mark too much': ['base64-invalid', header('{"alg":"ES256","x5c":["AA==""]}')],
  'has an empty certificate': ['der-truncated', header('{"alg":"ES256","x5c":["",""]}')],
  'has five certificates': [
    'jws-certificates-wrong-number',
    header(`{"alg":"ES256","x5c":["${Array(5).fill(encodeBase64(leaf.der)).join('","')}"]}`),
  ],
  'has a certificate of more than 8 KiB': [
    'jws-certificate-too-long',
    header(`{"alg":"ES256","x5c":["${encodeBase64(new Uint8Array(MAX_CERTIFICATE_LENGTH + 1))}"]}`),
  ],
};
for (const [how, [code, text]] of Object.entries(HEADERS))
  t.test(`a signature is refused when its protected header ${how}`, async (t) => {
    t.equal(await whyRefused(signed(text)), code);
  });

const [r, s] = [GOOD.signature, GOOD.signature].map((text, i) => {
  const raw = Buffer.from(text, 'base64url');
  return BigInt(`0x${raw.subarray(32 * i, 32 * i + 32).toString('hex')}`);
}) as [bigint, bigint];
const raw = (...numbers: bigint[]): string =>
  Buffer.from(numbers.map((n) => n.toString(16).padStart(64, '0')).join(''), 'hex').toString('base64url');
const SIGNATURES: Record<string, [code: string, signature: string]> = {
  'is its twin with the high s': ['ecdsa-high-s', raw(r, P256_ORDER - s)],
  'has s just above the half': ['ecdsa-high-s', raw(r, (P256_ORDER + 1n) / 2n)],
  'has s at the half': ['jws-signature-wrong', raw(r, (P256_ORDER - 1n) / 2n)],
  'has r = 0': ['ecdsa-signature-invalid', raw(0n, s)],
  'has s = 0': ['ecdsa-signature-invalid', raw(r, 0n)],
  'has r = n': ['ecdsa-signature-invalid', raw(P256_ORDER, s)],
  'has s = n': ['ecdsa-signature-invalid', raw(r, P256_ORDER)],
  'has s above n': ['ecdsa-signature-invalid', raw(r, 2n ** 256n - 1n)],
  'is too short': ['length-wrong', raw(r)],
  'is too long': ['length-wrong', raw(r, s, 0n)],
  'is empty': ['length-wrong', ''],
  'is DER': [
    'length-wrong',
    sign('sha256', signingInput(HEADER, PAYLOAD), createPrivateKey(leaf.key)).toString('base64url'),
  ],
  'is padded': ['base64-invalid', `${GOOD.signature}==`],
  'has a space': ['base64-invalid', ` ${GOOD.signature}`],
};
for (const [how, [code, signature]] of Object.entries(SIGNATURES))
  t.test(`a signature is refused when it ${how}`, async (t) => {
    t.equal(await whyRefused({ ...GOOD, signature }), code);
  });
t.test('a signature is refused with other padding bits', async (t) => {
  const last = GOOD.signature.at(-1)!;
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (const letter of alphabet)
    if (letter !== last) t.ok(await whyRefused({ ...GOOD, signature: GOOD.signature.slice(0, -1) + letter }));
});

const MEMBERS: Record<string, [code: string, jws: object]> = {
  'an unprotected header': ['jws-member-unexpected', { ...GOOD, header: {} }],
  'a payload inside': ['jws-member-unexpected', { ...GOOD, payload: '' }],
  'several signatures': ['jws-member-unexpected', { ...GOOD, signatures: [] }],
  'no protected header': ['jws-member-missing', { signature: GOOD.signature }],
  'a protected header that is no text': ['jws-member-missing', { ...GOOD, protected: 1 }],
  'no signature': ['jws-member-missing', { protected: GOOD.protected }],
  'a signature that is no text': ['jws-member-missing', { ...GOOD, signature: null }],
};
for (const [what, [code, jws]] of Object.entries(MEMBERS))
  t.test(`a signature is refused with ${what}`, async (t) => {
    t.equal(await whyRefused(jws), code);
  });

for (const key of ['P-384', 'secp256k1', 'rsa-2048'] as const)
  t.test(`a signature is refused when the key is ${key}`, async (t) => {
    const { der } = issue({ subject: '/CN=x', key, by: root, extensions: LEAF });
    t.equal(await whyRefused({ ...GOOD, protected: buildProtected([der]) }), 'jws-key-unsuitable');
  });

t.test('no header is built that would be refused', async (t) => {
  t.throws(() => buildProtected([]), { code: 'jws-certificates-wrong-number' });
  t.throws(() => buildProtected(Array(5).fill(leaf.der)), { code: 'jws-certificates-wrong-number' });
  t.throws(() => buildProtected([new Uint8Array(MAX_CERTIFICATE_LENGTH + 1)]), {
    code: 'jws-certificate-too-long',
  });
});

t.test('a signature is normalized to its lower s, and only once', async (t) => {
  const low = new Uint8Array(Buffer.from(raw(r, s), 'base64url'));
  const high = new Uint8Array(Buffer.from(raw(r, P256_ORDER - s), 'base64url'));
  t.strictSame(normalizeSignature(high), low);
  t.strictSame(normalizeSignature(low), low);
  t.throws(() => normalizeSignature(new Uint8Array(64)), { code: 'ecdsa-signature-invalid' });
  t.throws(() => normalizeSignature(low.subarray(1)), { code: 'length-wrong' });
});
