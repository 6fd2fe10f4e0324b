import fc from 'fast-check';
import t from 'tap';
import { checkReceiver } from '../../../server/outbox/webhooks/address.ts';
import { LONGEST_REST_MS, PAUSES_MS, pauseAfter, restOf } from '../../../server/outbox/webhooks/schedule.ts';
import { FAILING_TOO_LONG_MS, judge } from '../../../server/outbox/webhooks/verdict.ts';
import { DoorProblem } from '../../../server/ports/door.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 1_800_000_000_000;

t.test('a message is tried for three days, each pause longer than the one before', async (t) => {
  const whole = PAUSES_MS.reduce((sum, ms) => sum + ms, 0);
  t.ok(Math.abs(whole - 3 * DAY_MS) < 600_000, `${whole / DAY_MS} days`);
  t.strictSame(
    PAUSES_MS,
    PAUSES_MS.toSorted((a, b) => a - b),
  );
  t.equal(pauseAfter(PAUSES_MS.length + 1, 0.5), undefined, 'then it is given up');
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: PAUSES_MS.length }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (tries, random) => {
        const pause = PAUSES_MS[tries - 1]!;
        return Math.abs(pauseAfter(tries, random)! - pause) <= pause / 10 + 1;
      },
    ),
  );
  t.not(pauseAfter(3, 0.1), pauseAfter(3, 0.9), 'what failed together does not come back together');
});

t.test('Retry-After is heard in both its forms and within bounds', async (t) => {
  const heard: readonly (readonly [string | undefined, number | undefined])[] = [
    [undefined, undefined],
    ['', undefined],
    ['0', undefined],
    ['120', 120_000],
    [' 120 ', 120_000],
    ['-5', undefined],
    ['1.5', undefined],
    ['99999999999', undefined],
    ['999999999', LONGEST_REST_MS],
    [new Date(NOW_MS + 90_000).toUTCString(), 90_000],
    [new Date(NOW_MS - 90_000).toUTCString(), undefined],
    [new Date(NOW_MS + DAY_MS).toUTCString(), LONGEST_REST_MS],
    ['2099', 2_099_000],
    ['2099-01-01', undefined],
    ['tomorrow', undefined],
    ['Tue, never GMT', undefined],
  ];
  for (const [text, ms] of heard) t.equal(restOf(text, NOW_MS), ms, String(text));
});

const verdictOf = (status: number | undefined, given: Partial<Parameters<typeof judge>[0]> = {}, tries = 0) =>
  judge({ status, retryAfter: undefined, ...given }, { tries }, { failingSinceMs: undefined }, NOW_MS, 0.5);

t.test('only 2xx is an arrival', async (t) => {
  for (let status = 100; status < 600; status++) {
    const { state, disable } = verdictOf(status);
    t.equal(state, status >= 200 && status < 300 ? 'delivered' : status === 410 ? 'failed' : 'waiting');
    t.equal(disable, status === 410 ? 'gone' : undefined);
  }
  t.equal(verdictOf(undefined).state, 'waiting', 'nor is no answer');
});

t.test('a receiver that asks for patience gets it, later tries theirs', async (t) => {
  t.match(verdictOf(429, { retryAfter: '60' }), { dueMs: NOW_MS + 60_000, restsUntilMs: NOW_MS + 60_000 });
  t.match(verdictOf(503, { retryAfter: '60' }, 3), {
    dueMs: NOW_MS + PAUSES_MS[3]!,
    restsUntilMs: NOW_MS + 60_000,
  });
  t.match(verdictOf(503), { dueMs: NOW_MS + 5_000, restsUntilMs: undefined });
});

