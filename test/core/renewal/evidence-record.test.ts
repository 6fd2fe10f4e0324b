import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  CERTIFICATE,
  changed,
  OLD,
  OTHERS,
  renew,
  renewAll,
} from '../../../scripts/vectors/renewal-cases.ts';
import { parseDer, TAG } from '../../../server/core/read/der.ts';
import { encode } from '../../../server/core/read/encode-der.ts';
import { evidenceRecord } from '../../../server/core/renewal/evidence-record.ts';
import { checkErs, whyNoBouncyCastle } from '../../support/bouncycastle.ts';

const embedded = { embedded: true };
// BouncyCastle refuses what is in the future.
const alone = renew(CERTIFICATE, OLD, '2026-01-02', embedded);
const among = renewAll([...OTHERS, CERTIFICATE], OLD, '2026-01-03', embedded)[4]!;
const second = renewAll([alone, among], OLD, '2026-03-01', embedded);
const third = renewAll([...OTHERS, ...second], OLD, '2026-06-01', embedded);
const [FIRST, SECOND, THIRD] = ['2026-01-02', '2026-03-01', '2026-06-01'].map((day) => `${day}T00:00:00Z`);

const folder = t.testdir();
let files = 0;
const file = (bytes: Uint8Array): string => {
  const path = join(folder, String(files++));
  writeFileSync(path, bytes);
  return path;
};

/** The record, with one digest of a reduced hash tree, or the like, made another. */
const flipped = (record: Uint8Array, at: number): Uint8Array => {
  const damaged = record.slice();
  damaged[at]! ^= 1;
  return damaged;
};

t.test(
  'BouncyCastle accepts the record of each, and refuses one that is damaged',
  { skip: whyNoBouncyCastle() },
  async (t) => {
    const good: [string, Uint8Array, Uint8Array, string][] = [
      ['alone', evidenceRecord(CERTIFICATE, [alone]), CERTIFICATE, `ok ${FIRST}`],
      ['among five', evidenceRecord(CERTIFICATE, [among]), CERTIFICATE, 'ok 2026-01-03T00:00:00Z'],
      [
        'renewed twice',
        evidenceRecord(CERTIFICATE, [alone, second[0]!]),
        CERTIFICATE,
        `ok ${FIRST} ${SECOND}`,
      ],
      [
        'renewed three times among others, in another order',
        evidenceRecord(CERTIFICATE, [third[4]!, alone, second[0]!]),
        CERTIFICATE,
        `ok ${FIRST} ${SECOND} ${THIRD}`,
      ],
      [
        'the last two levels alone, as a record of the first renewal',
        evidenceRecord(among, [second[1]!, third[5]!]),
        among,
        `ok ${SECOND} ${THIRD}`,
      ],
    ];
    const record = good[3]![1];
    const treeAt = Buffer.from(record).indexOf(Buffer.from('0440', 'hex')) + 2;
    const bad: [string, Uint8Array, Uint8Array][] = [
      ['of another file', good[0]![1], OTHERS[0]!],
      ['of another file, among five', good[1]![1], Buffer.from('a photograph')],
      ['of a certificate that was changed', good[0]![1], flipped(CERTIFICATE, 20)],
      ['a digest in a tree is flipped', flipped(record, treeAt), CERTIFICATE],
      ['a signature is flipped', flipped(record, record.length - 1), CERTIFICATE],
      ['something stands behind it', Buffer.concat([record, Buffer.from([5, 0])]), CERTIFICATE],
      ['the first renewal is left out', without(record, 0), CERTIFICATE],
    ];
    const said = checkErs([...good, ...bad].map(([, bytes, of]) => [file(bytes), file(of)]));
    good.forEach(([name, , , expected], i) => void t.equal(said[i], expected, name));
    bad.forEach(([name], i) => void t.match(said[good.length + i], /^no: /, name));
  },
);

/** The record without one of its stamps. */
function without(record: Uint8Array, which: number): Uint8Array {
  const [version, algorithms, sequence] = parseDer(record).children;
  const stamps = sequence!.children[0]!.children.filter((_, i) => i !== which).map(({ raw }) => raw);
  return encode(
    TAG.sequence,
    version!.raw,
    algorithms!.raw,
    encode(TAG.sequence, encode(TAG.sequence, ...stamps)),
  );
}

t.test('a record is of one chain, without gaps and forks', async (t) => {
  t.throws(() => evidenceRecord(CERTIFICATE, [alone, among]), { code: 'renewal-chain-forked' });
  t.throws(() => evidenceRecord(CERTIFICATE, [third[4]!, alone]), { code: 'renewal-of-another-file' });
  t.throws(() => evidenceRecord(OTHERS[0]!, [alone]), { code: 'renewal-of-another-file' });
  t.throws(() => evidenceRecord(alone, [alone]), { code: 'renewal-of-another-file' });
  t.throws(() => evidenceRecord(CERTIFICATE, [CERTIFICATE]), { code: 'field-value-wrong' });
  t.throws(() => evidenceRecord(Buffer.from('a photograph'), [alone]), { code: 'json-unexpected' });
  const path = changed(second[0]!, (document) => ({ ...document, earlier: [] }));
  t.throws(() => evidenceRecord(CERTIFICATE, [alone, path]), { code: 'renewal-token-not-covered' });
});
