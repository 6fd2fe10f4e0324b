import fc from 'fast-check';
import t from 'tap';
import { type ClockLimits, ClockWatch } from '../../server/authority/clock-watch.ts';
import type { TimeSample } from '../../server/ports/time.ts';

/*
 * True time is WALL at the monotonic time 0 and goes on with it. A clock that is `ahead` shows so much more.
 */

const WALL = 1_790_000_000_000;
const LIMITS: ClockLimits = { servers: 3, maxDriftMs: 1_000, graceMs: 256_000 };

/** A server that is so far ahead of the truth and says how far it may be from it. */
const server = (aheadMs = 0, distanceMs = 10, from = String(Math.random())): TimeSample => ({
  epochMs: WALL + aheadMs,
  distanceMs,
  from,
});

function watching(limits: Partial<ClockLimits> = {}) {
  const watch = new ClockWatch({ ...LIMITS, ...limits }, WALL, 0);
  const changes: (string | undefined)[] = [];
  watch.onChange = () => changes.push(watch.problem()?.code);
  return {
    watch,
    changes,
    /** A round at this monotonic time. */
    round: (samples: readonly (TimeSample | undefined)[], atMs = 0, aheadMs = 0) =>
      watch.heard(samples, WALL + atMs + aheadMs, atMs),
    /** A token at this monotonic time. */
    token: (atMs = 0, aheadMs = 0) => watch.mayIssue(WALL + atMs + aheadMs, atMs),
  };
}

t.test('before the servers were heard nothing is issued; when a majority agrees it is', async (t) => {
  const { watch, token, round, changes } = watching();
  t.strictSame(watch.state(), { clock: 'doubtful', sinceMs: WALL, reason: 'clock-not-checked' });
  t.equal(token(), 'clock-not-checked');
  t.strictSame(round([server(), server(), undefined], 50), ['agreed', 'agreed', undefined]);
  t.equal(token(60), true);
  t.strictSame(watch.state(), { clock: 'agreed', offsetMs: 0, sinceMs: WALL + 50 });
  t.equal(watch.wordAt(WALL + 60, 60), 'agreed');
  t.strictSame(changes, [undefined]);
});

t.test('a lying minority is outvoted', async (t) => {
  for (const [servers, samples, judged] of [
    [3, [server(9e9), server(), server()], ['outvoted', 'agreed', 'agreed']],
    [
      5,
      [server(-5_000), server(), server(5_000), server(), server()],
      ['outvoted', 'agreed', 'outvoted', 'agreed', 'agreed'],
    ],
  ] as const) {
    const { round, token, watch } = watching({ servers });
    t.strictSame(round(samples), judged);
    t.equal(token(), true);
    t.equal(watch.state().offsetMs, 0);
  }
});

t.test('a majority that is somewhere else stops, whether it lies or our clock does', async (t) => {
  const lied = watching();
  t.strictSame(lied.round([server(5_000), server(5_000), server()]), ['agreed', 'agreed', 'outvoted']);
  t.equal(lied.token(), 'clock-drift');
  const drifted = watching();
  drifted.round([server(), server(), server()], 0, 5_000);
  t.match(drifted.watch.problem(), {
    code: 'clock-drift',
    detail: { offsetMs: 5_000, uncertaintyMs: 10, limitMs: 1_000 },
  });
  t.equal(drifted.watch.state().offsetMs, 5_000);
});

t.test(
  'liars who do not agree with each other stop at once, for no silent server could decide',
  async (t) => {
    const { round, token, watch } = watching();
    round([server(), server(), server()]);
    t.strictSame(round([server(5_000), server(-5_000), server()], 1_000), [
      'undecided',
      'undecided',
      'undecided',
    ]);
    t.equal(token(1_000), 'clock-no-majority');
    t.strictSame(watch.problem()?.detail, { servers: 3, needed: 2, answered: 3, agreeing: 1 });
  },
);

