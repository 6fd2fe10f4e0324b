import t, { type Test } from 'tap';
import { readClock } from '../server/adapters/stamping/tokens.ts';
import { watchClock } from '../server/clock.ts';
import type { ClockDoubt, TimeOutcome } from '../server/ports/time.ts';
import { createTimeGate } from '../server/ports/time-gate.ts';
import { type LyingServer, startTimeServer, whyNoTimeServers } from './support/time-servers.ts';

/*
 * The watch of a process against real time servers that lie.
 */

const skip = whyNoTimeServers();

/** Servers that are so much ahead, and a watch that asks them. */
async function watching(
  t: Test,
  aheadMs: readonly number[],
  { absent = [], maxDriftMs = 1_000 }: { absent?: readonly LyingServer[]; maxDriftMs?: number } = {},
) {
  const servers = [...(await Promise.all(aheadMs.map((ms) => startTimeServer(t, ms)))), ...absent];
  const outcomes: TimeOutcome[] = [];
  const told: string[] = [];
  const note = (_fields: object, message: string): void => void told.push(message);
  const gate = createTimeGate();
  const watch = watchClock(
    { ntpServers: servers.map(({ port }) => ({ host: '127.0.0.1', port })), maxDriftMs },
    { debug: note, info: note, warn: note, error: note },
    (server, outcome) => void (outcomes[server] = outcome),
    gate,
  );
  t.teardown(() => watch.stop());
  await watch.first;
  const token = (): true | ClockDoubt => {
    const at = readClock();
    const answer = watch.mayIssue(at.wallMs, at.monotonicMs);
    // Whoever signs asks the gate: the two never differ.
    t.equal(gate.refuses(at) === undefined, answer === true);
    return answer;
  };
  return {
    ...{ servers, outcomes, told, watch, token },
    /** The lag between rounds is in seconds: doubts are looked into soon. */
    async untilToken(expected: true | ClockDoubt): Promise<void> {
      for (const began = performance.now(); token() !== expected; )
        if (performance.now() - began > 60_000) throw new Error(`still ${token()}, not ${expected}`);
        else await new Promise((resolve) => setTimeout(resolve, 50));
    },
    /** A wrong clock for one look: what follows comes within seconds instead of a minute. */
    doubt(): void {
      watch.mayIssue(Date.now() + 5_000, readClock().monotonicMs);
    },
  };
}

t.test('true servers agree, and the offset is told', { skip }, async (t) => {
  const { token, outcomes, watch } = await watching(t, [0, 0, 0]);
  t.equal(token(), true);
  t.strictSame(outcomes, ['agreed', 'agreed', 'agreed']);
  const { clock, offsetMs } = watch.state();
  t.equal(clock, 'agreed');
  t.ok(Math.abs(offsetMs!) < 200, `${offsetMs} ms`);
});

t.test('one liar among three is outvoted, by a minute or by a century', { skip }, async (t) => {
  for (const lie of [60_000, -5_000, 20 * 365 * 86_400_000]) {
    const { token, outcomes, told } = await watching(t, [0, lie, 0]);
    t.equal(token(), true);
    t.strictSame(outcomes, ['agreed', 'outvoted', 'agreed']);
    t.strictSame(told, ['clock: good again', 'time server: outvoted']);
  }
});

t.test(
  'a majority that lies together stops us, and lets us go on when it is honest again',
  { skip },
  async (t) => {
    const { token, servers, watch, untilToken, told } = await watching(t, [5_000, 5_000, 0]);
    t.equal(token(), 'clock-drift');
    const { detail, code } = watch.problem()!;
    t.equal(code, 'clock-drift');
    t.ok(Math.abs(detail['offsetMs']! + 5_000) < 200, 'our clock is behind by what they say');
    for (const server of servers) server.lie(0);
    await untilToken(true);
    t.match(told.join('\n'), /clock: the clock of this machine is -\d+ ms[\s\S]*clock: good again/);
  },
);

t.test('liars of which each says something else are no majority', { skip }, async (t) => {
  const { token, outcomes } = await watching(t, [5_000, -5_000, 0]);
  t.equal(token(), 'clock-no-majority');
  t.strictSame(outcomes, ['undecided', 'undecided', 'undecided']);
});

t.test('a drift beyond the bound stops, and within it nothing does', { skip }, async (t) => {
  const { token, servers, untilToken, doubt } = await watching(t, [2_000, 2_000, 2_000], {
    maxDriftMs: 3_000,
  });
  t.equal(token(), true, 'wrong by less than is allowed');
  for (const server of servers) server.lie(4_000);
  doubt();
  t.equal(token(), 'clock-jumped');
  await untilToken('clock-drift');
  for (const server of servers) server.lie(-2_000);
  await untilToken(true);
});

t.test('all servers away is no majority, and the first that come back end it', { skip }, async (t) => {
  const servers = await Promise.all([0, 0, 0].map((ms) => startTimeServer(t, ms)));
  await Promise.all(servers.map((server) => server.stop()));
  const { token, outcomes, untilToken, watch } = await watching(t, [], { absent: servers });
  t.equal(token(), 'clock-no-majority');
  t.strictSame(outcomes, ['silent', 'silent', 'silent']);
  t.match(watch.problem(), { detail: { servers: 3, needed: 2, answered: 0, agreeing: 0 } });
  await servers[2]!.start();
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  t.equal(token(), 'clock-no-majority', 'one of three is no majority');
  await servers[0]!.start();
  await untilToken(true);
  t.strictSame(outcomes, ['agreed', 'silent', 'agreed']);
});

t.test('servers that go away do not stop us at once', { skip }, async (t) => {
  const { servers, token, watch } = await watching(t, [0, 0, 0]);
  await Promise.all(servers.map((server) => server.stop()));
  t.equal(token(), true);
  t.equal(watch.state().clock, 'agreed');
});
