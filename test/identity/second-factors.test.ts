import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { membershipOf, newPerson } from '../../server/identity/invitations.ts';
import { sealingWith } from '../../server/identity/sealed.ts';
import { createSecondFactors, type Finished } from '../../server/identity/second-factors.ts';
import { accountsFor, RIGHT } from '../support/people-store.ts';
import { codeOf } from '../support/totp.ts';

/* Over a real store, under a clock that the test moves. */

const SESSION = 'a'.repeat(64);

async function setUp(t: Test) {
  const all = await accountsFor(t);
  const key = new Uint8Array(randomBytes(32));
  const factors = createSecondFactors({ ...all.accounts, sealing: sealingWith(async () => [key]) });
  const { store, clock, signIn, person } = all;
  const enrol = async (id = person.id): Promise<string> => {
    const offer = await factors.beginTotp((await store.person(id))!, SESSION, '可证');
    const code = codeOf(offer.secret, clock.ms);
    if ((await factors.confirmTotp(id, SESSION, offer.token, code)) !== 'added') throw new Error('not added');
    clock.ms += 30_000;
    return offer.secret;
  };
  return {
    ...all,
    factors,
    enrol,
    code: (secret: string) => codeOf(secret, clock.ms),
    async another(login: string) {
      const made = newPerson({ login, name: login, password: person.password! }, clock.ms);
      await store.addPerson(made, membershipOf(made.id, all.organization, ['member'], clock.ms));
      return made;
    },
    /** after the password */
    async waiting(login = 'li') {
      const proof = await signIn.prove(login, RIGHT);
      if (proof.outcome !== 'right') throw new Error(proof.outcome);
      return (await signIn.askSecond(proof.person, ['password'])).token;
    },
  };
}

/** A code that is none of now. */
const wrong = (secret: string, nowMs: number): string => {
  const near = [-1, 0, 1].map((step) => codeOf(secret, nowMs + step * 30_000));
  return ['000000', '111111', '222222', '333333'].find((code) => !near.includes(code))!;
};
const outcomes = (all: readonly Finished[]) => all.map(({ outcome }) => outcome);

t.test('an app is there after one right code and not before, and that code signs nobody in', async (t) => {
  const { factors, store, person, clock, signIn } = await setUp(t);
  const offer = await factors.beginTotp(person, SESSION, '可证');
  const code = codeOf(offer.secret, clock.ms);
  t.equal((await store.person(person.id))?.totp, undefined);
  const no = wrong(offer.secret, clock.ms);
  t.equal(await factors.confirmTotp(person.id, SESSION, offer.token, no), 'wrong');
  t.equal((await store.person(person.id))?.totp, undefined);
  t.equal(await factors.confirmTotp(person.id, SESSION, offer.token, code), 'added');
  t.equal(await factors.confirmTotp(person.id, SESSION, offer.token, code), 'over');
  const kept = (await store.person(person.id))!;
  t.notOk(Buffer.from(kept.totp!).includes(Buffer.from(offer.secret)));
  t.strictSame(await signIn.secondFactors(kept), ['totp']);
  t.equal((await factors.prove(person.id, 'totp', code)).outcome, 'wrong');
  clock.ms += 30_000;
  t.equal((await factors.prove(person.id, 'totp', codeOf(offer.secret, clock.ms))).outcome, 'right');
});

t.test('an app is added by who began it, in the session that began it, and in time', async (t) => {
  const { factors, person, another, clock } = await setUp(t);
  const other = await another('wang');
  const begun = async () => {
    const { token, secret } = await factors.beginTotp(person, SESSION, '可证');
    return { token, code: codeOf(secret, clock.ms) };
  };
  const one = await begun();
  t.equal(await factors.confirmTotp(other.id, SESSION, one.token, one.code), 'over');
  const two = await begun();
  t.equal(await factors.confirmTotp(person.id, 'b'.repeat(64), two.token, two.code), 'over');
  const three = await begun();
  clock.ms += 15 * 60_000;
  t.equal(await factors.confirmTotp(person.id, SESSION, three.token, three.code), 'over');
  t.equal(await factors.confirmTotp(person.id, SESSION, 'x', three.code), 'over');
});

