import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { concat, equalBytes } from '../../../server/core/read/bytes.ts';
import { contextTag, TAG } from '../../../server/core/read/der.ts';
import { encode, encodeInteger, encodeOid } from '../../../server/core/read/encode-der.ts';
import { FormatError } from '../../../server/core/reason.ts';
import { encodeImprint, sha256Imprint } from '../../../server/core/token/imprint.ts';
import { PROMISE_POLICY, PUBLIC_POLICY } from '../../../server/core/token/policies.ts';
import {
  encodeRequest,
  encodeUnsigned,
  failureOf,
  parseRequest,
} from '../../../server/core/token/request.ts';
import { encodeRefusal, parseResponse } from '../../../server/core/token/response.ts';
import { openssl } from '../read/openssl.ts';
import { DATA, DIGEST, digestOf, file } from './authority.ts';

const parse = (bytes: Uint8Array) => parseRequest(bytes, [PUBLIC_POLICY]);

/** Reason and PKIFailureInfo with which a request is refused. Any other error is a bug and passes through. */
function refused(bytes: Uint8Array): readonly [string, string] | undefined {
  try {
    parse(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof FormatError) return [error.code, failureOf(error)];
    throw error;
  }
}

const query = (...args: string[]): Uint8Array => {
  const out = file('');
  openssl(['ts', '-query', '-data', file(DATA), ...args, '-out', out]);
  return new Uint8Array(readFileSync(out));
};

for (const algorithm of ['sha256', 'sha384', 'sha512', 'sm3'] as const)
  t.test(`a request of openssl with ${algorithm} is read`, async (t) => {
    const read = parse(query(`-${algorithm}`, '-cert', '-tspolicy', PUBLIC_POLICY));
    t.equal(read.imprint.algorithm, algorithm);
    t.ok(equalBytes(read.imprint.digest, digestOf(algorithm, DATA)));
    t.equal(read.policy, PUBLIC_POLICY);
    t.equal(read.certReq, true);
    t.ok(read.nonce !== undefined && read.nonce.length >= 7);
    const bare = parse(query(`-${algorithm}`, '-no_nonce'));
    t.match(bare, { policy: undefined, nonce: undefined, certReq: false });
  });

t.test('our own requests are read by openssl and by us', async (t) => {
  const bytes = encodeRequest({
    imprint: sha256Imprint(DIGEST),
    policy: PUBLIC_POLICY,
    nonce: Uint8Array.of(0, 0xff, 2),
    certReq: true,
  });
  const shown = String(openssl(['ts', '-query', '-in', file(bytes), '-text']));
  t.match(shown, `Policy OID: ${PUBLIC_POLICY}`);
  t.match(shown, 'Nonce: 0xFF02');
  t.match(shown, 'Certificate required: yes');
  t.same([...parse(bytes).nonce!], [0, 0xff, 2]);
  t.strictSame(
    [...encodeRequest({ imprint: sha256Imprint(DIGEST), certReq: false }).slice(0, 5)],
    [0x30, 52, 2, 1, 1],
  );
  t.same([...encodeUnsigned(new Uint8Array(3))], [2, 1, 0]);
});

const int = (...octets: number[]) => encode(TAG.integer, Uint8Array.from(octets));
const V1 = int(1);
const IMPRINT = sha256Imprint(DIGEST);
const req = (...parts: readonly Uint8Array[]) => encode(TAG.sequence, ...parts);
const imprint = (algorithm: Uint8Array, digest: Uint8Array) =>
  encode(TAG.sequence, encode(TAG.sequence, algorithm), encode(TAG.octetString, digest));
const SHA256 = encodeOid('2.16.840.1.101.3.4.2.1');
const NULL = encode(TAG.null);
const TRUE = encode(TAG.boolean, Uint8Array.of(0xff));

t.test('a nonce is any integer of at most 20 octets, kept as it is', async (t) => {
  for (const octets of [[0], [0x80], [0xff], [0, 0x80], Array.from({ length: 20 }, () => 0x7f)])
    t.same([...parse(req(V1, IMPRINT, int(...octets))).nonce!], octets);
});

