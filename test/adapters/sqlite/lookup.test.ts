import assert from 'node:assert/strict';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { requireUuid } from '../../../server/adapters/relational/uuid.ts';
import { openForWriting } from '../../../server/adapters/sqlite/connection.ts';
import { openDeposits } from '../../../server/adapters/sqlite/deposits.ts';
import { openIdentityWrites } from '../../../server/adapters/sqlite/identity.ts';
import { openJournal } from '../../../server/adapters/sqlite/journal.ts';
import { DIGESTS, forgetOldKeys, lookupHash, segmentOf } from '../../../server/adapters/sqlite/lookup.ts';
import { migrate } from '../../../server/adapters/sqlite/migrate.ts';
import { createPacker } from '../../../server/adapters/sqlite/packed.ts';
import type { IdempotencyClaim, JournalEntry } from '../../../server/ports/store.ts';
import { DAY_MS, entryOf, fingerprintOf, idAt, NOW_MS } from '../../suites/sample.ts';

/** What the writer is, without its thread: everything happens when it is called. */
function openWriter(path: string, slice: number) {
  const db = openForWriting(path);
  // Nothing is cut off from power here, only forgotten: crash.test.ts has the real thing.
  db.pragma('synchronous = OFF');
  const journal = openJournal(db, slice);
  return { db, journal, deposits: openDeposits(db, journal) };
}

type Writer = ReturnType<typeof openWriter>;
interface Request {
  readonly entry: JournalEntry;
  readonly claim: IdempotencyClaim | undefined;
}

/** The whole of idempotency and of the journal, naively. */
function createModel() {
  const stored: { entry: JournalEntry; claim: IdempotencyClaim | undefined }[] = [];
  function outcome({ entry, claim }: Request): string {
    const earlier = stored.findLastIndex(
      (row) =>
        claim && row.claim?.key === claim.key && Math.abs(row.entry.receivedMs - entry.receivedMs) < DAY_MS,
    );
    if (earlier >= 0)
      return stored[earlier]!.claim!.fingerprint === claim!.fingerprint
        ? `replayed ${earlier + 1}`
        : 'key-reused';
    return `stored ${stored.push({ entry, claim })}`;
  }
  return { stored, outcome };
}

function storeGroup(writer: Writer, requests: readonly Request[]): string[] {
  const packer = createPacker(() => new ArrayBuffer(64));
  for (const { entry, claim } of requests) packer.add(entry, claim);
  const { first, outcomes } = writer.deposits.group(Buffer.from(packer.take()), requests.length);
  if (outcomes === undefined) return requests.map((_, i) => `stored ${first + i}`);
  return outcomes.map((one) => {
    if (one.outcome === 'stored') return `stored ${one.sequence}`;
    return one.outcome === 'replayed' ? `replayed ${one.stored.sequence}` : one.outcome;
  });
}

function outcomesUnlessFull(writer: Writer, requests: readonly Request[]): string[] | undefined {
  try {
    return storeGroup(writer, requests);
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_FULL') return undefined;
    throw error;
  }
}

/** Through memory and table, as listing.ts does it. */
function foundByDigest({ db, journal }: Writer, organization: Buffer, digest: Buffer): number[] {
  const inTable = db
    .prepare<number[], number>('select sequence from lookup where kind = ? and bucket = ? and hash = ?')
    .pluck()
    .all(DIGESTS, segmentOf(1), lookupHash(organization, digest));
  const all = [...journal.transaction(() => journal.recentWithDigest(organization, digest)), ...inTable];
  return [...new Set(all)].sort((a, b) => a - b);
}

const FILES = ['a', 'b', 'c'].map((name) => Buffer.alloc(32, name).toString('hex'));

const requestSpec = fc.record({
  key: fc.option(fc.integer({ min: 0, max: 5 }), { freq: 3 }),
  request: fc.integer({ min: 0, max: 1 }),
  hours: fc.integer({ min: 0, max: 30 }),
  files: fc.subarray(FILES),
});
const group = fc.array(requestSpec, { minLength: 1, maxLength: 12 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('group' as const), group }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constantFrom('disk-full' as const, 'aborted' as const), group }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constantFrom('crash' as const, 'tidy' as const, 'forget' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('stranger' as const) }) },
);

