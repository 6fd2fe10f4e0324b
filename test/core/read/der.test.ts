import fc from 'fast-check';
import t from 'tap';
import * as der from '../../../server/core/read/der.ts';
import { type Element, TAG } from '../../../server/core/read/der.ts';
import {
  encode,
  encodeGeneralizedTime,
  encodeInteger,
  encodeOid,
} from '../../../server/core/read/encode-der.ts';
import { FormatError } from '../../../server/core/reason.ts';
import { refusal } from '../../support/format-error.ts';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const parse = (hex: string): Element => der.parseDer(bytes(hex));
const ascii = (tag: number, text: string): Element =>
  der.parseDer(encode(tag, new Uint8Array(Buffer.from(text, 'latin1'))));

/** Hex → the code that it is refused with. */
function refused(what: string, read: (element: Element) => unknown, cases: Record<string, string>): void {
  for (const [hex, code] of Object.entries(cases))
    t.test(`${what} ${hex || 'nothing'}: ${code}`, async (t) => {
      t.throws(() => read(parse(hex)), { code });
    });
}

refused('DER', (element) => element, {
  '': 'der-truncated',
  '02': 'der-truncated',
  '02 01': 'der-truncated',
  '02 81': 'der-truncated',
  '02 82 01': 'der-truncated',
  '30 03 02 02 00': 'der-truncated',
  '30 01 02': 'der-truncated',
  '02 01 00 00': 'der-trailing-bytes',
  '30 80 00 00': 'der-length-invalid',
  '04 81 01 00': 'der-length-invalid',
  '04 81 7f': 'der-length-invalid',
  '04 82 00 80': 'der-length-invalid',
  '04 82 00 ff': 'der-length-invalid',
  '04 83 00 ff ff': 'der-length-invalid',
  '04 85 01 00 00 00 00': 'der-length-invalid',
  '04 ff 01 00 00 00 00': 'der-length-invalid',
  '04 84 ff ff ff ff': 'der-truncated',
  '1f 01 00': 'der-tag-unsupported',
  'bf 81 01 00': 'der-tag-unsupported',
  '00 00': 'der-tag-unsupported',
  '10 00': 'der-form-wrong',
  '11 00': 'der-form-wrong',
  '22 00': 'der-form-wrong',
  '24 02 04 00': 'der-form-wrong',
  '20 00': 'der-form-wrong',
});

t.test('lengths in one, two and three octets are read where they need them', async (t) => {
  for (const length of [0, 1, 127, 128, 255, 256, 65535, 65536]) {
    const encoded = encode(TAG.octetString, new Uint8Array(length));
    t.equal(der.parseDer(encoded).content.length, length);
  }
});

t.test('nesting is read to the limit and not beyond', async (t) => {
  const nested = (depth: number): Uint8Array =>
    depth === 1 ? encode(TAG.sequence) : encode(TAG.sequence, nested(depth - 1));
  t.ok(der.parseDer(nested(der.MAX_DER_DEPTH)));
  t.throws(() => der.parseDer(nested(der.MAX_DER_DEPTH + 1)), {
    code: 'der-too-deep',
    detail: { limit: der.MAX_DER_DEPTH },
  });
});

const again = (element: Element): Uint8Array =>
  (element.tag & 0x20) === 0
    ? encode(element.tag, element.content)
    : encode(element.tag, ...element.children.map(again));

t.test('whatever is read has no other encoding', async (t) => {
  const small = fc.uint8Array({ maxLength: 40 });
  const headed = fc
    .tuple(fc.constantFrom(0x30, 0x31, 0x02, 0xa0, 0x80, 0x24), small)
    .map(([tag, rest]) => Uint8Array.of(tag, rest.length, ...rest));
  let read = 0;
  fc.assert(
    fc.property(fc.oneof(small, headed), (input) => {
      try {
        const element = der.parseDer(input);
        read++;
        return Buffer.from(again(element)).equals(input);
      } catch (error) {
        return error instanceof FormatError;
      }
    }),
    { numRuns: 20_000 },
  );
  t.ok(read > 1000);
});