t.test('parameters of the digest algorithm are absent or NULL, and repeated as they came', async (t) => {
  const given = imprint(concat(SHA256, NULL), DIGEST);
  t.ok(equalBytes(parse(req(V1, given)).imprint.raw, given));
  t.ok(equalBytes(parse(req(V1, IMPRINT)).imprint.raw, IMPRINT));
});

const extension = encode(TAG.sequence, encodeOid('1.2.3'), encode(TAG.octetString, Uint8Array.of(5, 0)));
const REFUSED: Readonly<Record<string, readonly [Uint8Array, string, string]>> = {
  nothing: [new Uint8Array(), 'der-truncated', 'badDataFormat'],
  'text instead of DER': [new TextEncoder().encode('GET / HTTP/1.1'), 'der-truncated', 'badDataFormat'],
  'something behind it': [concat(req(V1, IMPRINT), NULL), 'der-trailing-bytes', 'badDataFormat'],
  'too many bytes': [new Uint8Array(1025), 'tsp-request-too-long', 'badRequest'],
  'version 2': [req(int(2), IMPRINT), 'tsp-version-unsupported', 'badRequest'],
  'a negative version': [req(int(0xff), IMPRINT), 'der-integer-invalid', 'badDataFormat'],
  'SHA-1': [
    req(V1, imprint(encodeOid('1.3.14.3.2.26'), DIGEST.slice(0, 20))),
    'tsp-algorithm-unsupported',
    'badAlg',
  ],
  MD5: [
    req(V1, imprint(encodeOid('1.2.840.113549.2.5'), DIGEST.slice(0, 16))),
    'tsp-algorithm-unsupported',
    'badAlg',
  ],
  'SHA-1 with the length of SHA-256': [
    req(V1, imprint(encodeOid('1.3.14.3.2.26'), DIGEST)),
    'tsp-algorithm-unsupported',
    'badAlg',
  ],
  'parameters that are not NULL': [
    req(V1, imprint(concat(SHA256, int(1)), DIGEST)),
    'der-tag-unexpected',
    'badDataFormat',
  ],
  'a NULL with content': [
    req(V1, imprint(concat(SHA256, encode(TAG.null, Uint8Array.of(0))), DIGEST)),
    'tsp-algorithm-unsupported',
    'badAlg',
  ],
  'a digest that is too short': [
    req(V1, imprint(SHA256, DIGEST.slice(1))),
    'tsp-imprint-length-wrong',
    'badDataFormat',
  ],
  'a digest that is too long': [
    req(V1, imprint(SHA256, concat(DIGEST, DIGEST))),
    'tsp-imprint-length-wrong',
    'badDataFormat',
  ],
  'an empty digest': [
    req(V1, encodeImprint('sm3', new Uint8Array())),
    'tsp-imprint-length-wrong',
    'badDataFormat',
  ],
  'the policy of promises': [
    req(V1, IMPRINT, encodeOid(PROMISE_POLICY)),
    'tsp-policy-unaccepted',
    'unacceptedPolicy',
  ],
  'any other policy': [req(V1, IMPRINT, encodeOid('1.2.3')), 'tsp-policy-unaccepted', 'unacceptedPolicy'],
  'a nonce of 21 octets': [
    req(V1, IMPRINT, int(...new Uint8Array(21).fill(1))),
    'tsp-nonce-too-long',
    'badRequest',
  ],
  'an empty nonce': [req(V1, IMPRINT, int()), 'der-integer-invalid', 'badDataFormat'],
  'a nonce with zeros before it': [req(V1, IMPRINT, int(0, 1)), 'der-integer-invalid', 'badDataFormat'],
  'certReq FALSE written out': [
    req(V1, IMPRINT, encode(TAG.boolean, Uint8Array.of(0))),
    'der-default-written',
    'badDataFormat',
  ],
  'certReq of another value': [
    req(V1, IMPRINT, encode(TAG.boolean, Uint8Array.of(1))),
    'der-boolean-invalid',
    'badDataFormat',
  ],
  extensions: [
    req(V1, IMPRINT, encode(contextTag(0, 'constructed'), extension)),
    'tsp-extension-unaccepted',
    'unacceptedExtension',
  ],
  'empty extensions': [
    req(V1, IMPRINT, TRUE, encode(contextTag(0, 'constructed'))),
    'tsp-extension-unaccepted',
    'unacceptedExtension',
  ],
  'members in another order': [req(V1, IMPRINT, TRUE, int(1)), 'der-element-surplus', 'badDataFormat'],
  'no imprint': [req(V1), 'der-tag-unexpected', 'badDataFormat'],
  'an imprint without algorithm': [
    req(V1, encode(TAG.sequence, encode(TAG.octetString, DIGEST))),
    'der-tag-unexpected',
    'badDataFormat',
  ],
  'a SET instead of the SEQUENCE': [encode(TAG.set, V1, IMPRINT), 'der-tag-unexpected', 'badDataFormat'],
  'an indefinite length': [
    concat(Uint8Array.of(0x30, 0x80), V1, IMPRINT, Uint8Array.of(0, 0)),
    'der-length-invalid',
    'badDataFormat',
  ],
  'a length of 4 GiB': [Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff), 'der-truncated', 'badDataFormat'],
  'a thousand open sequences': [new Uint8Array(1000).fill(0x30), 'der-truncated', 'badDataFormat'],
};