t.test('a sign-in is finished by a right code, once', async (t) => {
  const { factors, enrol, waiting, code, person } = await setUp(t);
  const secret = await enrol();
  const token = await waiting();
  t.match(await factors.finish(token, 'totp', code(secret)), {
    outcome: 'right',
    person: { id: person.id },
    factors: ['password', 'totp'],
  });
  t.strictSame(await factors.finish(token, 'totp', code(secret)), { outcome: 'over' });
  t.equal(
    (await factors.finish(await waiting(), 'totp', code(secret))).outcome,
    'wrong',
    'a code is good once',
  );
});

t.test('of many who show one ticket and one code at once, one comes in', async (t) => {
  const { factors, enrol, waiting, code } = await setUp(t);
  const secret = await enrol();
  const token = await waiting();
  const same = await Promise.all(
    Array.from({ length: 20 }, () => factors.finish(token, 'totp', code(secret))),
  );
  t.equal(outcomes(same).filter((one) => one === 'right').length, 1);
});

t.test('of many tickets of one person and one code, one comes in', async (t) => {
  const { factors, enrol, waiting, code, clock } = await setUp(t);
  const secret = await enrol();
  const tokens = [await waiting(), await waiting(), await waiting()];
  clock.ms += 30_000;
  const all = await Promise.all(tokens.map((token) => factors.finish(token, 'totp', code(secret))));
  t.equal(outcomes(all).filter((one) => one === 'right').length, 1);
});

t.test('a wrong code leaves the sign-in waiting; a ticket ends', async (t) => {
  const { factors, enrol, waiting, code, clock } = await setUp(t);
  const secret = await enrol();
  const token = await waiting();
  t.equal((await factors.finish(token, 'totp', wrong(secret, clock.ms))).outcome, 'wrong');
  t.equal((await factors.finish(token, 'totp', code(secret))).outcome, 'right');
  const late = await waiting();
  clock.ms += 300_000;
  t.equal((await factors.finish(late, 'totp', code(secret))).outcome, 'over');
});

t.test('the code of another person finishes nothing', async (t) => {
  const { factors, enrol, waiting, another, code } = await setUp(t);
  const other = await another('wang');
  await enrol();
  const foreign = await enrol(other.id);
  t.equal((await factors.finish(await waiting(), 'totp', code(foreign))).outcome, 'wrong');
  t.equal(
    (await factors.prove(other.id, 'totp', code(foreign))).outcome,
    'right',
    'it is good for its owner',
  );
});

t.test('a factor that is removed while a ticket waits does not finish it', async (t) => {
  const { factors, store, enrol, waiting, code, person } = await setUp(t);
  const secret = await enrol();
  const codes = (await factors.makeRecoveryCodes((await store.person(person.id))!))!;
  const [one, two] = [await waiting(), await waiting()];
  t.equal(await factors.removeTotp((await store.person(person.id))!), true);
  t.equal(await factors.removeTotp((await store.person(person.id))!), false);
  t.equal((await factors.finish(one, 'totp', code(secret))).outcome, 'wrong');
  t.equal(
    (await factors.finish(two, 'recovery', codes[0]!)).outcome,
    'wrong',
    'what stood in for it is gone',
  );
  t.equal(await store.recoveryCodesLeft(person.id), 0);
});

t.test('an account that is closed while a ticket waits opens to nobody', async (t) => {
  const { factors, store, enrol, waiting, code, person, clock } = await setUp(t);
  const secret = await enrol();
  const token = await waiting();
  await store.closePerson(person.id, clock.ms);
  t.equal((await factors.finish(token, 'totp', code(secret))).outcome, 'wrong');
});

