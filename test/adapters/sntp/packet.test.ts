import fc from 'fast-check';
import t from 'tap';
import {
  answers,
  distanceOf,
  PACKET_BYTES,
  readAnswer,
  writeRequest,
} from '../../../server/adapters/sntp/packet.ts';

const NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const NOW = Date.UTC(2026, 10, 28, 12);

/** Seconds since 1900 and 32 bits of fraction, as RFC 5905 has them; BigInt, so computed otherwise than by the reader. */
function timestamp(unixMs: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const ntp = ((BigInt(Math.round(unixMs * 1_000)) + 2_208_988_800_000_000n) << 32n) / 1_000_000n;
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, ntp));
  return bytes;
}

interface Parts {
  readonly leap?: number;
  readonly version?: number;
  readonly mode?: number;
  readonly stratum?: number;
  readonly precision?: number;
  readonly rootDelay?: number;
  readonly rootDispersion?: number;
  readonly reference?: string;
  readonly origin?: Uint8Array;
  readonly receive?: Uint8Array;
  readonly transmit?: Uint8Array;
}

/** A good answer, but for what is given. */
function answer(parts: Parts = {}): Uint8Array {
  const {
    leap = 0,
    version = 4,
    mode = 4,
    stratum = 2,
    precision = -20,
    rootDelay = 0,
    rootDispersion = 0,
  } = parts;
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  bytes[0] = (leap << 6) | (version << 3) | mode;
  bytes[1] = stratum;
  view.setInt8(3, precision);
  view.setUint32(4, rootDelay);
  view.setUint32(8, rootDispersion);
  bytes.set(Buffer.from(parts.reference ?? 'GPS\0', 'latin1'), 12);
  bytes.set(parts.origin ?? NONCE, 24);
  bytes.set(parts.receive ?? timestamp(NOW), 32);
  bytes.set(parts.transmit ?? timestamp(NOW + 1), 40);
  return bytes;
}

t.test(
  'a question tells nothing of our clock: all zero but version, mode and the random number',
  async (t) => {
    const request = writeRequest(NONCE);
    t.equal(Buffer.from(request).toString('hex'), `23${'00'.repeat(39)}0102030405060708`);
  },
);

t.test('a good answer is read with its times and its own doubts', async (t) => {
  const bytes = answer({ rootDelay: 0x0000_8000, rootDispersion: 0x0001_4000, precision: -10 });
  t.ok(answers(bytes, NONCE));
  const read = readAnswer(bytes, NOW);
  if ('fault' in read) throw new Error(read.why);
  t.equal(Math.round(read.receivedMs * 1_000), NOW * 1_000);
  t.equal(Math.round(read.sentMs * 1_000), (NOW + 1) * 1_000);
  t.equal(read.rootDelayMs, 500);
  t.equal(read.rootDispersionMs, 1_250 + 1_000 / 1_024);
});

t.test('an answer may say that it was sent a little before its question came in, and no more', async (t) => {
  const sentBefore = (ms: number) =>
    readAnswer(answer({ precision: -10, transmit: timestamp(NOW - ms) }), NOW);
  const read = sentBefore(900);
  t.ok(!('fault' in read) && read.receivedMs - read.sentMs > 899);
  t.strictSame(sentBefore(1_001), { fault: 'invalid', why: 'sent before received' });
});

const foreign: Readonly<Record<string, Uint8Array>> = {
  'its origin is not our random number': answer({ origin: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9) }),
  'its origin is our number with another first byte': answer({
    origin: Uint8Array.of(0, 2, 3, 4, 5, 6, 7, 8),
  }),
  'it is a question': answer({ mode: 3 }),
  'it is a broadcast': answer({ mode: 5 }),
  'it is of version 3': answer({ version: 3 }),
  'it is a byte short': answer().subarray(0, 47),
  'it is a byte long': Uint8Array.of(...answer(), 0),
  'it is empty': new Uint8Array(0),
};
for (const [how, bytes] of Object.entries(foreign))
  t.test(`no answer to our question: ${how}`, async (t) => t.notOk(answers(bytes, NONCE)));

