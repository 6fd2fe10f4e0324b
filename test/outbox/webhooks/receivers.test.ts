import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Webhook as Receiver } from 'standardwebhooks';
import t, { type Test } from 'tap';
import { attempt, type Tried } from '../../../server/outbox/webhooks/attempt.ts';
import type { Door } from '../../../server/ports/door.ts';
import { CA, issue } from '../../core/read/openssl.ts';
import { pem, startHttp, startHttps, startTcp, webServer } from '../../support/servers.ts';
import { PUBLIC, tryDoor } from '../doors.ts';
import { newSealing, type Sample, sample, sealing } from './samples.ts';

/* Receivers are somebody else's: whatever they do, an attempt ends in time, and what came of it is told. */

const ca = issue({ subject: '/CN=Local CA', extensions: CA });
const limits = { totalMs: 600 };
const never = new AbortController().signal;
const HTTP = 'http://a.example/hook?x=1';

const tryOnce = async (door: Door, url = HTTP, given?: Sample): Promise<Tried | undefined> =>
  attempt({ door, sealing }, given ?? (await sample(url)), Date.now(), never);

async function bytesOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const OK = 'HTTP/1.1 200 OK\r\n';
const GOOD = { status: 200, error: undefined, retryAfter: undefined };

t.test(
  'a receiver gets one POST that it can verify, over TLS and from nobody by any other name',
  async (t) => {
    const got: { method: string; url: string; type: string; verified: unknown }[] = [];
    const given = await sample('https://hooks.example/in?x=1');
    const port = await startHttps(t, webServer(ca, 'DNS:hooks.example'), async (request, reply) => {
      const { method, url, headers } = request;
      const verified = new Receiver(given.clear).verify(
        await bytesOf(request),
        headers as Record<string, string>,
      );
      got.push({ method: method!, url: url!, type: headers['content-type']!, verified });
      reply.writeHead(204).end();
    });
    const { door } = await tryDoor(t, { way: { 443: port }, ca: [pem(ca)] });
    t.strictSame(await tryOnce(door, '', given), { ...GOOD, status: 204 });
    t.match(got, [
      { method: 'POST', url: '/in?x=1', type: 'application/json; charset=utf-8', verified: { sequence: 7 } },
    ]);
  },
);

/** What a receiver does with a connection on which something came, and what is told of it. */
const misbehaviours: Readonly<Record<string, readonly [(socket: Socket) => void, object]>> = {
  'says nothing': [() => {}, { error: { code: 'door-too-slow', detail: { limit: 600 } } }],
  'drips its head': [
    (socket) => {
      socket.write(OK);
      const timer = setInterval(() => socket.write('x-a: b\r\n'), 50);
      socket.on('close', () => clearInterval(timer));
    },
    { error: { code: 'door-too-slow' } },
  ],
  'resets the connection': [(socket) => socket.resetAndDestroy(), { error: { code: 'door-answer-broken' } }],
  'closes without a word': [(socket) => socket.end(), { error: { code: 'door-answer-broken' } }],
  'speaks no HTTP': [(socket) => socket.end('+OK ready\r\n'), { error: { code: 'door-answer-broken' } }],
  'has a head without end': [
    (socket) => socket.write(`${OK}x: ${'y'.repeat(100_000)}\r\n\r\n`),
    { error: { code: 'door-head-too-large' } },
  ],
  'says 200 and then nothing': [(socket) => socket.write(`${OK}content-length: 9\r\n\r\n`), GOOD],
  'says 200 with a body that never ends': [
    (socket) => {
      socket.write(`${OK}\r\n`);
      const more = () => {
        while (!socket.destroyed && socket.write('x'.repeat(65_536)));
      };
      socket.on('drain', more);
      more();
    },
    GOOD,
  ],
  'says 200, announces terabytes, and breaks off': [
    (socket) => socket.end(`${OK}content-length: 9999999999999\r\n\r\nx`),
    GOOD,
  ],
  'says 200 in a coding that we did not ask for': [
    (socket) => socket.end(`${OK}content-encoding: br\r\ncontent-length: 1\r\n\r\nx`),
    GOOD,
  ],
  'is gone': [(socket) => socket.end('HTTP/1.1 410 Gone\r\n\r\n'), { status: 410 }],
  fails: [(socket) => socket.end('HTTP/1.1 500 x\r\n\r\n'), { status: 500, error: undefined }],
  'asks for patience': [
    (socket) => socket.end('HTTP/1.1 429 x\r\nretry-after: 33\r\n\r\n'),
    { status: 429, retryAfter: '33' },
  ],
};
for (const [what, [then, expected]] of Object.entries(misbehaviours))
  t.test(`an attempt ends in time at a receiver that ${what}`, async (t) => {
    const port = await startTcp(t, (socket) => socket.once('data', () => then(socket)));
    const { door } = await tryDoor(t, { way: { 80: port }, limits });
    const begunMs = Date.now();
    t.match(await tryOnce(door), expected);
    t.ok(Date.now() - begunMs < 2_000);
  });

