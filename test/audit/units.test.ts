import fc from 'fast-check';
import t from 'tap';
import { CASE } from '../../scripts/vectors/case-sample.ts';
import { appendTable } from '../../server/audit/append-table.ts';
import { checkEntry } from '../../server/audit/entries.ts';
import { FINDINGS, listening } from '../../server/audit/finding.ts';
import { leafOf, rootOfLeaves } from '../../server/audit/merkle.ts';
import { readLeaves } from '../../server/audit/service.ts';
import { chainEvent } from '../../server/core/entry/event-chain.ts';
import { toHex } from '../../server/core/read/bytes.ts';
import { buildTree, leafHash, rootOf } from '../../server/core/tree/tree.ts';
import { en } from '../../server/messages/en.ts';
import { zh } from '../../server/messages/zh.ts';
import { EVENTS_ID } from '../../server/ports/identity.ts';

t.test('every finding has its sentence, and every sentence its finding', async (t) => {
  for (const language of [zh, en])
    t.strictSame(Object.keys(language.finding).sort(), Object.keys(FINDINGS).sort());
});

const leavesOf = (count: number): Uint8Array =>
  Uint8Array.from(Buffer.concat(Array.from({ length: count }, (_, i) => leafHash(Uint8Array.of(i, i >> 8)))));

t.test('a root over leaves that pass by is the root of the tree, whatever their number', async (t) => {
  for (let count = 1; count <= 300; count++)
    if (rootOfLeaves(leavesOf(count)) !== toHex(rootOf(buildTree(leavesOf(count)))))
      t.fail(`${count} leaves`);
  t.equal(toHex(leafOf(Buffer.from('entry'))), toHex(leafHash(Buffer.from('entry'))));
  t.throws(() => rootOfLeaves(new Uint8Array(0)), RangeError);
});

t.test('leaves are read the same however they come in pieces', async (t) => {
  const whole = leavesOf(37);
  const root = rootOfLeaves(whole);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 40 }), async (lengths) => {
      async function* pieces() {
        let at = 0;
        for (const length of [...lengths, whole.length]) {
          yield whole.subarray(at, at + length);
          at += length;
        }
      }
      const read = await readLeaves(pieces(), 37);
      return read.root === root && read.count === 37;
    }),
    { numRuns: 50 },
  );
  t.pass();
});

t.test('reading stops at the first leaf too many', async (t) => {
  let asked = 0;
  async function* endless() {
    for (;;) {
      asked++;
      yield new Uint8Array(64);
    }
  }
  t.strictSame(await readLeaves(endless(), 10), { count: 11, root: undefined });
  t.equal(asked, 6);
});

t.test('appends are kept by index, and another one for the same index is told', async (t) => {
  const append = (index: number, byte = 'ab') => ({
    index,
    root: byte.repeat(32),
    size: 3,
    blockNumber: 2 ** 40 + index,
    blockHash: `0x${'cd'.repeat(32)}`,
    transactionHash: `0x${'ef'.repeat(32)}`,
  });
  const table = appendTable(5_000);
  for (const index of [1, 0, 4_000, 3]) t.ok(table.add(append(index)));
  t.equal(table.contiguous, 2);
  t.ok(table.add(append(2)));
  t.equal(table.contiguous, 4);
  t.strictSame(table.get(4_000), append(4_000));
  t.equal(table.get(17), undefined);
  t.equal(table.get(9_999), undefined);
  t.ok(table.add(append(3)), 'the same again');
  t.notOk(table.add(append(3, '00')), 'another');
  t.ok(table.add(append(2 ** 50)), 'beyond what the contract counts: not kept, and no memory for it');
  t.equal(table.get(2 ** 50), undefined);
});

t.test('an event in the log is read as one, and names no file', async (t) => {
  const { entry } = chainEvent(undefined, {
    action: 'submit',
    actor: { organization: CASE, person: null, role: 'system' },
    at: '2026-11-22T07:00:00.000Z',
    case: CASE,
    content: null,
    id: CASE,
    procedure: 'notarization/1',
    salt: '00'.repeat(16),
    to: 'submitted',
  });
  const told = (text: string, more: Partial<Parameters<typeof checkEntry>[0]> = {}) => {
    const found: string[] = [];
    const report = listening({ found: ({ code, what }) => void found.push(what ?? code) });
    const raw = {
      ...{
        sequence: 1,
        id: CASE,
        organization: EVENTS_ID,
        receivedMs: Date.parse('2026-11-22T07:00:00.000Z'),
      },
      ...{ leaf: new Uint8Array(32), digests: undefined, idempotencyKey: undefined, fingerprint: undefined },
    };
    checkEntry({ ...raw, bytes: Buffer.from(text), ...more }, new Set([EVENTS_ID, CASE]), report);
    return found;
  };
  t.strictSame(told(entry), []);
  t.strictSame(told(entry, { digests: new Uint8Array(32) }), ['digests']);
  t.strictSame(told(entry, { organization: CASE }), ['organization'], 'nobody’s deposit');
  t.strictSame(told(entry, { id: EVENTS_ID }), ['id']);
  t.strictSame(told(entry, { receivedMs: 0 }), ['received_ms']);
  t.strictSame(told(entry.replace('"submit"', '"Submit"')), ['entry-unreadable']);
});
