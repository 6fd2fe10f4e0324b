import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { type SntpOptions, sntpServer } from '../../../server/adapters/sntp/server.ts';
import type { TimeSample } from '../../../server/ports/time.ts';

/*
 * The client against a UDP server of the test's own, which answers as no real one would. Real ones: test/clock.test.ts.
 */

const SILENT = { name: 'TimeServerProblem', fault: 'silent' };

type Reply = (request: Buffer, from: RemoteInfo, socket: Socket) => void;

async function bound(t: Test, address = '127.0.0.1', port = 0): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  t.teardown(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return socket;
}

async function serving(t: Test, reply: Reply, options: Partial<SntpOptions> = {}) {
  const socket = await bound(t, options.host);
  const requests: Buffer[] = [];
  const ports: number[] = [];
  socket.on('message', (request, from) => {
    requests.push(request);
    ports.push(from.port);
    reply(request, from, socket);
  });
  const client = sntpServer({
    host: '127.0.0.1',
    port: socket.address().port,
    timeoutMs: 5_000,
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    ...options,
  });
  const stopping = new AbortController();
  return {
    ask: (): Promise<TimeSample> => client.ask(stopping.signal),
    ...{ requests, ports, stopping, port: socket.address().port },
  };
}

/** One on which nobody listens any more. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** The answer of a good server whose clock is so much ahead. */
function good(request: Buffer, aheadMs = 0): Buffer {
  const bytes = Buffer.alloc(48);
  bytes[0] = 0x24;
  bytes[1] = 1;
  bytes.writeInt8(-20, 3);
  bytes.set(request.subarray(40, 48), 24);
  const ntp = BigInt(Date.now() + aheadMs + 2_208_988_800_000) * 2n ** 32n;
  for (const at of [32, 40]) bytes.writeBigUInt64BE(BigInt.asUintN(64, ntp / 1_000n), at);
  return bytes;
}

const back = (socket: Socket, bytes: Uint8Array, to: RemoteInfo): void =>
  socket.send(bytes, to.port, to.address);

/** How far the server is ahead of our wall clock by what was measured. */
const aheadBy = ({ epochMs }: TimeSample): number => epochMs + performance.now() - Date.now();

t.test(
  'what a server says is its time against our monotonic clock, whatever our wall clock does',
  async (t) => {
    for (const aheadMs of [0, 5_000, -86_400_000]) {
      const { ask, port } = await serving(t, (request, from, socket) =>
        back(socket, good(request, aheadMs), from),
      );
      const sample = await ask();
      t.ok(Math.abs(aheadBy(sample) - aheadMs) <= sample.distanceMs + 2, `${aheadBy(sample)} for ${aheadMs}`);
      t.ok(sample.distanceMs >= 2.5 && sample.distanceMs < 1_000);
      t.equal(sample.from, `127.0.0.1 ${port}`);
    }
  },
);

t.test('each question has a number and a port of its own', async (t) => {
  const { ask, requests, ports } = await serving(t, (request, from, socket) =>
    back(socket, good(request), from),
  );
  for (let n = 0; n < 20; n++) await ask();
  t.equal(new Set(requests.map((request) => request.subarray(40).toString('hex'))).size, 20);
  t.ok(new Set(ports).size > 15);
  for (const request of requests) t.equal(request.subarray(0, 40).toString('hex'), `23${'00'.repeat(39)}`);
});

t.test('IPv6 works, and a name is looked up', async (t) => {
  const reply: Reply = (request, from, socket) => back(socket, good(request), from);
  const { ask, port } = await serving(t, reply, { host: '::1' });
  t.equal((await ask()).from, `::1 ${port}`);
  // Whichever of both addresses the system names first.
  const four = await bound(t, '127.0.0.1', port);
  four.on('message', (request, from) => reply(request, from, four));
  const localhost = sntpServer({
    ...{ host: 'localhost', port, timeoutMs: 5_000 },
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
  });
  const { from } = await localhost.ask(new AbortController().signal);
  t.ok([`::1 ${port}`, `127.0.0.1 ${port}`].includes(from), from);
});

t.test('an answer to another question is passed over, and the right one after it is taken', async (t) => {
  const { ask } = await serving(t, (request, from, socket) => {
    const forged = good(request, 7_200_000);
    forged.writeUInt8(forged[31]! ^ 1, 31);
    for (let n = 0; n < 50; n++) back(socket, forged, from);
    back(socket, request, from);
    back(socket, Buffer.alloc(0), from);
    back(socket, Buffer.alloc(1_400, 0x24), from);
    back(socket, good(request), from);
  });
  t.ok(Math.abs(aheadBy(await ask())) < 1_000);
});

t.test('an answer from another port is never seen, however right its number', async (t) => {
  const elsewhere = await bound(t);
  const { ask } = await serving(t, (request, from, socket) => {
    elsewhere.send(good(request, 7_200_000), from.port, from.address);
    setTimeout(() => back(socket, good(request), from), 50);
  });
  t.ok(Math.abs(aheadBy(await ask())) < 1_000);
  const alone = await serving(
    t,
    (request, from) => elsewhere.send(good(request, 7_200_000), from.port, from.address),
    { timeoutMs: 300 },
  );
  await t.rejects(alone.ask(), SILENT);
});