const faults: readonly (readonly [string, string, Uint8Array])[] = [
  ['its clock was never set', 'unsynchronized', answer({ leap: 3 })],
  ['its stratum is 16', 'unsynchronized', answer({ stratum: 16 })],
  ['its stratum is 255', 'unsynchronized', answer({ stratum: 255 })],
  ['it may be 16 s off', 'unsynchronized', answer({ rootDispersion: 16 << 16 })],
  ['its source is 32 s away', 'unsynchronized', answer({ rootDelay: 32 << 16 })],
  ['its clock ticks every 2^127 s', 'unsynchronized', answer({ precision: 127 })],
  ['it asks us to come less often', 'rate', answer({ stratum: 0, reference: 'RATE' })],
  ['it denies us', 'deny', answer({ stratum: 0, reference: 'DENY' })],
  ['it is restricted', 'deny', answer({ stratum: 0, reference: 'RSTR' })],
  ['it sends a kiss that we do not know', 'unsynchronized', answer({ stratum: 0, reference: 'X\n\0"' })],
  ['it does not know when it answered', 'invalid', answer({ transmit: new Uint8Array(8) })],
  ['it does not know when it was asked', 'invalid', answer({ receive: new Uint8Array(8) })],
  ['it answered before it was asked', 'invalid', answer({ receive: timestamp(NOW + 2_002) })],
];
for (const [how, fault, bytes] of faults)
  t.test(`a server is not believed when ${how}`, async (t) => {
    t.ok(answers(bytes, NONCE));
    t.match(readAnswer(bytes, NOW), { fault, why: String });
  });

t.test('a leap second that is announced, and each stratum up to 15, is no fault', async (t) => {
  for (const parts of [{ leap: 1 }, { leap: 2 }, { stratum: 1 }, { stratum: 15 }])
    t.notOk('fault' in readAnswer(answer(parts), NOW));
});

t.test('timestamps are read across the end of the era in 2036, and in later eras', async (t) => {
  const turn = Date.UTC(2036, 1, 7, 6, 28, 16);
  t.strictSame(timestamp(turn), new Uint8Array(8), 'the first moment of era 1, which means unknown');
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(1970), max: Date.UTC(2300) }),
      // Half an era is 68 years; a clock that starts in 1970 has still to be told the year.
      fc.integer({ min: -60 * 365 * 86_400_000, max: 60 * 365 * 86_400_000 }),
      (trueMs, wrongMs) => {
        const bytes = answer({ receive: timestamp(trueMs + 0.25), transmit: timestamp(trueMs + 0.75) });
        const read = readAnswer(bytes, trueMs + wrongMs);
        if ('fault' in read) throw new Error(read.why);
        t.ok(Math.abs(read.receivedMs - trueMs - 0.25) < 0.01);
        t.ok(Math.abs(read.sentMs - trueMs - 0.75) < 0.01);
      },
    ),
    { numRuns: 300 },
  );
  const across = readAnswer(answer({ receive: timestamp(turn - 1), transmit: timestamp(turn + 1) }), turn);
  t.ok(!('fault' in across) && Math.abs(across.sentMs - across.receivedMs - 2) < 0.01);
});

t.test('no path is known better than to 2.5 ms, whatever the numbers say', async (t) => {
  t.equal(distanceOf(0, 0, 0), 2.5);
  t.equal(distanceOf(40, 20, 7), 37);
});

t.test('any bytes whatever are read or refused, and never break the reader', async (t) => {
  const header = fc.uint8Array({ minLength: PACKET_BYTES, maxLength: PACKET_BYTES });
  fc.assert(
    fc.property(header, fc.integer({ min: 0, max: 8e15 }), (bytes, nearMs) => {
      const read = readAnswer(bytes, nearMs);
      if ('fault' in read) return ['unsynchronized', 'rate', 'deny', 'invalid'].includes(read.fault);
      return Object.values(read).every(Number.isFinite) && read.sentMs >= read.receivedMs;
    }),
    { numRuns: 5_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => !answers(bytes, NONCE)),
    { numRuns: 2_000 },
  );
  t.pass();
});
