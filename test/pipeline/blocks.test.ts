import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { readBlocks, StreamTooLong } from '../../server/pipeline/blocks.ts';
import { BLOCK_BYTES } from '../../server/ports/blobs.ts';

async function* pieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

t.test('blocks are the stream, all but the last full, however it is cut and whoever is slow', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 5 * BLOCK_BYTES }),
      fc.array(fc.integer({ min: 1, max: 2 * BLOCK_BYTES }), { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      async (size, sizes, isSlow) => {
        const bytes = randomBytes(size);
        const cut = sizes.map((one) => Math.max(one, 1_000));
        const hash = createHash('sha256');
        const lengths: number[] = [];
        let before: Promise<unknown> = Promise.resolve();
        const read = await readBlocks(pieces(bytes, cut), size, (block) => {
          lengths.push(block.length);
          // Used in order, but later: memory that was given to somebody else too soon would show.
          return (before = before.then(async () => {
            if (isSlow) await later(1);
            hash.update(block);
          }));
        });
        return (
          read === size &&
          hash.digest().equals(createHash('sha256').update(bytes).digest()) &&
          lengths.slice(0, -1).every((length) => length === BLOCK_BYTES)
        );
      },
    ),
    { numRuns: 60 },
  );
  t.pass();
});

t.test('past the limit it stops at once, and what was begun has settled', async (t) => {
  let running = 0;
  const use = async () => {
    running++;
    await later(20);
    running--;
  };
  const bytes = randomBytes(4 * BLOCK_BYTES);
  await t.rejects(readBlocks(pieces(bytes, [BLOCK_BYTES]), 3 * BLOCK_BYTES, use), StreamTooLong);
  t.equal(running, 0);
  t.equal(await readBlocks(pieces(bytes, [BLOCK_BYTES]), 4 * BLOCK_BYTES, use), 4 * BLOCK_BYTES);
});

t.test('the first failure of the stream or of a use is told, after the others have settled', async (t) => {
  let used = 0;
  const failing = async () => {
    const mine = ++used;
    await later(5);
    if (mine === 2) throw new Error('second');
  };
  const bytes = randomBytes(20 * BLOCK_BYTES);
  await t.rejects(readBlocks(pieces(bytes, [BLOCK_BYTES]), bytes.length, failing), /second/);
  t.ok(used < 10, `${used} blocks were still read`);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 2 * BLOCK_BYTES);
    throw new Error('broken');
  }
  await t.rejects(
    readBlocks(broken(), bytes.length, async () => {}),
    /broken/,
  );
});

t.test('at most a few blocks are in use at once', async (t) => {
  let running = 0;
  let most = 0;
  await readBlocks(pieces(randomBytes(40 * BLOCK_BYTES), [100_000]), Number.POSITIVE_INFINITY, async () => {
    most = Math.max(most, ++running);
    await later(2);
    running--;
  });
  t.ok(most >= 2 && most <= 4, `${most}`);
});
