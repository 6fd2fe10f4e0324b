import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { dataKeysIn, ensureDataKeys } from '../../server/adapters/data-keys.ts';
import { openSqliteStore } from '../../server/adapters/sqlite/store.ts';
import { keyUse, resealAll } from '../../server/identity/rotation.ts';
import { nameOfKey, sealingWith } from '../../server/identity/sealed.ts';
import type { Store } from '../../server/ports/store.ts';
import { cli } from '../support/cli.ts';

const clock = { nowMs: () => 1_795_000_000_000 };
const encoded = (text: string) => new TextEncoder().encode(text);

/** A data folder with sealed values of so many people and as many numbers. */
async function installation(t: Test, people: number) {
  const dataDir = t.testdir();
  const open = () => openSqliteStore({ path: join(dataDir, 'kezheng.sqlite'), clock });
  const readKeys = await ensureDataKeys(dataDir);
  const sealing = sealingWith(readKeys);
  const store = await open();
  const organization = randomUUID();
  const ids = Array.from({ length: people }, () => randomUUID());
  for (const id of ids) {
    const totp = await sealing.seal('totp', id, encoded(`secret of ${id}`));
    const person = { id, login: id, name: '李', password: undefined, totp, totpStep: 0 };
    await store.addPerson(
      { ...person, createdMs: 1, closedMs: undefined },
      { person: id, organization, roles: ['admin'], sinceMs: 1, endedMs: undefined },
    );
    const sealed = await sealing.seal('identity-number', id, encoded(`number of ${id}`));
    const number = { id, organization, kind: 'other', masked: '*', sealed };
    await store.addIdentityNumber({ ...number, createdMs: 1, erasedMs: undefined });
  }
  await store.close();
  const using = async <T>(use: (store: Store) => Promise<T>): Promise<T> => {
    const opened = await open();
    try {
      return await use(opened);
    } finally {
      await opened.close();
    }
  };
  const file = join(dataDir, 'data.keys');
  return { dataDir, file, ids, readKeys, sealing, using, env: { KEZHENG_DATA_DIR: dataDir } };
}
type Installation = Awaited<ReturnType<typeof installation>>;

const allOpen = (t: Test, { using, sealing, ids }: Installation) =>
  using(async (store) => {
    for (const id of ids) {
      const { totp } = (await store.person(id))!;
      t.strictSame(await sealing.open('totp', id, totp!), encoded(`secret of ${id}`));
      const { sealed } = (await store.identityNumber(id))!;
      t.strictSame(await sealing.open('identity-number', id, sealed), encoded(`number of ${id}`));
    }
  });

const names = async ({ readKeys }: Installation) =>
  (await readKeys()).map((key) => nameOfKey(key).toString('hex'));

t.test('a rotation seals everything anew, page by page, and the old key is needed no more', async (t) => {
  const all = await installation(t, 205);
  const [old] = await names(all);
  const { code, err } = await cli(['secrets', 'rotate'], all.env);
  t.equal(code, 0, err);
  t.match(err, '410 sealed anew');
  t.match(err, old!);
  const [fresh, ...others] = await names(all);
  t.strictSame(others, [old]);
  await allOpen(t, all);
  await all.using(async (store) => {
    t.strictSame(await store.sealedKeys(), [fresh]);
    t.strictSame(await keyUse(store, all.readKeys), { unused: [old], missing: [] });
  });
  writeFileSync(all.file, readFileSync(all.file, 'utf8').split('\n')[0]!);
  await allOpen(t, all);
  const again = await cli(['secrets', 'rotate', '--reseal'], all.env);
  t.match(again, { code: 0, err: /0 sealed anew under the first key, 410 were already/ });
});

t.test('a rotation that was broken off is finished by the next one', async (t) => {
  const all = await installation(t, 3);
  const [old] = await all.readKeys();
  writeFileSync(all.file, `${'1'.repeat(64)}\n${Buffer.from(old).toString('hex')}\n`);
  await all.using(async (store) => {
    let put = 0;
    const people = {
      sealedValues: store.sealedValues.bind(store),
      async replaceSealed(...given: Parameters<Store['replaceSealed']>) {
        if (put++ === 4) throw new Error('broken off');
        return store.replaceSealed(...given);
      },
    };
    await t.rejects(resealAll(people, all.sealing), /broken off/);
    t.equal((await store.sealedKeys()).length, 2);
  });
  await allOpen(t, all);
  t.match(await cli(['secrets', 'rotate', '--reseal'], all.env), { code: 0 });
  await allOpen(t, all);
  await all.using(async (store) => t.equal((await store.sealedKeys()).length, 1));
});

t.test('what somebody changes meanwhile is not put back', async (t) => {
  const all = await installation(t, 2);
  const [old] = await all.readKeys();
  writeFileSync(all.file, `${'1'.repeat(64)}\n${Buffer.from(old).toString('hex')}\n`);
  await all.using(async (store) => {
    const [removed, changed] = all.ids as [string, string];
    const people = {
      replaceSealed: store.replaceSealed.bind(store),
      async sealedValues(...given: Parameters<Store['sealedValues']>) {
        const page = await store.sealedValues(...given);
        await store.setTotp(removed, undefined);
        await store.setTotp(changed, await all.sealing.seal('totp', changed, encoded('new')));
        return page;
      },
    };
    t.match(await resealAll(people, all.sealing), { renewed: 2, left: 2, unreadable: [] });
    t.equal((await store.person(removed))?.totp, undefined);
    const { totp } = (await store.person(changed))!;
    t.strictSame(await all.sealing.open('totp', changed, totp!), encoded('new'));
  });
});

t.test('what cannot be opened is told and left as it is', async (t) => {
  const all = await installation(t, 2);
  const [old] = await names(all);
  const before = await all.using(async (store) => (await store.person(all.ids[0]!))?.totp);
  const kept = readFileSync(all.file, 'utf8');
  writeFileSync(all.file, '2'.repeat(64));
  const { code, err } = await cli(['secrets', 'rotate', '--reseal'], all.env);
  t.equal(code, 2);
  t.match(err, `has no key ${old}`);
  t.match(err, all.ids[0]!);
  await all.using(async (store) => {
    t.strictSame((await store.person(all.ids[0]!))?.totp, before);
    t.strictSame((await keyUse(store, all.readKeys)).missing, [old]);
  });
  writeFileSync(all.file, kept);
  await allOpen(t, all);
});

t.test('without a file of keys nothing is begun, and a configured one is used', async (t) => {
  const all = await installation(t, 1);
  const elsewhere = join(all.dataDir, 'elsewhere.keys');
  const env = { ...all.env, KEZHENG_DATA_KEY_FILE: elsewhere };
  t.match(await cli(['secrets', 'rotate'], env), { code: 64, err: /KEZHENG_DATA_KEY_FILE.*ENOENT/ });
  writeFileSync(elsewhere, readFileSync(all.file));
  t.match(await cli(['secrets', 'rotate'], env), { code: 0 });
  t.equal((await dataKeysIn(elsewhere)()).length, 2);
  t.equal((await all.readKeys()).length, 1);
  for (const args of [[], ['rotate', 'x'], ['renew']])
    t.equal((await cli(['secrets', ...args], env)).code, 64, args.join(' '));
});
