import fc from 'fast-check';
import t from 'tap';
import { parseCrl } from '../../../server/core/read/crl.ts';
import { contextTag, TAG } from '../../../server/core/read/der.ts';
import { encode, encodeOid } from '../../../server/core/read/encode-der.ts';
import { refusal } from '../../support/format-error.ts';
import { authority, root } from '../token/authority.ts';
import { crl, serialOf } from '../token/revocation.ts';
import { elementAt, replaced } from './rebuild.ts';

const one = authority('P-256', root);
const two = authority('P-256', root);
const AT = '261122070000Z';
const list = crl(root, [
  { of: one, at: AT, reason: 'superseded' },
  { of: two, at: AT },
]);

t.test('a list of openssl is read', async (t) => {
  const read = parseCrl(list);
  const atMs = Date.parse('2026-11-22T07:00:00Z');
  t.strictSame(
    [...read.revoked],
    [
      { serial: serialOf(one), atMs, reason: 4 },
      { serial: serialOf(two), atMs, reason: undefined },
    ],
  );
  t.same(read.issuer, elementAt(root.der, '/0/5').raw);
  t.ok(Math.abs(read.thisUpdateMs - Date.now()) < 60_000);
  t.equal(parseCrl(crl(root)).revoked.length, 0);
  t.equal(
    parseCrl(crl(root, [], ['issuingDistributionPoint = critical, @idp', '[idp]', 'onlyuser = TRUE'])).revoked
      .length,
    0,
  );
});

const int = (...octets: number[]) => encode(TAG.integer, Uint8Array.from(octets));
const sequence = (...parts: readonly Uint8Array[]) => encode(TAG.sequence, ...parts);
const TRUE = encode(TAG.boolean, Uint8Array.of(0xff));
const critical = sequence(encodeOid('2.5.29.27'), TRUE, encode(TAG.octetString, int(1)));
const reason = (...octets: number[]) =>
  sequence(
    sequence(
      encodeOid('2.5.29.21'),
      encode(TAG.octetString, encode(TAG.enumerated, Uint8Array.from(octets))),
    ),
  );
const at = (way: string) => elementAt(list, way).raw;
const time = (text: string) => encode(TAG.generalizedTime, new TextEncoder().encode(text));
const [INNER, OUTER, FIRST, EXTENSIONS] = ['/0/1', '/1', '/0/5/0', '/0/6'];

t.test('what is optional may be left out, and later times are read', async (t) => {
  t.equal(parseCrl(replaced(list, { '/0/4': [] })).revoked.length, 2);
  t.equal(parseCrl(replaced(list, { '/0/4': [time('20600101000000Z')] })).revoked.length, 2);
  t.equal(parseCrl(replaced(list, { [EXTENSIONS]: [] })).revoked.length, 2);
});

const DAMAGED: Readonly<Record<string, readonly [Readonly<Record<string, readonly Uint8Array[]>>, string]>> =
  {
    'its version is 1': [{ '/0/0': [int(0)] }, 'revocation-version-unsupported'],
    'its version is left out': [{ '/0/0': [] }, 'der-tag-unexpected'],
    'its two algorithms differ': [{ [OUTER]: [sequence(encodeOid('1.2.3'))] }, 'x509-algorithm-mismatch'],
    'its algorithm is none that we check': [
      { [OUTER]: [sequence(encodeOid('1.2.3'))], [INNER]: [sequence(encodeOid('1.2.3'))] },
      'revocation-algorithm-unsupported',
    ],
    'it is a list of changes': [
      { [`${EXTENSIONS}/0`]: [sequence(critical)] },
      'x509-extension-critical-unknown',
    ],
    'its extensions are none, written out': [{ [`${EXTENSIONS}/0`]: [sequence()] }, 'der-element-missing'],
    'its entries are none, written out': [{ '/0/5': [sequence()] }, 'der-element-missing'],
    'an entry has an unknown critical extension': [
      { [`${FIRST}/2`]: [sequence(critical)] },
      'x509-extension-critical-unknown',
    ],
    'an entry has two reasons': [
      { [`${FIRST}/2`]: [sequence(...Array(2).fill(elementAt(list, `${FIRST}/2/0`).raw))] },
      'x509-extension-duplicate',
    ],
    'a serial number has a second spelling': [
      { [`${FIRST}/0`]: [int(0, ...elementAt(list, `${FIRST}/0`).content)] },
      'der-integer-invalid',
    ],
    'a reason has two octets': [{ [`${FIRST}/2`]: [reason(0, 1)] }, 'der-integer-invalid'],
    'a reason has none': [{ [`${FIRST}/2`]: [reason()] }, 'der-integer-invalid'],
    'its next update is before 2050 in the later form': [
      { '/0/4': [time('20270101000000Z')] },
      'x509-time-invalid',
    ],
    'an entry has more members': [
      { [FIRST]: [sequence(int(1), at(`${FIRST}/1`), at(`${FIRST}/2`), int(1))] },
      'der-element-surplus',
    ],
    'something stands behind its extensions': [
      { [EXTENSIONS]: [at(EXTENSIONS), encode(contextTag(1, 'constructed'))] },
      'der-element-surplus',
    ],
  };
for (const [what, [changes, code]] of Object.entries(DAMAGED))
  t.test(`a list is refused when ${what}`, async (t) =>
    t.equal(
      refusal(() => parseCrl(replaced(list, changes))),
      code,
    ),
  );

t.test('lists with any bytes changed or cut never crash', async () => {
  fc.assert(
    fc.property(fc.nat(list.length - 1), fc.nat(255), fc.nat(list.length), (place, value, length) => {
      refusal(() => parseCrl(list.with(place, value)));
      refusal(() => parseCrl(list.slice(0, length)));
    }),
    { numRuns: 3000 },
  );
});
