import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { create, sm3 } from '../../../server/core/hash/sm3.ts';

const VECTORS = new URL('../../../../shared/vectors/sm3.json', import.meta.url);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const opinion = (bytes: Uint8Array): string => createHash('sm3').update(bytes).digest('hex');

t.test('the shared vectors', { skip: existsSync(VECTORS) ? false : 'no ../shared here' }, async (t) => {
  const vectors: { ascii: string; sm3: string }[] = JSON.parse(readFileSync(VECTORS, 'utf8'));
  for (const vector of vectors) t.equal(hex(sm3(Buffer.from(vector.ascii))), vector.sm3, vector.ascii);
});

t.test('the examples of GB/T 32905-2016, annex A', async (t) => {
  t.equal(hex(sm3(Buffer.from('abc'))), '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0');
  t.equal(
    hex(sm3(Buffer.from('abcd'.repeat(16)))),
    'debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732',
  );
});

t.test('every length up to four blocks is as OpenSSL has it', async (t) => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => 255 - i);
  for (let length = 0; length <= 256; length++) {
    const message = bytes.subarray(0, length);
    if (hex(sm3(message)) !== opinion(message)) t.fail(`length ${length}`);
  }
});

t.test('pieces of any size give what the whole gives, wherever they stand in memory', async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
  fc.assert(
    fc.property(pieces, fc.nat(7), (parts, offset) => {
      const ours = create();
      for (const part of parts) {
        const moved = new Uint8Array(part.length + offset).subarray(offset);
        moved.set(part);
        ours.update(moved);
      }
      const whole = Buffer.concat(parts);
      return hex(ours.digest()) === opinion(whole) && hex(sm3(whole)) === opinion(whole);
    }),
    { numRuns: 1000 },
  );
});

t.test('a digest in between changes nothing', async (t) => {
  const ours = create().update(Buffer.from('ab'));
  t.equal(hex(ours.digest()), opinion(Buffer.from('ab')));
  t.equal(hex(ours.digest()), opinion(Buffer.from('ab')));
  t.equal(hex(ours.update(Buffer.from('c')).digest()), opinion(Buffer.from('abc')));
});

t.test('two at a time do not disturb each other', async (t) => {
  const [a, b] = [create(), create()];
  for (let i = 0; i < 100; i++) {
    a.update(Buffer.alloc(i, 1));
    b.update(Buffer.alloc(i, 2));
  }
  t.equal(hex(a.digest()), opinion(Buffer.alloc(4950, 1)));
  t.equal(hex(b.digest()), opinion(Buffer.alloc(4950, 2)));
});

/** `npm run test:long`. */
if (process.env['KEZHENG_TEST_LONG'])
  t.test('more than 2^32 bits are counted', async (t) => {
    const [ours, theirs] = [create(), createHash('sm3')];
    const mebibyte = Buffer.alloc(1 << 20, 7);
    for (let i = 0; i < 600; i++) {
      ours.update(mebibyte);
      theirs.update(mebibyte);
    }
    t.equal(hex(ours.digest()), theirs.digest('hex'));
  });
