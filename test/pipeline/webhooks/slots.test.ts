import fc from 'fast-check';
import t from 'tap';
import { createSlots } from '../../../server/pipeline/webhooks/slots.ts';

const due = (id: string, organization = id) => ({ id, organization });
const many = (count: number, name = 'w') => Array.from({ length: count }, (_, i) => due(`${name}${i}`));
const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);

const SLOW_MS = 2_000;

t.test('who waited longest comes first', async (t) => {
  const slots = createSlots();
  const [a, b] = [due('a'), due('b')];
  t.strictSame(ids(slots.take([a])), ['a']);
  t.strictSame(ids(slots.take([a])), [], 'one at a time');
  slots.free('a');
  t.strictSame(ids(slots.take([a, b])), ['b', 'a']);
});

t.test('slow receivers have one half, and whoever is quick again has all', async (t) => {
  const slots = createSlots();
  const slow = many(64, 'slow');
  for (const { id } of slow) t.equal(slots.took(id, SLOW_MS), true);
  t.equal(slots.take(slow).length, 32);
  t.equal(slots.take(many(64)).length, 32, 'the other half is for others');
  t.equal(slots.take([due('one more')]).length, 0);
  for (const { id } of slow) {
    slots.free(id);
    t.equal(slots.took(id, SLOW_MS - 1), false);
  }
  t.equal(slots.take(slow).length, 32, 'as many as are free');
});

t.test('however many are due, no organization has more than a few, and nobody two', async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(5)), { maxLength: 200 }), (calls) => {
      const slots = createSlots();
      const taken = new Map<string, string>();
      for (const [w, o] of calls) {
        const one = due(`${o}/${w}`, String(o));
        if (taken.has(one.id) && w % 2 === 0) {
          slots.free(one.id);
          taken.delete(one.id);
          continue;
        }
        for (const { id, organization } of slots.take([one])) {
          if (taken.has(id)) return false;
          taken.set(id, organization);
        }
        const ofOne = [...taken.values()].filter((organization) => organization === one.organization);
        if (ofOne.length > 4) return false;
        if (!taken.has(one.id) && ofOne.length < 4) return false;
      }
      return true;
    }),
  );
});
