import t from 'tap';
import { takeTurns } from '../../server/pipeline/turns.ts';
import { BlobUnavailable } from '../../server/ports/blobs.ts';
import { StoreUnavailable } from '../../server/ports/store.ts';

const SECOND_MS = 1_000;

/** Two instances under one lock, on one clock. */
function two() {
  const time = { nowMs: 1_000_000 };
  let holder: string | undefined;
  const instance = (name: string) =>
    takeTurns(
      {
        async lead() {
          holder ??= name;
          return holder === name;
        },
        async resign() {
          if (holder === name) holder = undefined;
        },
        term: () => 1,
        async close() {},
      },
      { nowMs: () => time.nowMs },
    );
  return { time, a: instance('a'), b: instance('b'), holder: () => holder };
}

t.test('whoever gets nowhere lets another instance lead, and leads again where there is none', async (t) => {
  const { time, a, b, holder } = two();
  const away = new BlobUnavailable('no bucket');
  let disk: Error | undefined = away;
  const round = a.watch(async () => {
    if (!(await a.lead())) return false;
    if (disk) throw disk;
    return true;
  });
  for (let second = 0; second < 10; second++) {
    await t.rejects(round(), away);
    t.equal(holder(), 'a', 'a short trouble changes nothing');
    time.nowMs += SECOND_MS;
  }
  await t.rejects(round(), away);
  t.equal(holder(), undefined);
  t.notOk(a.isLeading());
  await t.rejects(round(), away, 'meanwhile its trouble is told as before');
  t.notOk(await a.lead());
  t.equal(holder(), undefined, 'and it does not ask');
  t.ok(await b.lead());
  time.nowMs += 2 * SECOND_MS;
  t.notOk(await round(), 'it is not its turn any more, and so not its trouble');

  const alone = two();
  const stuck = alone.a.watch(async () => {
    await alone.a.lead();
    if (disk) throw disk;
    return true;
  });
  await t.rejects(stuck(), away);
  alone.time.nowMs += 10 * SECOND_MS;
  await t.rejects(stuck(), away);
  alone.time.nowMs += 2 * SECOND_MS;
  disk = undefined;
  t.ok(await stuck());
  t.ok(alone.a.isLeading());
});

t.test('what all instances have in common, or only people can mend, is no reason to let go', async (t) => {
  for (const error of [new StoreUnavailable('no database'), new Error('a bug')]) {
    const { time, a, holder } = two();
    const round = a.watch(async () => {
      await a.lead();
      throw error;
    });
    for (let second = 0; second < 30; second++) {
      await t.rejects(round(), error);
      time.nowMs += SECOND_MS;
    }
    t.equal(holder(), 'a');
  }
});

t.test('a clock that is set back by an hour keeps nobody off for an hour', async (t) => {
  const { time, a } = two();
  const round = a.watch(async () => {
    await a.lead();
    throw new BlobUnavailable('no bucket');
  });
  await t.rejects(round());
  time.nowMs += 10 * SECOND_MS;
  await t.rejects(round());
  t.notOk(await a.lead());
  time.nowMs -= 3_600 * SECOND_MS;
  t.ok(await a.lead());
});