t.test('a webhook ends when nothing arrived there for five days, and not before', async (t) => {
  const after = (ms: number) =>
    judge({ status: 500, retryAfter: undefined }, { tries: 0 }, { failingSinceMs: NOW_MS - ms }, NOW_MS, 0);
  t.match(after(FAILING_TOO_LONG_MS - 1), { state: 'waiting', disable: undefined });
  t.match(after(FAILING_TOO_LONG_MS), { state: 'failed', disable: 'failing' });
  t.match(after(60_000), { restsUntilMs: NOW_MS + 6_000, failingSinceMs: NOW_MS - 60_000 });
  t.match(after(DAY_MS), { restsUntilMs: NOW_MS + 60_000 });
  t.match(after(-DAY_MS), { failingSinceMs: NOW_MS, disable: undefined }, 'a clock that was set back');
});

t.test(
  'whatever is answered, a delivery comes to an end, and one failure after another disables',
  async () => {
    const answer = fc.record({
      status: fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined }),
      retryAfter: fc.option(fc.oneof(fc.string(), fc.nat().map(String)), { nil: undefined }),
      random: fc.double({ min: 0, max: 1, noNaN: true }),
      afterMs: fc.nat({ max: DAY_MS }),
    });
    fc.assert(
      fc.property(fc.array(answer, { minLength: 12, maxLength: 12 }), (answers) => {
        let nowMs = NOW_MS;
        let failingSinceMs: number | undefined;
        for (const [tries, one] of answers.entries()) {
          const verdict = judge(one, { tries }, { failingSinceMs }, nowMs, one.random);
          ({ failingSinceMs } = verdict);
          if ((verdict.state === 'waiting') !== (verdict.dueMs !== undefined)) return false;
          if (verdict.state !== 'waiting')
            return (verdict.state === 'delivered') === (failingSinceMs === undefined);
          if (verdict.disable !== undefined || !(verdict.dueMs! > nowMs)) return false;
          if ((verdict.restsUntilMs ?? nowMs) > nowMs + LONGEST_REST_MS) return false;
          nowMs = verdict.dueMs! + one.afterMs;
        }
        return false;
      }),
    );
  },
);

t.test('addresses that nothing may be sent to are refused by name', async (t) => {
  const allow = [
    { host: '10.0.0.5', port: 8080 },
    { host: 'inside.example', port: 80 },
  ];
  const whyNot = (url: string): string | undefined => {
    try {
      checkReceiver(url, allow);
      return undefined;
    } catch (error) {
      if (error instanceof DoorProblem) return error.code;
      throw error;
    }
  };
  const refused: Readonly<Record<string, string>> = {
    'http://a.example/': 'door-not-secure',
    'https://user@a.example/': 'door-userinfo-refused',
    'https://:secret@a.example/': 'door-userinfo-refused',
    'https://a.example/#x': 'door-fragment-refused',
    'https://a.example/#': 'door-fragment-refused',
    'https://a.example:8443/': 'door-port-refused',
    'ftp://a.example/': 'door-scheme-refused',
    'javascript:alert(1)': 'door-scheme-refused',
    'file:///etc/passwd': 'door-scheme-refused',
    '/relative': 'door-address-malformed',
    'https://a.example\\@b.example/': 'door-address-malformed',
    'https://a.example/ x': 'door-address-malformed',
    'https://127.0.0.1/': 'door-not-public',
    'https://2130706433/': 'door-not-public',
    'https://0x7f.1/': 'door-not-public',
    'https://[::1]/': 'door-not-public',
    'https://[::ffff:127.0.0.1]/': 'door-not-public',
    'https://169.254.169.254/latest/meta-data': 'door-not-public',
    'https://10.0.0.5/': 'door-not-public',
    'http://10.0.0.5:8081/': 'door-port-refused',
  };
  for (const [url, code] of Object.entries(refused)) t.equal(whyNot(url), code, url);
  const taken = [
    'https://a.example/',
    'https://a.example:443/hook?x=%23',
    'https://93.184.216.34/',
    'http://10.0.0.5:8080/',
    'http://inside.example/',
  ];
  for (const url of taken) t.equal(whyNot(url), undefined, url);
});
