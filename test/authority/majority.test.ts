import fc from 'fast-check';
import t from 'tap';
import { commonTo, type Interval, majorityOf } from '../../server/authority/majority.ts';

/** The definition, point by point: where the depth changes there is an end of an interval. */
function naive(intervals: readonly Interval[], needed: number) {
  const ends = intervals.flatMap(({ low, high }) => [low, high]);
  const depth = (at: number): number => intervals.filter(({ low, high }) => low <= at && at <= high).length;
  const deep = ends.filter((end) => depth(end) >= needed);
  return {
    most: Math.max(0, ...ends.map(depth)),
    interval: deep.length === 0 ? undefined : { low: Math.min(...deep), high: Math.max(...deep) },
  };
}

/** Few values, so that ends often coincide. */
const interval = fc
  .tuple(fc.integer({ min: -20, max: 20 }), fc.nat({ max: 12 }))
  .map(([low, length]) => ({ low, high: low + length }));

t.test('what enough intervals have in common is what counting point by point finds', async (t) => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 9 }), fc.integer({ min: 1, max: 9 }), (intervals, needed) => {
      t.strictSame(commonTo(intervals, needed), naive(intervals, needed));
    }),
    { numRuns: 3_000 },
  );
});

t.test('a majority is more than half of all that are configured', async (t) => {
  t.strictSame([1, 2, 3, 4, 5, 6, 7].map(majorityOf), [1, 2, 2, 3, 3, 4, 4]);
});

t.test(
  'with a truthful majority the result holds the truth, and liars move it no further than that',
  async () => {
    const group = fc.integer({ min: 1, max: 9 }).chain((servers) =>
      fc.record({
        servers: fc.constant(servers),
        truth: fc.integer({ min: -20, max: 20 }),
        distances: fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 })), {
          minLength: majorityOf(servers),
          maxLength: majorityOf(servers),
        }),
        lies: fc.array(interval, { maxLength: servers - majorityOf(servers) }),
      }),
    );
    fc.assert(
      fc.property(group, ({ servers, truth, distances, lies }) => {
        const honest = distances.map(([before, after]) => ({ low: truth - before, high: truth + after }));
        const { interval: found } = commonTo([...lies, ...honest], majorityOf(servers));
        return (
          found !== undefined &&
          found.low <= truth &&
          truth <= found.high &&
          found.low >= Math.min(...honest.map(({ low }) => low)) &&
          found.high <= Math.max(...honest.map(({ high }) => high))
        );
      }),
      { numRuns: 3_000 },
    );
  },
);

t.test('intervals that only touch have a point in common', async (t) => {
  const touching = [
    { low: 0, high: 5 },
    { low: 5, high: 9 },
  ];
  t.strictSame(commonTo(touching, 2), { most: 2, interval: { low: 5, high: 5 } });
  t.strictSame(commonTo([], 1), { most: 0, interval: undefined });
});
