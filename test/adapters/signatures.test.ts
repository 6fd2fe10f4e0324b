import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import t from 'tap';
import { webCryptoSignatures } from '../../server/adapters/signatures.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { TAG } from '../../server/core/read/der.ts';
import { encode, encodeInteger, encodeOid } from '../../server/core/read/encode-der.ts';
import type {
  SignatureAlgorithm,
  SignatureRequest,
  SignatureVerifier,
} from '../../server/core/verify/signatures.ts';

import { plainSignatures } from '../../server/web/checker/plain-signatures.ts';

const VERIFIERS: Record<string, SignatureVerifier> = {
  'none of the browser': plainSignatures,
  WebCrypto: webCryptoSignatures(globalThis.crypto.subtle),
  'node:crypto': nodeSignatures,
};
const MESSAGE = new Uint8Array(Buffer.from('message'));
const HASHES = ['sha256', 'sha384', 'sha512'] as const;

const spkiOf = (key: string): Uint8Array =>
  new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }));
const pem = { format: 'pem', type: 'pkcs8' } as const;
const EC: Record<string, string> = Object.fromEntries(
  ['P-256', 'P-384', 'P-521', 'secp256k1'].map((namedCurve) => {
    return [namedCurve, generateKeyPairSync('ec', { namedCurve }).privateKey.export(pem) as string];
  }),
);
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem) as string;

function request(key: string, algorithm: SignatureAlgorithm): SignatureRequest {
  const hash = HASHES.find((name) => algorithm.includes(name))!;
  const dsaEncoding = algorithm.endsWith('-der') ? 'der' : 'ieee-p1363';
  const signature = new Uint8Array(sign(hash, MESSAGE, { key: createPrivateKey(key), dsaEncoding }));
  return { algorithm, spki: spkiOf(key), message: MESSAGE, signature };
}

const GOOD: Record<string, SignatureRequest> = {
  'P-256, r and s': request(EC['P-256']!, 'ecdsa-p256-sha256'),
};
for (const hash of HASHES) {
  GOOD[`RSA, ${hash}`] = request(RSA, `rsa-${hash}`);
  for (const curve of ['P-256', 'P-384', 'P-521'])
    GOOD[`${curve}, ${hash}`] = request(EC[curve]!, `ecdsa-${hash}-der`);
}

const p256 = GOOD['P-256, sha256']!;
const rsa = GOOD['RSA, sha256']!;
const offCurve = p256.spki.slice();
offCurve[offCurve.length - 1]! ^= 1;
const big = encodeInteger(2n ** 256n);
/** RSA numbers that no key has, but a certificate can. */
const rsaKey = (n: bigint, e: bigint): Uint8Array =>
  encode(
    TAG.sequence,
    encode(TAG.sequence, encodeOid('1.2.840.113549.1.1.1'), encode(TAG.null)),
    encode(TAG.bitString, Uint8Array.of(0), encode(TAG.sequence, encodeInteger(n), encodeInteger(e))),
  );
const rsaOf = (bits: bigint, e: bigint, low = 1n): SignatureRequest => ({
  ...rsa,
  spki: rsaKey(2n ** (bits - 1n) + low, e),
  signature: new Uint8Array(Number(bits) / 8).fill(1),
});
const BAD: Record<string, SignatureRequest> = {
  'the message is another': { ...p256, message: MESSAGE.slice(1) },
  'the RSA message is another': { ...rsa, message: MESSAGE.slice(1) },
  'the hash is another': { ...rsa, algorithm: 'rsa-sha384' },
  'the RSA signature is short': { ...rsa, signature: rsa.signature.slice(1) },
  'the key is RSA, the algorithm ECDSA': { ...rsa, algorithm: 'ecdsa-sha256-der' },
  'the key is EC, the algorithm RSA': { ...p256, algorithm: 'rsa-sha256' },
  'the key is P-384, the algorithm P-256': request(EC['P-384']!, 'ecdsa-p256-sha256'),
  'the curve is another': request(EC.secp256k1!, 'ecdsa-sha256-der'),
  'the point is not on the curve': { ...p256, spki: offCurve },
  'the key is no key': { ...p256, spki: MESSAGE },
  'the signature is no DER': { ...p256, signature: MESSAGE },
  'the numbers do not fit the curve': { ...p256, signature: encode(TAG.sequence, big, big) },
  'the modulus is huge': rsaOf(32768n, 65537n),
  'the modulus is even': rsaOf(2048n, 65537n, 2n),
  'the modulus is tiny': rsaOf(8n, 3n),
  'the exponent is huge': rsaOf(4096n, 2n ** 100n + 1n),
  'the exponent is above the modulus': rsaOf(2048n, 2n ** 3000n + 1n),
  'r and s are short': { ...GOOD['P-256, r and s']!, signature: new Uint8Array(63) },
};

for (const [by, verifier] of Object.entries(VERIFIERS)) {
  for (const [what, good] of Object.entries(GOOD))
    t.test(`${by}: a signature holds: ${what}`, async (t) => {
      t.equal(await verifier.verify(good), true);
    });
  for (const [how, bad] of Object.entries(BAD))
    t.test(`${by}: a signature does not hold when ${how}`, async (t) => {
      t.equal(await verifier.verify(bad), false);
    });
}

t.test('broken primitives are no false signature', async (t) => {
  const broken = { importKey: () => Promise.reject(new Error('broken')) };
  await t.rejects(
    webCryptoSignatures(broken as unknown as typeof globalThis.crypto.subtle).verify(p256),
    /broken/,
  );
  const noMessage = { ...p256, message: undefined as unknown as Uint8Array };
  await t.rejects(nodeSignatures.verify(noMessage), TypeError);
});