for (const [what, [bytes, code, failure]] of Object.entries(REFUSED))
  t.test(`${what} is refused as ${failure}`, async (t) => t.strictSame(refused(bytes), [code, failure]));

t.test('every single-bit change of a request is refused, but in the digest and the nonce', async (t) => {
  const nonce = Uint8Array.of(0x42, 2, 3, 4);
  const bytes = encodeRequest({ imprint: IMPRINT, policy: PUBLIC_POLICY, nonce, certReq: true });
  const place = (part: Uint8Array) => Buffer.from(bytes).indexOf(part);
  const [digestAt, nonceAt] = [place(DIGEST), place(nonce)];
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const at = bit >> 3;
    const free = (at >= digestAt && at < digestAt + 32) || (at >= nonceAt && at < nonceAt + 4);
    const read = refused(bytes.with(at, bytes[at]! ^ (1 << (bit & 7)))) === undefined;
    t.equal(read, free, `bit ${bit}`);
  }
});

const RUNS = 5000;

t.test('thousands of random requests are refused with a number, and never crash', async (t) => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1100 }), (bytes) => {
      const why = refused(bytes);
      if (why === undefined) throw new Error('read');
      seen.add(why[1]);
      const answer = parseResponse(encodeRefusal(why[1] as 'badAlg', why[0]));
      return !answer.granted && answer.failures[0] === why[1];
    }),
    { numRuns: RUNS },
  );
  t.ok(seen.has('badDataFormat'));
});

t.test(
  'thousands of hostile requests, built of likely parts, are read or refused with a number',
  async (t) => {
    const bytes = fc.uint8Array({ maxLength: 70 });
    const tag = fc.constantFrom(1, 2, 4, 5, 6, 0x30, 0x31, 0x80, 0xa0, 0xa1, 0x24, 0x1f, 0);
    const leaf = fc.oneof(
      fc.constantFrom(V1, IMPRINT, SHA256, TRUE, NULL, int(2), encodeOid(PUBLIC_POLICY), extension),
      fc.tuple(tag, bytes).map(([of, content]) => encode(of, content)),
      fc.bigInt({ min: 0n, max: 2n ** 200n }).map((value) => encodeInteger(value)),
    );
    const { tree } = fc.letrec<{ tree: Uint8Array }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.tuple(tag, fc.array(tie('tree'), { maxLength: 5 })).map(([of, parts]) => encode(of, ...parts)),
      ),
    }));
    const request = fc.oneof(
      tree,
      fc.array(leaf, { maxLength: 4 }).map((parts) => req(V1, IMPRINT, ...parts)),
      fc
        .tuple(fc.nat(60), fc.nat(255))
        .map(([at, value]) => req(V1, IMPRINT, int(7), TRUE).map((octet, i) => (i === at ? value : octet))),
    );
    const outcomes: Record<string, number> = {};
    fc.assert(
      fc.property(request, (bytes) => {
        const outcome = refused(bytes)?.[1] ?? 'read';
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }),
      { numRuns: RUNS },
    );
    for (const outcome of ['read', 'badAlg', 'badDataFormat', 'unacceptedExtension'])
      t.ok(outcomes[outcome]! > 0 || outcome === 'unacceptedExtension', outcome);
  },
);
