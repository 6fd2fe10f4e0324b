import t from 'tap';
import { createApiKey, keyChecker } from '../../server/identity/api-keys.ts';
import { createKeyUses } from '../../server/identity/key-uses.ts';
import { accountsFor } from '../support/people-store.ts';

t.test('uses of a key stand in memory until they are written down, the last one', async (t) => {
  const { store, clock, organization } = await accountsFor(t);
  const uses = createKeyUses(store);
  const wanted = { organization, label: '', scopes: ['evidence:read'] as const, expiresMs: undefined };
  const { id, clear } = await createApiKey(store, wanted, clock.ms);
  const check = keyChecker(store, clock, uses.used);
  await check(clear);
  clock.ms += 5_000;
  await check(clear);
  await check('kz_nonsense');
  t.strictSame(await store.keyUses([id]), [undefined], 'nothing is written while somebody waits');
  await uses.flush();
  t.strictSame(await store.keyUses([id]), [clock.ms]);
  clock.ms += 5_000;
  await check(clear);
  await uses.close();
  t.strictSame(await store.keyUses([id]), [clock.ms], 'and once more at the end');
});

t.test('a store that is away loses no use: it is written down with the next', async (t) => {
  const written: string[] = [];
  let away = true;
  const uses = createKeyUses({
    async recordKeyUse(some) {
      if (away) throw new Error('away');
      written.push(...some.map(({ key, atMs }) => `${key} ${atMs}`));
    },
  });
  uses.used('a', 1);
  uses.used('b', 1);
  const flushing = uses.flush();
  uses.used('a', 2);
  await flushing;
  away = false;
  await uses.close();
  t.strictSame(written.toSorted(), ['a 2', 'b 1']);
});