t.test('fields are read in their order, and none is left over', async (t) => {
  const element = parse('30 06 02 01 05 01 01 ff');
  const read = der.readFields(element, TAG.sequence, (fields) => ({
    absent: fields.optional(TAG.oid),
    number: der.smallInteger(fields.next(TAG.integer)),
    flag: der.boolean(fields.optional(TAG.boolean)!),
    end: fields.optional(TAG.boolean),
  }));
  t.strictSame(read, { absent: undefined, number: 5, flag: true, end: undefined });
  t.throws(() => der.readFields(element, TAG.sequence, (fields) => fields.next(TAG.integer)), {
    code: 'der-element-surplus',
    detail: { tag: TAG.boolean },
  });
  t.throws(() => der.readFields(element, TAG.sequence, (fields) => fields.next(TAG.oid)), {
    code: 'der-tag-unexpected',
    detail: { expected: TAG.oid, actual: TAG.integer },
  });
  t.throws(() => der.readFields(element, TAG.set, () => 0), { code: 'der-tag-unexpected' });
  t.throws(() => der.readFields(parse('30 00'), TAG.sequence, (fields) => fields.next(TAG.oid)), {
    code: 'der-tag-unexpected',
    detail: { expected: TAG.oid, actual: 'none' },
  });
  t.throws(() => der.readFields(parse('30 00'), TAG.sequence, (fields) => fields.any()), {
    code: 'der-element-missing',
  });
  t.equal(der.readFields(parse('30 02 05 00'), TAG.sequence, (fields) => fields.any()).tag, TAG.null);
});

refused('SEQUENCE OF INTEGER', (element) => der.listOf(element, TAG.sequence, TAG.integer), {
  '30 00': 'der-element-missing',
  '31 03 02 01 00': 'der-tag-unexpected',
  '30 05 02 01 00 05 00': 'der-tag-unexpected',
});
refused('SET OF INTEGER', (element) => der.setOf(element, TAG.integer), {
  '31 06 02 01 02 02 01 01': 'der-set-order-wrong',
  '31 07 02 02 01 00 02 01 7f': 'der-set-order-wrong',
  '31 09 02 01 01 02 01 03 02 01 02': 'der-set-order-wrong',
});
t.test('a SET OF in ascending order is read, equal members too', async (t) => {
  t.equal(der.setOf(parse('31 03 02 01 01'), TAG.integer).length, 1);
  t.equal(
    der.setOf(
      parse('31 0c 02 01 01 02 01 01 02 02 01 00 05 00'.replace('05 00', '').replace('0c', '0a')),
      TAG.integer,
    ).length,
    3,
  );
});

refused('BOOLEAN', der.boolean, {
  '01 00': 'der-boolean-invalid',
  '01 01 01': 'der-boolean-invalid',
  '01 01 fe': 'der-boolean-invalid',
  '01 02 ff ff': 'der-boolean-invalid',
  '02 01 ff': 'der-tag-unexpected',
});
t.test('BOOLEAN 00 is false and FF true', async (t) => {
  t.equal(der.boolean(parse('01 01 00')), false);
  t.equal(der.boolean(parse('01 01 ff')), true);
});

refused('INTEGER', der.integer, {
  '02 00': 'der-integer-invalid',
  '02 02 00 7f': 'der-integer-invalid',
  '02 02 ff 80': 'der-integer-invalid',
  '02 03 00 00 80': 'der-integer-invalid',
  '04 01 00': 'der-tag-unexpected',
});
refused('a small INTEGER', der.smallInteger, {
  '02 01 ff': 'der-integer-invalid',
  '02 05 00 80 00 00 00': 'der-integer-invalid',
});
t.test('INTEGERs are read with their sign', async (t) => {
  const values = { '00': 0n, '7f': 127n, '0080': 128n, '80': -128n, ff: -1n, ff7f: -129n, '0100': 256n };
  for (const [hex, value] of Object.entries(values))
    t.equal(der.integer(der.parseDer(encode(TAG.integer, bytes(hex)))), value, hex);
  t.equal(der.smallInteger(parse('02 04 7f ff ff ff')), 2 ** 31 - 1);
  const implicit = der.contextTag(1, 'primitive');
  t.equal(der.integer(parse('81 01 05'), implicit), 5n);
  t.equal(der.smallInteger(parse('81 01 05'), implicit), 5);
  t.equal(der.contextTag(3, 'constructed'), 0xa3);
});
t.test('an INTEGER that was written is read as it was', async () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 600n }), (value) => {
      return der.integer(der.parseDer(encodeInteger(value))) === value;
    }),
  );
});

