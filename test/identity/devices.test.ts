import { randomBytes } from 'node:crypto';
import t from 'tap';
import { createDevices, DEVICE_MS } from '../../server/identity/devices.ts';
import { sealingWith } from '../../server/identity/sealed.ts';
import { createSecondFactors } from '../../server/identity/second-factors.ts';
import { accountsFor, HOUR_MS, RIGHT, STORES } from '../support/people-store.ts';

const keys: [Uint8Array, ...Uint8Array[]] = [new Uint8Array(randomBytes(32))];
const clock = { ms: 1_800_000_000_000, nowMs: () => clock.ms };
const devices = createDevices(async () => keys, clock);

t.test('a mark is of one person, whole, and of this service', async (t) => {
  const mark = await devices.mark('li');
  const account = await devices.accountOf('li', mark);
  t.match(account, /^device:[0-9a-f]{64}$/);
  t.equal(await devices.accountOf('li', mark), account);
  t.equal(await devices.accountOf('wang', mark), undefined);
  const bytes = Buffer.from(mark, 'base64url');
  for (let i = 0; i < bytes.length; i++) {
    const damaged = Buffer.from(bytes);
    damaged[i]! ^= 1;
    t.equal(await devices.accountOf('li', damaged.toString('base64url')), undefined, `byte ${i}`);
  }
  for (const none of ['', mark.slice(1), `${mark}A`, `${mark} `, '='.repeat(94), 'é'.repeat(94)])
    t.equal(await devices.accountOf('li', none), undefined, none);
  const others = createDevices(async () => [new Uint8Array(randomBytes(32))], clock);
  t.equal(await devices.accountOf('li', await others.mark('li')), undefined);
});

t.test('a mark is good for a year, whatever the browser keeps', async (t) => {
  const mark = await devices.mark('li');
  clock.ms += DEVICE_MS - 1;
  t.ok(await devices.accountOf('li', mark));
  clock.ms += 1;
  t.equal(await devices.accountOf('li', mark), undefined);
});

t.test('a mark outlives a rotation of the data key, and goes with the key', async (t) => {
  const mark = await devices.mark('li');
  const account = await devices.accountOf('li', mark);
  keys.unshift(new Uint8Array(randomBytes(32)));
  t.equal(await devices.accountOf('li', mark), account);
  keys.pop();
  t.equal(await devices.accountOf('li', mark), undefined);
});

for (const kind of STORES)
  t.test(
    `${kind}: strangers who guess for days never lock a browser that is known, nor it them`,
    async (t) => {
      const { signIn, devices, store, person, clock } = await accountsFor(t, kind);
      const mine = { device: await devices.mark(person.id) };
      const end = clock.ms + 24 * HOUR_MS;
      while (clock.ms < end) {
        const tried = await signIn.prove('li', 'a guess that is wrong');
        if (tried.outcome !== 'waits') continue;
        t.equal((await signIn.prove('li', RIGHT, mine)).outcome, 'right');
        // The guess that a wait lets through has just been made when the owner comes.
        clock.ms = tried.untilMs;
      }
      const strangers = await store.failuresOf(person.id);
      await signIn.finish(person.id, ['password'], undefined, mine);
      t.strictSame(await store.failuresOf(person.id), strangers, 'signing in wins them no guesses');
      const another = { device: await devices.mark(person.id) };
      for (let i = 0; i < 5; i++) t.equal((await signIn.prove('li', `x${i}`, another)).outcome, 'wrong');
      t.equal((await signIn.prove('li', RIGHT, another)).outcome, 'waits', 'a known one is counted too');
      t.equal((await signIn.proveAgain(person.id, RIGHT, another)).outcome, 'waits');
      t.equal((await signIn.prove('li', RIGHT, mine)).outcome, 'right');
      t.strictSame(await store.failuresOf(person.id), strangers);
      await signIn.clear(person.id, another);
      t.equal((await signIn.prove('li', RIGHT, another)).outcome, 'right');
    },
  );

t.test('a flood of strangers at one moment holds up no browser that is known', async (t) => {
  const { signIn, devices, person } = await accountsFor(t);
  const mine = { device: await devices.mark(person.id) };
  const flood = Array.from({ length: 50 }, (_, i) => signIn.prove('li', `guess ${i}`));
  t.equal((await signIn.prove('li', RIGHT, mine)).outcome, 'right');
  await Promise.all(flood);
});

t.test('codes are counted where passwords of the same browser are', async (t) => {
  const all = await accountsFor(t);
  const { signIn, devices, person, store } = all;
  const factors = createSecondFactors({ ...all.accounts, sealing: sealingWith(async () => all.keys) });
  const mine = { device: await devices.mark(person.id) };
  await store.setRecoveryCodes(person.id, ['aa']);
  for (let i = 0; i < 5; i++) await factors.prove(person.id, 'recovery', 'wrong');
  t.equal((await factors.prove(person.id, 'recovery', 'wrong')).outcome, 'waits');
  for (let i = 0; i < 4; i++)
    t.equal((await factors.prove(person.id, 'recovery', 'wrong', mine)).outcome, 'wrong');
  t.equal((await signIn.prove('li', 'wrong', mine)).outcome, 'wrong');
  t.equal((await factors.prove(person.id, 'recovery', 'wrong', mine)).outcome, 'waits');
});