t.test('an answer from another address is never seen', async (t) => {
  const elsewhere = await bound(t, '127.0.0.2');
  const { ask } = await serving(
    t,
    (request, from) => elsewhere.send(good(request, 7_200_000), from.port, from.address),
    { timeoutMs: 300 },
  );
  await t.rejects(ask(), SILENT);
});

t.test('a server that is silent, absent or without a name is silent, in bounded time', async (t) => {
  const silent = await serving(t, () => {}, { timeoutMs: 300 });
  await t.rejects(silent.ask(), { ...SILENT, message: 'no answer in time' });
  const port = await freePort();
  const absent = (host: string, given = port) =>
    sntpServer({ host, port: given, timeoutMs: 300, wallMs: Date.now, monotonicMs: () => performance.now() });
  const { signal } = new AbortController();
  await t.rejects(absent('127.0.0.1').ask(signal), SILENT);
  await t.rejects(absent('no-such-host.invalid').ask(signal), SILENT);
  await t.rejects(absent('255.255.255.255').ask(signal), SILENT, 'a system that forbids sending');
});

t.test('what a server says of itself is told', async (t) => {
  for (const [change, fault] of [
    [(bytes: Buffer) => bytes.writeUInt8(0xe4, 0), 'unsynchronized'],
    [(bytes: Buffer) => bytes.writeUInt8(16, 1), 'unsynchronized'],
    [(bytes: Buffer) => bytes.writeUInt8(0, 1) && bytes.write('RATE', 12), 'rate'],
    [(bytes: Buffer) => bytes.writeUInt8(0, 1) && bytes.write('DENY', 12), 'deny'],
    [(bytes: Buffer) => bytes.fill(0, 40), 'invalid'],
  ] as const) {
    const { ask } = await serving(t, (request, from, socket) => {
      const bytes = good(request);
      change(bytes);
      back(socket, bytes, from);
    });
    await t.rejects(ask(), { name: 'TimeServerProblem', fault });
  }
});

t.test(
  'the middle of the answer is compared with the middle of the wait, without the server’s own part',
  async (t) => {
    const monotonic = [10_000, 12_000];
    const { ask } = await serving(
      t,
      (request, from, socket) => {
        const bytes = good(request);
        // 2026-11-28T00:00:00Z, and 1.984375 s later, in NTP seconds since 1900 and 2^-32 s.
        bytes.writeUInt32BE(Date.UTC(2026, 10, 28) / 1_000 + 2_208_988_800, 32);
        bytes.writeUInt32BE(0, 36);
        bytes.writeUInt32BE(Date.UTC(2026, 10, 28) / 1_000 + 2_208_988_801, 40);
        bytes.writeUInt32BE(0xfc00_0000, 44);
        back(socket, bytes, from);
      },
      { monotonicMs: () => monotonic.shift()! },
    );
    const { epochMs, distanceMs } = await ask();
    t.equal(epochMs, Date.UTC(2026, 10, 28) + 1_984.375 / 2 - 11_000);
    t.equal(distanceMs, (2_000 - 1_984.375) / 2 + 1_000 / 2 ** 20);
  },
);

t.test('a server that claims to have thought longer than we waited gains nothing by it', async (t) => {
  const { ask } = await serving(t, (request, from, socket) => {
    const bytes = good(request);
    bytes.writeUInt32BE(bytes.readUInt32BE(40) + 10, 40);
    back(socket, bytes, from);
  });
  t.ok((await ask()).distanceMs >= 2.5);
});

t.test('who stops is not kept waiting, before and while a server is asked', async (t) => {
  const { ask, stopping } = await serving(t, () => stopping.abort(), { timeoutMs: 60_000 });
  await t.rejects(ask(), SILENT);
  await t.rejects(ask(), SILENT);
});

t.test('whatever comes back, asking ends with a sample or a fault that has a name', async (t) => {
  let next: Uint8Array = new Uint8Array(0);
  const { ask } = await serving(
    t,
    (request, from, socket) => {
      const bytes = Buffer.from(next);
      // Most have our number in the right place, or none would be read further.
      if (bytes.length >= 32) bytes.set(request.subarray(40, 48), 24);
      if (bytes.length > 0) bytes.writeUInt8((bytes[0]! & 0xc0) | 0x24, 0);
      back(socket, bytes, from);
    },
    { timeoutMs: 30 },
  );
  const packet = fc.oneof(
    { weight: 9, arbitrary: fc.uint8Array({ minLength: 48, maxLength: 48 }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  );
  await fc.assert(
    fc.asyncProperty(packet, async (bytes) => {
      next = bytes;
      const said = await ask().catch((error) => error.fault);
      if (typeof said === 'string')
        return ['silent', 'unsynchronized', 'rate', 'deny', 'invalid'].includes(said);
      return Number.isFinite(said.epochMs) && said.distanceMs >= 2.5 && said.distanceMs < 100_000;
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});