refused('BIT STRING', der.bitString, {
  '03 00': 'der-bit-string-invalid',
  '03 01 01': 'der-bit-string-invalid',
  '03 02 08 00': 'der-bit-string-invalid',
  '03 02 01 01': 'der-bit-string-invalid',
  '03 02 07 c0': 'der-bit-string-invalid',
});
refused('BIT STRING of bytes', der.bitStringBytes, { '03 02 01 02': 'der-bit-string-invalid' });
refused('named bits', der.namedBits, {
  '03 02 00 02': 'der-bit-string-invalid',
  '03 02 04 80': 'der-bit-string-invalid',
  '03 03 07 80 00': 'der-bit-string-invalid',
  '03 02 07 00': 'der-bit-string-invalid',
});
t.test('BIT STRINGs are read', async (t) => {
  t.strictSame(der.bitString(parse('03 01 00')), { bytes: new Uint8Array(), unused: 0 });
  t.strictSame(der.bitString(parse('03 02 07 80')), { bytes: Uint8Array.of(0x80), unused: 7 });
  t.strictSame(der.bitStringBytes(parse('03 02 00 81')), Uint8Array.of(0x81));
  t.strictSame(der.namedBits(parse('03 02 05 a0')), [0, 2]);
  t.strictSame(der.namedBits(parse('03 03 07 00 80')), [8]);
  t.strictSame(der.namedBits(parse('03 01 00')), []);
});

refused('OBJECT IDENTIFIER', der.oid, {
  '06 00': 'der-oid-invalid',
  '06 01 80': 'der-oid-invalid',
  '06 02 80 01': 'der-oid-invalid',
  '06 03 2a 80 01': 'der-oid-invalid',
  '06 02 2a 86': 'der-oid-invalid',
  '02 01 00': 'der-tag-unexpected',
  [`06 46 ${'ff '.repeat(70)}`]: 'der-oid-invalid',
});
t.test('OBJECT IDENTIFIERs are read and written', async (t) => {
  const known = {
    '0.0': '00',
    '0.39': '27',
    '1.0': '28',
    '1.39': '4f',
    '2.0': '50',
    '2.40.1': '7801',
    '2.5.29.19': '551d13',
    '2.999': '8837',
    '1.2.840.113549': '2a864886f70d',
    '2.25.329800735698586629295641978511506172918': '6983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776',
  };
  for (const [dotted, hex] of Object.entries(known)) {
    t.equal(Buffer.from(encodeOid(dotted)).toString('hex').slice(4), hex);
    t.equal(der.dotted(der.oid(der.parseDer(encodeOid(dotted)))), dotted);
  }
});

t.test('an OBJECT IDENTIFIER is read up to 255 octets, whatever its arcs', async (t) => {
  const long = `2.25.${2n ** 482n + 1n}`;
  t.equal(encodeOid(long).length, 2 + 70);
  t.equal(der.dotted(der.oid(der.parseDer(encodeOid(long)))), long);
  const arc = (octets: number) => new Uint8Array(octets).fill(0x81).fill(0x01, octets - 1);
  t.equal(der.oid(der.parseDer(encode(TAG.oid, arc(255)))).length, 510);
  for (const octets of [256, 1_000_000])
    t.equal(
      refusal(() => der.oid(der.parseDer(encode(TAG.oid, arc(octets))))),
      'der-oid-invalid',
    );
});

t.test(
  'an INTEGER is read up to 2,049 octets: no engine meets a number that is too long for it',
  async (t) => {
    const number = (octets: number) => der.parseDer(encode(TAG.integer, new Uint8Array(octets).fill(0x7f)));
    t.equal(der.integer(number(2_049)).toString(16).length, 4_098);
    t.equal(der.serialNumber(number(2_049)).length, 4_098);
    for (const octets of [2_050, 1_000_000])
      for (const read of [der.integer, der.smallInteger, der.serialNumber])
        t.equal(
          refusal(() => read(number(octets))),
          'der-integer-invalid',
        );
  },
);

