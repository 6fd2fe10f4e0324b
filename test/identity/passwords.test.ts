import argon2 from 'argon2';
import fc from 'fast-check';
import t from 'tap';
import { isLogin, normalLogin } from '../../server/identity/logins.ts';
import {
  createPasswords,
  hashRandom,
  passwordFault,
  randomPassword,
} from '../../server/identity/passwords.ts';
import { createTurns, createTurnsByName, TooManyWaiting } from '../../server/identity/turns.ts';

t.test('a password is kept as argon2id of 64 MiB, three passes and one lane', async (t) => {
  const passwords = createPasswords();
  const kept = await passwords.hash('一把相当长的口令，谁也猜不到');
  t.match(kept, /^\$argon2id\$v=19\$m=65536,(?:t=3,p=1|p=1,t=3)\$/);
  t.equal(await passwords.verify(kept, '一把相当长的口令，谁也猜不到'), true);
  t.equal(await passwords.verify(kept, '一把相当长的口令，谁也猜不到 '), false);
  t.equal(passwords.isOld(kept), false);
  const cheap = await hashRandom(randomPassword());
  t.equal(passwords.isOld(cheap), true);
  t.ok(await argon2.verify(kept, '一把相当长的口令,谁也猜不到'), 'as the library itself says, after NFKC');
});

t.test('a password holds whatever form its characters were typed in', async (t) => {
  const passwords = createPasswords({ memoryKiB: 64, passes: 2 });
  const kept = await passwords.hash('Ａｂｃ１２３ Å et cetera');
  t.ok(await passwords.verify(kept, 'Abc123 A\u030a et cetera'));
});

t.test('nothing is compared with nothing: it takes the time of a password and never holds', async (t) => {
  const passwords = createPasswords();
  await passwords.verify(undefined, 'the first one waits for the dummy');
  const kept = await passwords.hash('an ordinary password');
  const time = async (stored: string | undefined) => {
    const times = [];
    for (let i = 0; i < 5; i++) {
      const begun = performance.now();
      t.equal(await passwords.verify(stored, 'a wrong password'), false);
      times.push(performance.now() - begun);
    }
    return Math.min(...times);
  };
  const [somebody, nobody] = [await time(kept), await time(undefined)];
  t.ok(nobody > somebody / 2 && nobody < somebody * 2, `${nobody.toFixed(0)} and ${somebody.toFixed(0)} ms`);
});

t.test('what is too short, too long, the login or tried first is no password', async (t) => {
  const faults: Readonly<Record<string, string | undefined>> = {
    elevenchars: 'password-too-short',
    密码密码密码密码密码密: 'password-too-short',
    [`${'x'.repeat(255)}yz`]: 'password-too-long',
    'my-LI-MING-password': 'password-like-login',
    'ｌｉ－ｍｉｎｇ１２３４５６７８９': 'password-like-login',
    password1234: 'password-common',
    PASSWORD1234: 'password-common',
    abababababab: 'password-common',
    '123412341234123': 'password-common',
    啊啊啊啊啊啊啊啊啊啊啊啊: 'password-common',
    twelve_chars: undefined,
    𠮷野家的牛肉饭真的很好吃啊: undefined,
    [`${'0123456789abcdefghijklmnopqrstuv'.repeat(8)}`]: undefined,
  };
  for (const [password, fault] of Object.entries(faults))
    t.equal(passwordFault(password, 'li-ming'), fault, password.slice(0, 30));
  t.equal(passwordFault('a sentence with li in it', 'li'), undefined, 'a short login stands in many words');
});

t.test('a login has one form, and no spaces or marks that cannot be seen', async (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => normalLogin(normalLogin(text)) === normalLogin(text),
    ),
    { examples: [[' İ '], ['Ⅷ'], ['ﬁ']] },
  );
  t.equal(normalLogin(' ＬＩ.ming@Example.CN '), 'li.ming@example.cn');
  for (const good of ['李明', 'li.ming@example.cn', 'a1', 'x_y+z-w']) t.ok(isLogin(good), good);
  for (const bad of ['', 'a', 'a b', 'a\u200bb', 'a\nb', '<b>', 'a'.repeat(101), 'a/b', 'a"b'])
    t.notOk(isLogin(bad), JSON.stringify(bad));
});

t.test('so many at once, so many in line, and the next is refused before it costs anything', async (t) => {
  const turns = createTurns(2, 3);
  let [running, most, done] = [0, 0, 0];
  const work = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
    done++;
  };
  const all = await Promise.allSettled(Array.from({ length: 9 }, () => turns.take(work)));
  const refused = all.filter(({ status }) => status === 'rejected');
  t.equal(refused.length, 4);
  for (const one of refused) t.ok((one as PromiseRejectedResult).reason instanceof TooManyWaiting);
  t.strictSame([most, done], [2, 5]);
  await t.rejects(
    turns.take(async () => {
      throw new Error('its own');
    }),
    { message: 'its own' },
  );
  await turns.take(work);
  t.equal(done, 6, 'a failure gives its place back');
});

t.test('under one name one at a time, and names do not wait for each other', async (t) => {
  const turns = createTurnsByName(1);
  let release = () => {};
  const held = turns.take('a', () => new Promise<void>((resolve) => (release = resolve)));
  const second = turns.take('a', async () => 'second');
  await t.rejects(
    turns.take('a', async () => {}),
    TooManyWaiting,
  );
  t.equal(await turns.take('b', async () => 'other'), 'other');
  release();
  await held;
  t.equal(await second, 'second');
});

t.test('more passwords than can be looked at soon are refused', async (t) => {
  const passwords = createPasswords({ memoryKiB: 8 * 1024, passes: 2 });
  const all = await Promise.allSettled(Array.from({ length: 100 }, () => passwords.verify(undefined, 'x')));
  t.equal(all.filter(({ status }) => status === 'rejected').length, 100 - 34);
});