for (const status of [301, 302, 303, 307, 308])
  t.test(`a redirect by ${status} is a failed attempt, and nobody goes where it leads`, async (t) => {
    let inside = 0;
    const secret = await startHttp(t, (_, reply) => {
      inside++;
      reply.end();
    });
    const port = await startHttp(t, (_, reply) =>
      reply.writeHead(status, { location: `http://127.0.0.1:${secret}/` }).end(),
    );
    const { door, dialled } = await tryDoor(t, {
      way: { 80: port },
      // Not even where the operator lists it.
      allow: [{ host: '127.0.0.1', port: secret }],
    });
    t.match(await tryOnce(door), { status, error: undefined });
    t.equal(inside, 0);
    t.strictSame(dialled, [`${PUBLIC} 80`]);
  });

async function reached(t: Test): Promise<{ port: number; count: () => number }> {
  let requests = 0;
  const port = await startHttp(t, (_, reply) => {
    requests++;
    reply.end();
  });
  return { port, count: () => requests };
}

t.test('a name that leads inside at the second look is not followed there', async (t) => {
  const { port, count } = await reached(t);
  const { door, dialled } = await tryDoor(t, {
    way: { 80: port },
    zone: (_, type, asked) => (type === 'A' ? [asked === 0 ? PUBLIC : '127.0.0.1'] : []),
  });
  t.match(await tryOnce(door), GOOD);
  for (let i = 0; i < 3; i++) t.match(await tryOnce(door), { error: { code: 'door-not-public' } });
  t.equal(count(), 1);
  t.strictSame(dialled, [`${PUBLIC} 80`], 'and what was looked at is what was dialled');
});

t.test('a name with one address inside is reached at none of them', async (t) => {
  const { port, count } = await reached(t);
  const { door } = await tryDoor(t, {
    way: { 80: port },
    zone: (_, type) => (type === 'A' ? [PUBLIC, '169.254.169.254'] : []),
  });
  t.match(await tryOnce(door), { error: { code: 'door-not-public', detail: { host: 'a.example' } } });
  t.equal(count(), 0);
});

t.test('nothing is sent to whoever cannot show a certificate for the name', async (t) => {
  let requests = 0;
  const port = await startHttps(t, webServer(ca, 'DNS:other.example'), (_, reply) => {
    requests++;
    reply.end();
  });
  const { door } = await tryDoor(t, { way: { 443: port }, ca: [pem(ca)] });
  t.match(await tryOnce(door, 'https://hooks.example/'), { error: { code: 'door-tls-failed' } });
  t.equal(requests, 0);
});

t.test('a secret that cannot be opened fails the attempt, and nothing leaves unsigned', async (t) => {
  const { port, count } = await reached(t);
  const { door } = await tryDoor(t, { way: { 80: port } });
  const tried = await attempt({ door, sealing: newSealing() }, await sample(HTTP), Date.now(), never);
  t.match(tried, { status: undefined, error: { code: 'webhook-secret-unreadable' } });
  t.equal(count(), 0);
});

t.test('what we stop ourselves is no failure of the receiver', async (t) => {
  const port = await startTcp(t, () => {});
  const { door } = await tryDoor(t, { way: { 80: port } });
  const stopping = new AbortController();
  const trying = attempt({ door, sealing }, await sample(HTTP), Date.now(), stopping.signal);
  setTimeout(() => stopping.abort(), 50);
  t.equal(await trying, undefined);
});
