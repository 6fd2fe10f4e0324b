import { BlockList } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { MOST_WRONG, networkOf } from '../../server/identity/addresses.ts';
import { accountsFor, HOUR_MS, RIGHT } from '../support/people-store.ts';

t.test('wrong ones of one address have an end, whatever logins they are at', async (t) => {
  const { signIn, devices, person, clock, looked } = await accountsFor(t);
  const there = { address: '192.0.2.1' };
  const guess = (i: number) => signIn.prove(`login-${i}`, 'wrong', there);
  for (let i = 0; i < MOST_WRONG; i++) t.equal((await guess(i)).outcome, 'wrong', `${i}`);
  const before = looked();
  const waits = await guess(MOST_WRONG);
  t.equal(waits.outcome, 'waits');
  t.equal((await signIn.prove('li', RIGHT, there)).outcome, 'waits', 'nothing from there is looked at');
  t.equal(looked(), before);
  t.equal((await signIn.prove('li', RIGHT, { address: '192.0.2.2' })).outcome, 'right', 'others are');
  const mine = { ...there, device: await devices.mark(person.id) };
  t.equal((await signIn.prove('li', RIGHT, mine)).outcome, 'right', 'and who is known behind it');
  if (waits.outcome !== 'waits') return;
  t.ok(waits.untilMs <= clock.ms + HOUR_MS);
  clock.ms = waits.untilMs;
  t.equal((await signIn.prove('li', RIGHT, there)).outcome, 'right');
});

t.test('wrong ones of a known browser are not counted against its address', async (t) => {
  const { signIn, devices, person } = await accountsFor(t);
  const mine = { address: '192.0.2.1', device: await devices.mark(person.id) };
  for (let wrong = 0; wrong < MOST_WRONG; ) {
    const tried = await signIn.prove('li', 'wrong', mine);
    if (tried.outcome === 'waits') await signIn.clear(person.id, mine);
    else wrong++;
  }
  t.equal((await signIn.prove('li', RIGHT, { address: mine.address })).outcome, 'right');
});

t.test('of IPv6 the first 64 bits are one address, as the system reckons them', async (t) => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const list = new BlockList();
      list.addSubnet(`${networkOf(address)}::`, 64, 'ipv6');
      return list.check(address, 'ipv6');
    }),
  );
  t.equal(networkOf('2001:DB8::1'), networkOf('2001:db8:0:0:ffff::2'));
  t.not(networkOf('2001:db8::1'), networkOf('2001:db8:0:1::1'));
  t.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0');
  t.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1');
  t.equal(networkOf('192.0.2.1'), '192.0.2.1');
});