t.test(
  'where the silent ones could have decided, the last agreement counts until it is too old',
  async (t) => {
    const { round, token, watch, changes } = watching();
    round([server(), server(), server()]);
    round([server(5_000), server(), undefined], 64_000);
    round([undefined, undefined, undefined], 128_000);
    t.equal(token(256_000), true);
    t.equal(token(256_001), 'clock-no-majority', 'a token notices it also between two rounds');
    t.strictSame(watch.problem()?.detail, { servers: 3, needed: 2, answered: 0, agreeing: 0 });
    round([server(), server(), undefined], 300_000);
    t.equal(token(300_000), true, 'it starts again by itself');
    t.strictSame(changes, [undefined, 'clock-no-majority', undefined]);
    const unasked = watching();
    unasked.round([server(), server(), server()]);
    unasked.round([undefined, undefined, undefined], 256_001);
    t.equal(unasked.watch.state().reason, 'clock-no-majority', 'so does a round when nothing is issued');
  },
);

t.test('servers that were never heard are no majority from the first round on', async (t) => {
  const { round, token } = watching();
  round([undefined, undefined, undefined]);
  t.equal(token(), 'clock-no-majority');
});

t.test('beyond the allowed drift issuing stops, back within it it starts', async (t) => {
  const three = [server(), server(), server()];
  const { round, token, watch, changes } = watching();
  round(three, 0, 0);
  round(three, 64_000, 989);
  t.equal(token(64_000, 989), true);
  round(three, 128_000, 991);
  t.equal(token(128_000, 991), 'clock-drift', 'the truth may be 10 ms farther away than the middle');
  const { sinceMs } = watch.problem()!;
  round(three, 192_000, -2_000);
  t.match(watch.problem(), { code: 'clock-drift', detail: { offsetMs: -2_000 }, sinceMs });
  round([undefined, undefined, server()], 200_000, 0);
  t.equal(token(200_000, 0), 'clock-drift', 'one voice does not end it');
  round(three, 256_000, -900);
  t.equal(token(256_000, -900), true);
  t.strictSame(changes, [undefined, 'clock-drift', undefined]);
  round(three, 300_000, -2_000);
  round([undefined, undefined, undefined], 600_000, -2_000);
  t.equal(token(600_000, -2_000), 'clock-no-majority', 'what was known of the drift is too old');
});

t.test(
  'a jump stops the very next token, and the clock that jumped back counts only when compared',
  async (t) => {
    for (const jump of [1_001, -1_001, 3_600_000, -3_600_000]) {
      const { round, token, watch } = watching();
      round([server(), server(), server()]);
      t.equal(token(10_000, 0), true);
      t.equal(token(10_001, jump), 'clock-jumped');
      t.match(watch.problem(), { detail: { jumpMs: jump, limitMs: 1_000 }, sinceMs: WALL + 10_001 + jump });
      t.equal(token(10_002, 0), 'clock-jumped');
      round([undefined, undefined, server()], 10_003);
      t.equal(token(10_003), 'clock-jumped', 'one voice does not end it');
      round([server(), server(), server()], 12_000, jump);
      t.equal(token(12_000, jump), 'clock-drift', 'compared, and still wrong');
      round([server(), server(), server()], 14_000, 0);
      t.equal(token(14_000, 0), true);
    }
  },
);

t.test('together with what it was off already a small jump is too much', async (t) => {
  const { round, token } = watching();
  round([server(), server(), server()], 0, 900);
  t.equal(token(10, 900), true);
  t.equal(token(11, 1_000), 'clock-jumped');
  const across = watching();
  across.round([server(), server(), server()], 0, 600);
  t.equal(
    across.token(1, -401),
    'clock-jumped',
    'right by the servers, but it jumped by more than is allowed',
  );
});

t.test('a machine that slept is seen: the wall clock went on, the monotonic one did not', async (t) => {
  const { watch, round } = watching();
  round([server(), server(), server()]);
  t.equal(watch.mayIssue(WALL + 1_000, 1_000), true);
  t.equal(watch.mayIssue(WALL + 1_000 + 8 * 3_600_000, 1_001), 'clock-jumped');
});