const UTC: Record<string, string> = {
  '500101000000Z': '1950-01-01T00:00:00.000Z',
  '491231235959Z': '2049-12-31T23:59:59.000Z',
  '000229120000Z': '2000-02-29T12:00:00.000Z',
};
const GENERALIZED: Record<string, string> = {
  '20260102030405Z': '2026-01-02T03:04:05.000Z',
  '20260102030405.1Z': '2026-01-02T03:04:05.100Z',
  '20260102030405.012Z': '2026-01-02T03:04:05.012Z',
  '20260102030405.0129999Z': '2026-01-02T03:04:05.012Z',
  '99991231235959Z': '9999-12-31T23:59:59.000Z',
};
t.test('times are read', async (t) => {
  for (const [text, iso] of Object.entries(UTC))
    t.equal(new Date(der.utcTime(ascii(TAG.utcTime, text))).toISOString(), iso);
  for (const [text, iso] of Object.entries(GENERALIZED))
    t.equal(new Date(der.generalizedTime(ascii(TAG.generalizedTime, text))).toISOString(), iso);
});
const NO_UTC_TIMES = [
  '2601020304Z',
  '260102030405',
  '260102030405+0000',
  '260229000000Z',
  '261301000000Z',
].concat([
  '260100000000Z',
  '260101240000Z',
  '260101006000Z',
  '260101000060Z',
  '26010100000 Z',
  '260102030405z',
  '260102030405Z\n',
]);
const NO_GENERALIZED_TIMES = [
  '20260102030405',
  '202601020304Z',
  '20260102030405.Z',
  '20260102030405.0Z',
].concat([
  '20260102030405.10Z',
  '20260102030405,1Z',
  '20260230000000Z',
  '00500101000000Z',
  '20260101000060Z',
  '20260102030405+0800',
]);
for (const text of NO_UTC_TIMES)
  t.test(`UTCTime ${JSON.stringify(text)} is refused`, async (t) => {
    t.throws(() => der.utcTime(ascii(TAG.utcTime, text)), { code: 'der-time-invalid' });
  });
for (const text of NO_GENERALIZED_TIMES)
  t.test(`GeneralizedTime ${text} is refused`, async (t) => {
    t.throws(() => der.generalizedTime(ascii(TAG.generalizedTime, text)), { code: 'der-time-invalid' });
  });
t.test('a time that was written is read as it was', async () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1000, 0), max: Date.UTC(9999, 11) }), (ms) => {
      return der.generalizedTime(der.parseDer(encodeGeneralizedTime(ms))) === ms;
    }),
  );
});

t.test('strings are read as their types say', async (t) => {
  t.equal(der.textOf(der.parseDer(encode(TAG.utf8String, Buffer.from('可证\ufeff')))), '可证\ufeff');
  t.equal(der.textOf(der.parseDer(encode(TAG.utf8String, Buffer.from('\ufeffa')))), '\ufeffa');
  t.equal(der.textOf(ascii(TAG.printableString, "Aa0 '()+,-./:=?")), "Aa0 '()+,-./:=?");
  t.equal(der.textOf(ascii(TAG.ia5String, 'a@b\u0000')), 'a@b\u0000');
  t.equal(der.textOf(ascii(TAG.teletexString, 'Zürich')), 'Zürich');
  t.equal(der.textOf(ascii(TAG.printableString, 'a@b_*&')), 'a@b_*&');
  t.equal(der.textOf(parse('1e 04 53ef 8bc1')), '可证');
  t.equal(der.textOf(parse('1e 04 d83d de00')), '😀');
  t.equal(der.textOf(parse('02 01 00')), undefined);
});
for (const [hex, why] of Object.entries({
  '0c 01 ff': 'a byte that UTF-8 has not',
  '0c 02 c0 80': 'a long spelling in UTF-8',
  '0c 03 ed a0 80': 'a surrogate in UTF-8',
  '13 01 80': 'a PrintableString beyond ASCII',
  '16 01 80': 'an IA5String beyond ASCII',
  '1e 01 41': 'a BMPString of odd length',
  '1e 02 d8 00': 'half a pair in a BMPString',
}))
  t.test(`a string that cannot be read has no text, and is not refused: ${why}`, async (t) => {
    t.equal(der.textOf(parse(hex)), undefined);
  });

t.test('a value has at most 20,000 elements, all in all', async (t) => {
  const nulls = (count: number) =>
    encode(TAG.sequence, ...Array.from({ length: count }, () => Uint8Array.of(5, 0)));
  t.equal(der.parseDer(nulls(19_999)).children.length, 19_999);
  t.throws(() => der.parseDer(nulls(20_000)), { code: 'der-too-many-elements', detail: { limit: 20_000 } });
  t.throws(() => der.parseDer(encode(TAG.sequence, nulls(10_000), nulls(10_000))), {
    code: 'der-too-many-elements',
  });
});
