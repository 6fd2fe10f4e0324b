import t from 'tap';
import { WAITS } from '../../server/identity/sign-in.ts';
import { accountsFor, HOUR_MS, RIGHT, STORES } from '../support/people-store.ts';

const QUARTER_MS = 900_000;

t.test('waits double from the fifth wrong one on, to a quarter of an hour', async (t) => {
  t.strictSame(
    WAITS.map((ms) => ms / 1_000),
    [0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900],
  );
});

for (const kind of STORES) {
  t.test(`${kind}: of 10,000 wrong passwords at one moment five are looked at and recorded`, async (t) => {
    const { signIn, store, person, looked, clock } = await accountsFor(t, kind);
    for (let i = 0; i < 10_000; i += 500) {
      const some = Array.from({ length: 500 }, (_, n) => signIn.prove('li', `guess ${i + n}`));
      for (const { outcome } of await Promise.all(some)) t.not(outcome, 'right');
    }
    t.equal(looked(), 5);
    t.equal((await store.failuresOf(person.id)).count, 5);
    const events = await store.accountEvents({ person: person.id }, { limit: 100 });
    t.strictSame(
      events.map(({ action, detail }) => [action, JSON.parse(detail).count]),
      [['sign-in-locked', 5], ...[4, 3, 2, 1].map((count) => ['sign-in-failed', count])],
    );
    t.match(await signIn.prove('li', RIGHT), { outcome: 'waits', untilMs: clock.ms + 2_000 });
    clock.ms += 2_000;
    t.match(await signIn.prove('li', RIGHT), { outcome: 'right', person: { id: person.id } });
  });
}

t.test(
  'whoever waits out each lock gets a hundred guesses a day, and whoever comes at the end of a wait is looked at',
  async (t) => {
    const { signIn, store, person, looked, clock } = await accountsFor(t);
    const begun = clock.ms;
    while (clock.ms < begun + 3 * 24 * HOUR_MS) {
      const tried = await signIn.prove('li', 'a guess that is wrong');
      if (tried.outcome === 'waits') clock.ms = tried.untilMs;
    }
    t.ok(looked() < 3 * 96 + 15, `${looked()} looked at in three days`);
    const { untilMs } = await store.failuresOf(person.id);
    t.ok(untilMs - clock.ms <= QUARTER_MS, 'never locked for longer than this');
    t.equal((await signIn.prove('li', RIGHT)).outcome, untilMs > clock.ms ? 'waits' : 'right');
    clock.ms = Math.max(clock.ms, untilMs);
    t.equal((await signIn.prove('li', RIGHT)).outcome, 'right');
    await signIn.finish(person.id, ['password']);
    t.strictSame(await store.failuresOf(person.id), { count: 0, untilMs: 0 });
  },
);

t.test('a login of nobody is answered as one of somebody, lock and all', async (t) => {
  const { signIn, store, clock, looked } = await accountsFor(t);
  const answers = async (login: string) => {
    const before = looked();
    const said = [];
    for (let i = 0; i < 7; i++) said.push(await signIn.prove(login, `wrong ${i}`));
    return { said, looked: looked() - before };
  };
  t.strictSame(await answers('nobody'), await answers('li'));
  clock.ms += 2_000;
  t.strictSame(await signIn.prove('nobody', 'x'), await signIn.prove('li', 'x'));
  const own = await store.accountEvents({}, { limit: 100 });
  t.notMatch(JSON.stringify(own), 'nobody', 'what was typed is recorded nowhere');
});

t.test('a right password alone wins no new guesses at the second factor', async (t) => {
  const { signIn, store, person } = await accountsFor(t);
  for (let i = 0; i < 4; i++) await signIn.failed(person.id);
  t.equal((await signIn.prove('li', RIGHT)).outcome, 'right');
  t.equal((await store.failuresOf(person.id)).count, 4);
  await signIn.failed(person.id);
  t.equal((await signIn.prove('li', RIGHT)).outcome, 'waits');
});

t.test('which second factors there are is said, and the ticket for one is taken once', async (t) => {
  const { signIn, store, person, clock } = await accountsFor(t);
  t.strictSame(await signIn.secondFactors(person), []);
  await store.setRecoveryCodes(person.id, ['aa']);
  t.strictSame(await signIn.secondFactors(person), [], 'a code by itself is none');
  await store.setTotp(person.id, Uint8Array.of(1));
  const { token, expiresMs } = await signIn.askSecond(person, ['password']);
  t.strictSame(await signIn.secondFactors((await store.person(person.id))!), ['totp', 'recovery']);
  t.equal(expiresMs, clock.ms + 300_000);
  const { tokenHash } = await import('../../server/identity/tokens.ts');
  const taken = await store.takeTicket(tokenHash(token), 'second-factor', clock.ms);
  t.match(taken, { person: person.id, data: '{"factors":["password"]}' });
  t.equal(await store.takeTicket(tokenHash(token), 'second-factor', clock.ms), undefined);
});

t.test('a closed account, and one without a password, are as nobody’s', async (t) => {
  const { signIn, store, person, clock } = await accountsFor(t);
  await store.closePerson(person.id, clock.ms);
  t.strictSame(await signIn.prove('li', RIGHT), { outcome: 'wrong' });
  t.equal(await signIn.finish(person.id, ['password']), undefined, 'and has no organization to act for');
});

t.test('a hash of an earlier cost becomes one of today’s with the first sign-in', async (t) => {
  const { signIn, store, person, passwords } = await accountsFor(t);
  const { hashRandom } = await import('../../server/identity/passwords.ts');
  await store.setPassword(person.id, await hashRandom(RIGHT));
  t.equal((await signIn.prove('li', 'wrong')).outcome, 'wrong');
  t.equal(passwords.isOld((await store.person(person.id))!.password!), true, 'not by a wrong one');
  t.equal((await signIn.prove('li', RIGHT)).outcome, 'right');
  t.equal(passwords.isOld((await store.person(person.id))!.password!), false);
  t.equal((await signIn.prove('li', RIGHT)).outcome, 'right');
});