t.test('a round without a majority notices a jump that no token saw', async (t) => {
  const { round, watch } = watching();
  round([server(), server(), server()]);
  round([undefined, undefined, undefined], 64_000, 5_000);
  t.equal(watch.state().reason, 'clock-jumped');
});

t.test('without servers the clock is unchecked; a jump stops until it has stood for a while', async (t) => {
  const { watch, token, changes } = watching({ servers: 0 });
  const look = (atMs: number, aheadMs: number) => watch.looked(WALL + atMs + aheadMs, atMs);
  t.strictSame(watch.state(), { clock: 'unchecked', sinceMs: WALL });
  t.equal(watch.wordAt(WALL + 10, 10), 'unchecked');
  for (let n = 1; n <= 50; n++) look(n * 64_000, n * 900);
  t.equal(token(50 * 64_000, 45_000), true, 'what goes slowly is no jump');
  t.equal(token(3_200_001, 50_000), 'clock-jumped');
  t.equal(watch.wordAt(WALL + 3_200_002 + 50_000, 3_200_002), 'doubtful');
  look(3_202_000, 50_000);
  t.equal(token(3_202_001, 50_000), 'clock-jumped', 'it may go on jumping');
  look(3_204_000, 60_000);
  t.equal(token(3_204_001, 60_000), 'clock-jumped', 'and did');
  look(3_206_000, 60_000);
  t.equal(token(3_206_001, 60_000), true);
  look(3_270_000, 0);
  t.equal(watch.state().reason, 'clock-jumped', 'a look notices it also when nothing is issued');
  look(3_272_000, 0);
  t.strictSame(changes, ['clock-jumped', undefined, 'clock-jumped', undefined]);
});

t.test('a server that may be half the drift off, or far more, is no voice', async (t) => {
  const { round, token, watch } = watching();
  t.strictSame(round([server(0, 501), server(0, 500), server(0, 60_000)]), [
    'uncertain',
    'undecided',
    'uncertain',
  ]);
  t.equal(token(), 'clock-no-majority');
  t.match(watch.problem(), { detail: { answered: 1, agreeing: 1 } });
  t.strictSame(round([server(0, 500), server(0, 500), server(0, 501)]), ['agreed', 'agreed', 'uncertain']);
  t.equal(token(), true);
  round([server(0, 2_000), server(0, 2_000), server(0, 2_000)], 64_000);
  t.equal(token(64_000), true, 'a pause of the process is no drift of its clock');
});

t.test('what is not a number is no reason to sign', async (t) => {
  for (const [wall, monotonic] of [
    [Number.NaN, 1],
    [WALL, Number.NaN],
    [Number.POSITIVE_INFINITY, 1],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ] as const) {
    const { watch, round } = watching();
    round([server(), server(), server()]);
    t.not(watch.mayIssue(wall, monotonic), true);
  }
});

t.test(
  'whenever something is issued, the clock is within the drift if the last majority was truthful',
  async () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 100_000 }),
      setMs: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: -3_000, max: 3_000 }) },
      ),
      // Where the truth is in what each server says: anywhere within its distance.
      errors: fc.array(fc.option(fc.integer({ min: -300, max: 300 }), { nil: undefined }), {
        minLength: 3,
        maxLength: 3,
      }),
      lie: fc.option(fc.integer({ min: -10_000, max: 10_000 }), { nil: undefined }),
      isRound: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { round, token } = watching();
        let [atMs, aheadMs] = [0, 0];
        for (const { waitMs, setMs, errors, lie, isRound } of steps) {
          atMs += waitMs;
          aheadMs += setMs;
          // Two of three tell the truth: beside a liar nobody is silent.
          const samples = errors.map((error) =>
            error === undefined && lie === undefined ? undefined : server(error ?? 0, 300),
          );
          if (lie !== undefined) samples[0] = server(lie, 1);
          if (isRound) round(samples, atMs, aheadMs);
          if (token(atMs, aheadMs) === true && Math.abs(aheadMs) > LIMITS.maxDriftMs) return false;
        }
        return true;
      }),
      { numRuns: 2_000 },
    );
  },
);