t.test('look-up and journal are as a naive map has them, whatever fails or crashes in between', async (t) => {
  let run = 0;
  const dir = t.testdir();
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 40 }),
      async (steps, slice) => {
        const path = join(dir, `${run++}.sqlite`);
        await migrate(path);
        const organization = idAt(NOW_MS);
        let writer = openWriter(path, slice);
        writer.journal.transaction(() =>
          openIdentityWrites(writer.db).addOrganization({
            id: organization,
            name: '',
            role: 'depositor',
            uscc: undefined,
            createdMs: 0,
          }),
        );
        const model = createModel();
        let now = NOW_MS;

        const requests = (specs: typeof group extends fc.Arbitrary<infer G> ? G : never): Request[] =>
          specs.map(({ key, request, hours, files }) => ({
            entry: entryOf(organization, { receivedMs: (now += hours * 600_000), fileDigests: files }),
            claim: key === null ? undefined : { key: `k${key}`, fingerprint: fingerprintOf(`${request}`) },
          }));

        const play = {
          group(specs: Request[]) {
            assert.deepEqual(storeGroup(writer, specs), specs.map(model.outcome));
          },
          'disk-full'(specs: Request[]) {
            const pages = writer.db.pragma('page_count', { simple: true }) as number;
            writer.db.pragma(`max_page_count = ${pages}`);
            const outcomes = outcomesUnlessFull(writer, specs);
            if (outcomes !== undefined) assert.deepEqual(outcomes, specs.map(model.outcome));
            writer.db.pragma('max_page_count = 1000000');
          },
          /** Everything is written, a piece is merged, and then COMMIT itself fails: on a reference to nothing. */
          aborted(specs: Request[]) {
            assert.throws(() =>
              writer.journal.transaction(() => {
                storeInside(writer, specs);
                writer.db.pragma('defer_foreign_keys = ON');
                writer.db.prepare('insert into serials values (1000000, 1, 1)').run();
              }),
            );
          },
          /** The connection goes without a word; nothing that stood in memory is written anywhere. */
          crash() {
            writer.db.close();
            writer = openWriter(path, slice);
          },
          tidy: () => void writer.journal.tidy(3),
          forget: () => void writer.journal.transaction(() => forgetOldKeys(writer.db, now)),
          /** Another process writes to the same file, and even merges. */
          stranger() {
            const other = openWriter(path, 1);
            const specs = requests([{ key: 1, request: 0, hours: 0, files: [FILES[0]!] }]);
            assert.deepEqual(storeGroup(other, specs), specs.map(model.outcome));
            while (other.journal.tidy(1));
            other.db.close();
          },
        };

        for (const one of steps) {
          if ('group' in one) play[one.what](requests(one.group));
          else play[one.what]();
          const leaves = writer.journal.transaction(() => writer.journal.waitingLeaves(10_000));
          assert.equal(Buffer.compare(leaves, Buffer.concat(model.stored.map((row) => row.entry.leaf))), 0);
        }
        play.group(requests([{ key: 0, request: 0, hours: 0, files: [] }]));
        for (const file of FILES)
          assert.deepEqual(
            foundByDigest(writer, requireUuid(organization), Buffer.from(file, 'hex')),
            model.stored.flatMap((row, i) => (row.entry.fileDigests.includes(file) ? [i + 1] : [])),
          );
        writer.db.close();
      },
    ),
    { numRuns: 150, interruptAfterTimeLimit: 30_000 },
  );
  t.pass(`${run} histories`);
});

function storeInside(writer: Writer, requests: readonly Request[]): void {
  for (const { entry } of requests)
    writer.journal.append({
      id: requireUuid(entry.id),
      organization: requireUuid(entry.organization),
      leaf: Buffer.from(entry.leaf),
      receivedMs: entry.receivedMs,
      entry: Buffer.from(entry.entry),
      key: 'k0',
      keyHash: lookupHash(requireUuid(entry.organization), Buffer.from('k0')),
      fingerprint: Buffer.alloc(16),
      digests: Buffer.from(FILES[0]!, 'hex'),
    });
}
