import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import t from 'tap';
import { createTimeGate, MAX_BEHIND_MS, type TimeGate } from '../../server/ports/time-gate.ts';

const NOW = 1_800_000_000_000;
const BOOT = NOW - 1_000_000;
const at = (wallMs: number, monotonicMs = wallMs - BOOT) => ({ wallMs, monotonicMs });

/** Open, for a clock that may be a second off, with times reserved for an hour. */
function opened(untilMs = Number.POSITIVE_INFINITY): TimeGate {
  const gate = createTimeGate();
  gate.open({ lowMs: BOOT - 1_000, highMs: BOOT + 1_000, untilMs });
  gate.reserve(NOW + 3_600_000);
  return gate;
}

t.test('a gate is shut until the watch opens it', async (t) => {
  const gate = createTimeGate();
  t.equal(gate.isOpen(), false);
  t.equal(gate.next(at(NOW)), 'clock-in-doubt');
  gate.open({ lowMs: BOOT, highMs: BOOT, untilMs: Number.POSITIVE_INFINITY });
  t.equal(gate.next(at(NOW)), 'time-not-reserved');
  gate.reserve(NOW);
  t.equal(gate.next(at(NOW)), NOW);
  t.equal(gate.next(at(NOW + 1)), 'time-not-reserved');
  gate.shut();
  t.equal(gate.next(at(NOW)), 'clock-in-doubt');
});

t.test('a clock that is set, or a machine that slept, shuts it at once and for everybody', async (t) => {
  for (const jumped of [
    at(NOW + 1_001, NOW - BOOT),
    at(NOW - 1_001, NOW - BOOT),
    at(NOW, NOW - BOOT - 2_000),
  ]) {
    const gate = opened();
    const other = createTimeGate(gate.memory);
    t.equal(gate.next(jumped), 'clock-jumped');
    t.equal(other.next(at(NOW)), 'clock-in-doubt', 'also for a clock that looks right again');
    gate.open({ lowMs: BOOT - 1_000, highMs: BOOT + 1_000, untilMs: Number.POSITIVE_INFINITY });
    t.equal(other.next(at(NOW)), NOW);
  }
  t.equal(opened().next(at(NOW + 1_000, NOW - BOOT)), NOW + 1_000, 'the bound itself is allowed');
});

t.test('what the watch said counts for a while only', async (t) => {
  const gate = opened(NOW - BOOT);
  t.equal(gate.next(at(NOW)), NOW);
  t.equal(gate.next(at(NOW + 1)), 'clock-in-doubt');
});

t.test(
  'a time lower than the last one is never given: it waits a little, and then there is none',
  async (t) => {
    const gate = opened();
    t.equal(gate.next(at(NOW)), NOW);
    t.equal(gate.next(at(NOW - MAX_BEHIND_MS)), NOW);
    t.equal(gate.next(at(NOW - MAX_BEHIND_MS - 1)), 'clock-behind');
    t.equal(gate.next(at(NOW + 5)), NOW + 5);
    gate.begin(NOW + 100);
    t.equal(gate.next(at(NOW + 6)), NOW + 100, 'nor lower than one of before a restart');
    t.equal(gate.lastMs(), NOW + 100);
  },
);

t.test('a time that was agreed elsewhere is taken as it is, where the clock allows it', async (t) => {
  const gate = opened();
  t.equal(gate.take(at(NOW), NOW + 3), NOW + 3);
  t.equal(gate.take(at(NOW), NOW + MAX_BEHIND_MS + 1), 'clock-behind');
  gate.shut();
  t.equal(gate.take(at(NOW), NOW), 'clock-in-doubt');
});

t.test('reserving never goes back', async (t) => {
  const gate = opened();
  gate.reserve(NOW);
  t.equal(gate.reservedMs(), NOW + 3_600_000);
});

t.test('whatever the clocks do, times never go back and never pass what is reserved', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: -3_000, max: 3_000 }), fc.integer({ min: -2_000, max: 2_000 }))),
      (moves) => {
        const gate = opened();
        gate.reserve(0);
        let [now, last] = [NOW, 0];
        for (const [step, jump] of moves) {
          now += Math.abs(step);
          gate.open({ lowMs: BOOT - 1_000, highMs: BOOT + 1_000, untilMs: Number.POSITIVE_INFINITY });
          const given = gate.next(at(now + jump, now - BOOT), NOW + 2_000);
          if (typeof given !== 'number') continue;
          if (given < last || given > NOW + 2_000 || Math.abs(jump) > 1_000) return false;
          last = given;
        }
        return true;
      },
    ),
    { numRuns: 2_000 },
  );
});

t.test('threads that take times at once each see them rise', async (t) => {
  const gate = opened();
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ createTimeGate }) => {
      const gate = createTimeGate(workerData.memory);
      let [last, wrong] = [0, 0];
      for (let i = 0; i < 50_000; i++) {
        const wallMs = ${NOW} + (i % ${MAX_BEHIND_MS});
        const given = gate.next({ wallMs, monotonicMs: wallMs - ${BOOT} });
        if (typeof given !== 'number' || given < last) wrong++;
        last = given;
      }
      parentPort.postMessage(wrong);
    });`;
  const module = new URL('../../server/ports/time-gate.ts', import.meta.url).href;
  const wrongs = await Promise.all(
    [1, 2].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(program, { eval: true, workerData: { module, memory: gate.memory } });
          worker.on('message', resolve);
          worker.on('error', reject);
        }),
    ),
  );
  t.same(wrongs, [0, 0]);
});

t.test('outside the life of the certificates that say whose key it is no time is given', async (t) => {
  const gate = opened();
  gate.limit(NOW - 10, NOW + 10);
  t.equal(gate.next(at(NOW - 10)), NOW - 10);
  t.equal(gate.next(at(NOW + 10)), NOW + 10);
  t.equal(gate.next(at(NOW + 11)), 'signer-expired');
  t.equal(gate.take(at(NOW - 11), NOW), 'signer-expired');
  t.equal(createTimeGate(gate.memory).refuses(at(NOW + 11)), 'signer-expired', 'for every thread');
});

t.test('a time that another thread raised meanwhile is not given where it is not reserved', async (t) => {
  const gate = opened();
  const mine = NOW + 100;
  gate.begin(NOW + 200);
  t.equal(gate.next(at(NOW), mine), 'time-not-reserved');
});
