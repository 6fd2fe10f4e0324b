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

async function bound(t: Test, address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
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
    timeoutMs: 300,
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
      t.ok(sample.distanceMs >= 2.5 && sample.distanceMs < 200);
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

t.test('IPv6 works, and a name that leads to this machine', async (t) => {
  const six = await serving(t, (request, from, socket) => back(socket, good(request), from), { host: '::1' });
  t.match(await six.ask(), { from: /^::1 \d+$/ });
  const named = await serving(t, (request, from, socket) => back(socket, good(request), from));
  const { port } = named;
  const client = sntpServer({
    ...{ host: 'localhost', port, timeoutMs: 300 },
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
  });
  // The system may put ::1 first, where nobody listens.
  await client.ask(new AbortController().signal).catch((error) => t.match(error, SILENT));
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
  const alone = await serving(t, (request, from) =>
    elsewhere.send(good(request, 7_200_000), from.port, from.address),
  );
  await t.rejects(alone.ask(), SILENT);
});

t.test('an answer from another address is never seen', async (t) => {
  const elsewhere = await bound(t, '127.0.0.2');
  const { ask } = await serving(t, (request, from) =>
    elsewhere.send(good(request, 7_200_000), from.port, from.address),
  );
  await t.rejects(ask(), SILENT);
});

t.test('a server that is silent, absent or without a name is silent, in bounded time', async (t) => {
  const silent = await serving(t, () => {});
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
