import fc from 'fast-check';
import t from 'tap';
import { contextTag, parseDer, TAG } from '../../../server/core/read/der.ts';
import { encode, encodeOid } from '../../../server/core/read/encode-der.ts';
import { parseOcsp } from '../../../server/core/read/ocsp.ts';
import { refusal } from '../../support/format-error.ts';
import { authority, digestOf, root } from '../token/authority.ts';
import { ocsp, serialOf } from '../token/revocation.ts';
import { elementAt, replaced } from './rebuild.ts';

const one = authority('P-256', root);
const AT = '261122070000Z';
const atMs = Date.parse('2026-11-22T07:00:00Z');
const asked = { of: one, issuer: root, signer: root };
const answer = ocsp({ ...asked, revoked: [{ of: one, at: AT, reason: 'superseded' }] });

t.test('an answer of openssl is read, whatever it says and names by', async (t) => {
  for (const digest of ['sha1', 'sha256', 'sha512'] as const) {
    const [status] = parseOcsp(ocsp({ ...asked, digest, revoked: [{ of: one }] })).statuses;
    t.match(status, { serial: serialOf(one), status: 'good' });
    t.same(status!.issuerNameHash, digestOf(digest, elementAt(root.der, '/0/5').raw));
    t.same(status!.hash(one.der), digestOf(digest, one.der));
  }
  const status = (revoked: Parameters<typeof ocsp>[0]['revoked']) =>
    parseOcsp(ocsp({ ...asked, revoked })).statuses[0]!.status;
  t.strictSame(status([{ of: one, at: AT, reason: 'keyCompromise' }]), { atMs, reason: 1 });
  t.strictSame(status([{ of: one, at: AT }]), { atMs, reason: undefined });
  t.equal(status([]), 'unknown');
  t.equal(parseOcsp(answer).certificates.length, 1);
  t.equal(parseOcsp(ocsp({ ...asked, revoked: [], more: ['-resp_no_certs'] })).certificates.length, 0);
  t.ok(Math.abs(parseOcsp(answer).producedAtMs - Date.now()) < 60_000);
});

const sequence = (...parts: readonly Uint8Array[]) => encode(TAG.sequence, ...parts);
const context = (number: number, ...parts: readonly Uint8Array[]) =>
  encode(contextTag(number, 'constructed'), ...parts);
const int = (...octets: number[]) => encode(TAG.integer, Uint8Array.from(octets));
const enumerated = (...octets: number[]) => encode(TAG.enumerated, Uint8Array.from(octets));
const extension = (...critical: readonly Uint8Array[]) =>
  context(1, sequence(sequence(encodeOid('1.2.3'), ...critical, encode(TAG.octetString, int(1)))));
const TRUE = encode(TAG.boolean, Uint8Array.of(0xff));

const OCTETS = '/1/0/1';
const basic = elementAt(answer, OCTETS).content;
const DATA = '/0';
const SINGLE = `${DATA}/2/0`;
const at = (way: string) => elementAt(basic, way).raw;

/** The answer with its inner part changed; signatures are not the matter here. */
const changed = (changes: Readonly<Record<string, readonly Uint8Array[]>>): Uint8Array =>
  replaced(answer, { [OCTETS]: [encode(TAG.octetString, replaced(basic, changes))] });

t.test('extensions that are not critical are read over', async (t) => {
  const both = changed({
    [SINGLE]: [sequence(...elementAt(basic, SINGLE).children.map(({ raw }) => raw), extension())],
    [`${DATA}/1`]: [at(`${DATA}/1`)],
  });
  t.equal(parseOcsp(both).statuses.length, 1);
  const data = elementAt(basic, DATA).children.map(({ raw }) => raw);
  t.equal(parseOcsp(changed({ [DATA]: [sequence(...data, extension())] })).statuses.length, 1);
  t.equal(parseOcsp(changed({ [`${SINGLE}/3`]: [] })).statuses.length, 1, 'no next update');
});

const data = elementAt(basic, DATA).children.map(({ raw }) => raw);
const single = elementAt(basic, SINGLE).children.map(({ raw }) => raw);
const DAMAGED: Readonly<Record<string, readonly [Uint8Array, string]>> = {
  'it is no answer but «try later»': [sequence(enumerated(3)), 'ocsp-not-answered'],
  'its status has no octet': [replaced(answer, { '/0': [enumerated()] }), 'ocsp-not-answered'],
  'it is of another kind': [replaced(answer, { '/1/0/0': [encodeOid('1.2.3')] }), 'ocsp-not-answered'],
  'its algorithm is none that we check': [
    changed({ '/1': [sequence(encodeOid('1.2.3'))] }),
    'revocation-algorithm-unsupported',
  ],
  'its version is written': [
    changed({ [DATA]: [sequence(context(0, int(0)), ...data)] }),
    'revocation-version-unsupported',
  ],
  'an extension is critical': [
    changed({ [DATA]: [sequence(...data, extension(TRUE))] }),
    'ocsp-extension-critical',
  ],
  'an extension of one status is critical': [
    changed({ [SINGLE]: [sequence(...single, extension(TRUE))] }),
    'ocsp-extension-critical',
  ],
  'it says nothing of anybody': [changed({ [`${DATA}/2`]: [sequence()] }), 'der-element-missing'],
  'it names by a digest that we do not know': [
    changed({ [`${SINGLE}/0/0`]: [sequence(encodeOid('1.2.840.113549.2.5'))] }),
    'tsp-algorithm-unsupported',
  ],
  'a serial number has a second spelling': [
    changed({ [`${SINGLE}/0/3`]: [int(0, ...elementAt(basic, `${SINGLE}/0/3`).content)] }),
    'der-integer-invalid',
  ],
  'it brings more than four certificates': [
    changed({ '/3': [context(0, sequence(...Array(5).fill(one.der)))] }),
    'ocsp-certificates-too-many',
  ],
  'it names by no digest': [changed({ [`${SINGLE}/0/0`]: [sequence()] }), 'der-tag-unexpected'],
  'a good status has content': [
    changed({ [`${SINGLE}/1`]: [encode(contextTag(0, 'primitive'), Uint8Array.of(0))] }),
    'der-tag-unexpected',
  ],
  'a status is of another kind': [
    changed({ [`${SINGLE}/1`]: [encode(contextTag(3, 'primitive'))] }),
    'der-tag-unexpected',
  ],
};
for (const [what, [bytes, code]] of Object.entries(DAMAGED))
  t.test(`an answer is refused when ${what}`, async (t) =>
    t.equal(
      refusal(() => parseOcsp(bytes)),
      code,
    ),
  );

t.test('an answer with four certificates is read', async (t) => {
  t.equal(
    parseOcsp(changed({ '/3': [context(0, sequence(...Array(4).fill(one.der)))] })).certificates.length,
    4,
  );
});

t.test('answers with any bytes changed or cut never crash', async (t) => {
  t.equal(parseDer(answer).children.length, 2);
  fc.assert(
    fc.property(fc.nat(answer.length - 1), fc.nat(255), fc.nat(answer.length), (place, value, length) => {
      refusal(() => parseOcsp(answer.with(place, value)));
      refusal(() => parseOcsp(answer.slice(0, length)));
    }),
    { numRuns: 3000 },
  );
});
