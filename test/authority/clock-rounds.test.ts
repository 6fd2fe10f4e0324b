import t from 'tap';
import { startClockRounds } from '../../server/authority/clock-rounds.ts';
import { ClockWatch } from '../../server/authority/clock-watch.ts';
import {
  type TimeOutcome,
  type TimeSample,
  type TimeServerFault,
  TimeServerProblem,
} from '../../server/ports/time.ts';

const WALL = 1_790_000_000_000;

/** What a server does when asked; a number: it tells the time, so much ahead of the truth. */
type Says = number | TimeServerFault | 'hanging';

/** Rounds on a clock that moves only when it is told to. */
async function rounds(
  says: Says[],
  { random = 0.5, from }: { random?: number; from?: readonly string[] } = {},
) {
  let nowMs = 0;
  let aheadMs = 0;
  let timer: { atMs: number; run: () => void } | undefined;
  const asked: number[][] = says.map(() => []);
  const outcomes: TimeOutcome[][] = says.map(() => []);
  const wallMs = (): number => WALL + nowMs + aheadMs;
  const limits = { servers: says.length, maxDriftMs: 1_000, graceMs: 256_000 };
  const watch = new ClockWatch(limits, wallMs(), nowMs);
  const servers = says.map((_, i) => ({
    async ask(stopping: AbortSignal): Promise<TimeSample> {
      asked[i]!.push(nowMs);
      stopping.throwIfAborted();
      const said = says[i]!;
      if (said === 'hanging')
        return new Promise((_, reject) => {
          const end = (): void => reject(new TimeServerProblem('silent', 'stopped'));
          stopping.addEventListener('abort', end);
        });
      if (typeof said === 'string') throw new TimeServerProblem(said, said);
      return { epochMs: WALL + said, distanceMs: 10, from: from?.[i] ?? String(i) };
    },
  }));
  const running = startClockRounds({
    ...{ watch, servers, wallMs },
    monotonicMs: () => nowMs,
    random: () => random,
    after(ms, run) {
      const own = { atMs: nowMs + ms, run };
      timer = own;
      return () => {
        if (timer === own) timer = undefined;
      };
    },
    onOutcome: (server, outcome) => void outcomes[server]!.push(outcome),
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  watch.onChange = () => watch.problem() && running.hurry();
  await running.first;
  await settled();
  return {
    ...{ watch, running, says, asked, outcomes },
    timer: () => timer,
    set(ms: number) {
      aheadMs += ms;
    },
    token: () => watch.mayIssue(wallMs(), nowMs),
    /** Goes on to this time, with every round that comes until then. */
    async until(ms: number): Promise<void> {
      while (timer !== undefined && timer.atMs <= ms) {
        const { atMs, run } = timer;
        nowMs = atMs;
        timer = undefined;
        run();
        await settled();
      }
      nowMs = ms;
    },
  };
}

t.test('all servers are asked at once, and again after a period', async (t) => {
  const { asked, until, watch, outcomes } = await rounds([0, 5, -5]);
  await until(200_000);
  for (const times of asked) t.strictSame(times, [0, 64_000, 128_000, 192_000]);
  t.equal(watch.state().clock, 'agreed');
  t.strictSame(outcomes[1], ['agreed', 'agreed', 'agreed', 'agreed']);
});

t.test('rounds are spread, so that instances started together do not ask together', async (t) => {
  for (const [random, second] of [
    [0, 56_000],
    [0.999999, 72_000],
  ] as const) {
    const { asked, until } = await rounds([0], { random });
    await until(100_000);
    t.equal(Math.round(asked[0]![1]!), second);
  }
});

t.test(
  'in doubt they are asked soon, then less and less often, and the grace ends all issuing',
  async (t) => {
    const { asked, until, says, token, outcomes } = await rounds([0, 0, 0]);
    says.splice(0, 3, 'silent', 'silent', 0);
    await until(64_000 + 254_000);
    const rounds0 = asked[2]!;
    t.strictSame(rounds0, [0, 64_000, 66_000, 70_000, 78_000, 94_000, 126_000, 190_000, 254_000, 318_000]);
    t.equal(token(), 'clock-no-majority');
    t.equal(asked[0]!.length, 2 * rounds0.length - 1, 'a silent one is asked twice in a round');
    t.strictSame(outcomes[2]!.slice(0, 2), ['agreed', 'undecided']);
    says.splice(0, 3, 0, 'silent', 0);
    await until(400_000);
    t.equal(token(), true, 'it starts again by itself');
    await until(600_000);
    t.strictSame(
      asked[2]!.slice(-2).map((ms, i, all) => (i ? ms - all[0]! : 0)),
      [0, 64_000],
    );
  },
);

t.test('a datagram that was lost decides nothing: the server is asked once more', async (t) => {
  const { until, says, asked, outcomes, watch } = await rounds([0, 0, 'silent']);
  t.equal(watch.state().clock, 'agreed');
  t.strictSame(outcomes, [['agreed'], ['agreed'], ['silent']]);
  t.equal(asked[2]!.length, 2);
  says[2] = 'invalid';
  await until(64_000);
  t.equal(asked[2]!.length, 3, 'nonsense is not asked for again');
});

t.test('a jump that a token saw brings the next round forward, but not at once after the last', async (t) => {
  const early = await rounds([0, 0, 0]);
  await early.until(500);
  early.set(5_000);
  t.equal(early.token(), 'clock-jumped');
  await early.until(1_999);
  t.equal(early.asked[0]!.length, 1);
  await early.until(2_000);
  t.equal(early.asked[0]!.length, 2);
  t.equal(early.token(), 'clock-drift', 'compared: the clock is wrong');
  early.set(-5_000);
  await early.until(4_000);
  t.equal(early.token(), true);
  const late = await rounds([0, 0, 0]);
  await late.until(30_000);
  late.set(5_000);
  t.equal(late.token(), 'clock-jumped');
  late.set(-5_000);
  await late.until(30_000);
  t.equal(late.token(), true);
  late.set(2_000);
  late.token();
  late.running.hurry();
  await late.until(32_000);
  t.strictSame(late.asked[0], [0, 30_000, 32_000]);
});

t.test('a round that is under way is not overtaken by another', async (t) => {
  const { running, asked, says, until, timer } = await rounds([0]);
  says[0] = 'hanging';
  await until(64_000);
  running.hurry();
  t.equal(timer(), undefined);
  await until(1_000_000);
  t.equal(asked[0]!.length, 2);
});

t.test('a server that asks for patience is asked half as often, and each time less', async (t) => {
  const { asked, until, says, watch, outcomes } = await rounds([0, 0, 'rate']);
  await until(2_900_000);
  const gaps = asked[2]!.slice(1).map((ms, i) => ms - asked[2]![i]!);
  t.strictSame(gaps, [128_000, 256_000, 512_000, 1_024_000]);
  says[2] = 0;
  await until(7_000_000);
  t.equal(asked[2]!.at(-1)! - asked[2]!.at(-2)!, 1_024_000, 'also when it answers again');
  t.equal(outcomes[2]!.length, asked[2]!.length, 'a round in which it was spared is no outcome');
  t.equal(watch.state().clock, 'agreed');
});

t.test('a server that denies us is left alone for a day', async (t) => {
  const { asked, until } = await rounds([0, 0, 'deny']);
  await until(86_399_999);
  t.equal(asked[2]!.length, 1);
  await until(86_400_000 + 64_000);
  t.equal(asked[2]!.length, 2);
});

t.test('two names of one machine are one voice', async (t) => {
  const { watch, outcomes } = await rounds([5_000, 5_000, 0], {
    from: ['10.0.0.1 123', '10.0.0.1 123', 'b'],
  });
  t.strictSame(outcomes, [['undecided'], ['repeated'], ['undecided']]);
  t.equal(watch.state().reason, 'clock-no-majority');
});

t.test('without servers the clocks of the machine are compared, and a jump passes', async (t) => {
  const { set, token, until, watch } = await rounds([]);
  t.equal(token(), true);
  await until(100_000);
  set(-5_000);
  t.equal(token(), 'clock-jumped');
  await until(100_000);
  t.equal(token(), 'clock-jumped');
  await until(102_000);
  t.equal(token(), true);
  t.equal(watch.state().clock, 'unchecked');
});

t.test('after stop nothing is asked, and what is under way is broken off', async (t) => {
  const { running, asked, timer, says, until, outcomes } = await rounds([0, 0]);
  says.fill('hanging');
  await until(64_000);
  await running.stop();
  t.equal(timer(), undefined);
  t.equal(asked[0]!.length, 2, 'it is not taken for a datagram that was lost');
  t.equal(outcomes[0]!.length, 1);
});

t.test('a defect of ours is not taken for a silent server', async (t) => {
  const watch = new ClockWatch({ servers: 1, maxDriftMs: 1_000, graceMs: 1 }, WALL, 0);
  const rounds = startClockRounds({
    watch,
    servers: [{ ask: () => Promise.reject(new TypeError('bug')) }],
    wallMs: () => WALL,
    monotonicMs: () => 0,
    random: () => 0,
    after: () => () => {},
    onOutcome: () => {},
  });
  await t.rejects(rounds.first, TypeError);
});
