import t from 'tap';
import { createLimits } from '../../server/adapters/limits.ts';
import { usedOnceBy } from '../../server/adapters/postgres/used-once.ts';
import { createUsedOnce } from '../../server/adapters/used-once.ts';
import { StoreOverloaded } from '../../server/ports/store.ts';
import { REMEMBERED_MS, type UsedOnce } from '../../server/ports/used-once.ts';

const AT_MS = 1_795_000_000_000;

const kinds: Readonly<Record<string, () => UsedOnce>> = {
  'in memory': () => createUsedOnce(AT_MS),
  'by counters': () => usedOnceBy(createLimits()),
};

for (const [kind, open] of Object.entries(kinds)) {
  t.test(`${kind}: a name is good once within its time, wherever that time begins`, async (t) => {
    for (let start = 0; start < 2 * REMEMBERED_MS; start += 61_000) {
      const used = open();
      const name = `n${start}`;
      t.equal(await used.use('o', name, AT_MS + start), true);
      for (const later of [0, 1, REMEMBERED_MS / 2, REMEMBERED_MS - 1])
        t.equal(await used.use('o', name, AT_MS + start + later), false, `${start} + ${later}`);
      t.equal(await used.use('o', `${name}x`, AT_MS + start), true);
    }
  });

  t.test(`${kind}: of many at once one`, async (t) => {
    const used = open();
    const all = await Promise.all(Array.from({ length: 50 }, () => used.use('o', 'n', AT_MS)));
    t.equal(all.filter(Boolean).length, 1);
  });
}

t.test(
  'in memory: nothing that still counts is forgotten for room, and what is over makes room',
  async (t) => {
    const used = createUsedOnce(AT_MS, { most: 3 });
    for (const name of ['a', 'b', 'c']) t.equal(await used.use('o', name, AT_MS), true);
    await t.rejects(used.use('o', 'd', AT_MS + 1), StoreOverloaded);
    t.equal(await used.use('o', 'a', AT_MS + 1), false);
    t.equal(await used.use('o', 'a', AT_MS + REMEMBERED_MS), false, 'a generation later it is still known');
    await t.rejects(used.use('o', 'd', AT_MS + REMEMBERED_MS), StoreOverloaded);
    t.equal(await used.use('o', 'd', AT_MS + 2 * REMEMBERED_MS), true);
    t.equal(used.sinceMs, AT_MS);
  },
);

t.test('in memory: one owner takes the room of no other', async (t) => {
  const used = createUsedOnce(AT_MS, { most: 10, mostOfOne: 3 });
  for (const name of ['a', 'b', 'c']) t.equal(await used.use('one', name, AT_MS), true);
  await t.rejects(used.use('one', 'd', AT_MS), StoreOverloaded);
  await t.rejects(used.use('one', 'd', AT_MS + REMEMBERED_MS), StoreOverloaded, 'of both generations');
  t.equal(await used.use('other', 'd', AT_MS), true);
});