t.test('recovery codes stand in for a factor, each once, and new ones end the old', async (t) => {
  const { factors, store, enrol, waiting, person } = await setUp(t);
  t.equal(await factors.makeRecoveryCodes(person), undefined, 'there is nothing to stand in for');
  await enrol();
  const now = async () => (await store.person(person.id))!;
  const codes = (await factors.makeRecoveryCodes(await now()))!;
  t.equal(codes.length, 10);
  t.match(await factors.finish(await waiting(), 'recovery', codes[3]!.toLowerCase()), {
    outcome: 'right',
    factors: ['password', 'recovery'],
  });
  t.equal((await factors.finish(await waiting(), 'recovery', codes[3]!)).outcome, 'wrong');
  t.match(
    await store.accountEvents({ person: person.id }, { limit: 9 }).then((all) => all.map((e) => e.action)),
    ['sign-in-failed', 'second-factor-asked', 'recovery-code-used'],
  );
  const fresh = (await factors.makeRecoveryCodes(await now()))!;
  t.equal((await factors.finish(await waiting(), 'recovery', codes[4]!)).outcome, 'wrong');
  const same = await waiting();
  const twice = await Promise.all(
    [same, await waiting()].map((one) => factors.finish(one, 'recovery', fresh[0]!)),
  );
  t.equal(outcomes(twice).filter((one) => one === 'right').length, 1);
  t.equal(await store.recoveryCodesLeft(person.id), 9);
});

t.test('wrong codes count with wrong passwords: after five nothing is looked at for a while', async (t) => {
  const { factors, signIn, enrol, waiting, code, person, clock } = await setUp(t);
  const secret = await enrol();
  const token = await waiting();
  for (let i = 0; i < 2; i++) t.equal((await signIn.prove('li', 'wrong')).outcome, 'wrong');
  for (let i = 0; i < 2; i++)
    t.equal((await factors.finish(token, 'totp', wrong(secret, clock.ms))).outcome, 'wrong');
  t.equal((await factors.finish(token, 'recovery', '0000-0000-0000-0000')).outcome, 'wrong');
  t.match(await factors.finish(token, 'totp', code(secret)), { outcome: 'waits' }, 'not even the right one');
  t.match(await signIn.prove('li', RIGHT), { outcome: 'waits' });
  t.match(await factors.prove(person.id, 'totp', code(secret)), { outcome: 'waits' });
  clock.ms += 2_001;
  t.equal((await factors.finish(token, 'totp', code(secret))).outcome, 'right');
});

t.test('the right password wins no new guesses at the code', async (t) => {
  const { factors, signIn, enrol, clock } = await setUp(t);
  const secret = await enrol();
  let guesses = 0;
  // A day of somebody who knows the password.
  for (const endMs = clock.ms + 86_400_000; clock.ms < endMs; clock.ms += 60_000) {
    const proof = await signIn.prove('li', RIGHT);
    if (proof.outcome !== 'right') continue;
    const { token } = await signIn.askSecond(proof.person, ['password']);
    for (let i = 0; i < 20; i++) {
      const { outcome } = await factors.finish(token, 'totp', wrong(secret, clock.ms));
      if (outcome === 'wrong') guesses++;
      else break;
    }
  }
  t.ok(guesses > 50 && guesses < 120, `${guesses} guesses in a day, of a million codes`);
});

t.test('guesses that come at once are counted one by one', async (t) => {
  const { factors, enrol, person, clock, store } = await setUp(t);
  const secret = await enrol();
  const all = await Promise.all(
    Array.from({ length: 500 }, () => factors.prove(person.id, 'totp', wrong(secret, clock.ms))),
  );
  t.ok(outcomes(all).filter((one) => one === 'wrong').length <= 5);
  t.ok((await store.failuresOf(person.id)).count <= 5);
});
