import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { DoorProblem } from '../../server/ports/door.ts';
import { startHttp, startTcp } from '../support/servers.ts';
import { get, outcome, problem, told, tryDoor } from './doors.ts';

/* What comes back was written by somebody else: it is bounded in every direction, and taken whole or not at all. */

const OK = 'HTTP/1.1 200 OK\r\n';
const URL_OF_IT = 'http://a.example/';

/** The port of a server that says this once it was asked, and may go on by itself. */
const saying = (t: Test, text: string | Buffer, then: (socket: Socket) => void = (socket) => socket.end()) =>
  startTcp(t, (socket) => {
    socket.once('data', () => {
      socket.write(text);
      then(socket);
    });
  });

/** Writes for ever, as fast as it is read. */
const endless = (piece: string) => (socket: Socket) => {
  const many = piece.repeat(10_000);
  const write = () => {
    while (!socket.destroyed && socket.write(many));
  };
  socket.on('drain', write);
  write();
};

/** A piece every 20 ms, for ever. */
const dripping = (piece: string) => (socket: Socket) => {
  const timer = setInterval(() => socket.write(piece), 20);
  socket.on('close', () => clearInterval(timer));
};

const hold = () => {};
const limits = { totalMs: 400, headBytes: 4_096 };

const whole: readonly (readonly [string, string, string])[] = [
  ['with its length', `${OK}content-length: 4\r\n\r\nbody`, 'body'],
  ['in chunks', `${OK}transfer-encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n`, 'body'],
  ['until the connection ends', `${OK}\r\nbody`, 'body'],
  ['with nothing in it', `${OK}content-length: 0\r\n\r\n`, ''],
  ['as it is, and saying so', `${OK}content-encoding: identity\r\ncontent-length: 4\r\n\r\nbody`, 'body'],
  ['after a word that it will come', `HTTP/1.1 103 Early\r\n\r\n${OK}content-length: 4\r\n\r\nbody`, 'body'],
  ['of the very length that is taken', `${OK}\r\n${'x'.repeat(1_000)}`, 'x'.repeat(1_000)],
];
for (const [how, text, body] of whole)
  t.test(`an answer is taken that comes ${how}`, async (t) => {
    const { door } = await tryDoor(t, { way: { 80: await saying(t, text) } });
    t.equal(await outcome(door, get(URL_OF_IT)), body);
  });

const BROKEN = 'door-answer-broken';
const damages: readonly (readonly [string, string | Buffer, string])[] = [
  ['is nothing', '', BROKEN],
  ['is no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', BROKEN],
  ['is HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', BROKEN],
  ['ends in its head', `${OK}content-le`, BROKEN],
  ['ends before its length', `${OK}content-length: 5\r\n\r\nbody`, BROKEN],
  ['ends before its last chunk', `${OK}transfer-encoding: chunked\r\n\r\n2\r\nbo\r\n`, BROKEN],
  ['has a chunk of no length', `${OK}transfer-encoding: chunked\r\n\r\nx\r\nbo\r\n0\r\n\r\n`, BROKEN],
  ['has two lengths', `${OK}content-length: 1\r\ncontent-length: 4\r\n\r\nbody`, BROKEN],
  [
    'has a length and chunks',
    `${OK}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    BROKEN,
  ],
  ['has a negative length', `${OK}content-length: -1\r\n\r\nbody`, BROKEN],
  ['has a head with a NUL in it', `${OK}a: \0\r\n\r\nbody`, BROKEN],
  ['has a folded header', `${OK}a: b\r\n c: d\r\n\r\nbody`, BROKEN],
  ['goes over to another protocol', 'HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', BROKEN],
  ['is compressed', `${OK}content-encoding: gzip\r\ncontent-length: 4\r\n\r\nbody`, 'door-encoding-refused'],
  ['is compressed twice', `${OK}content-encoding: br, gzip\r\n\r\nbody`, 'door-encoding-refused'],
  [
    'is compressed on its way',
    `${OK}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'door-encoding-refused',
  ],
  ['says that it is too long', `${OK}content-length: 1001\r\n\r\nbody`, 'door-answer-too-large'],
  ['is too long by one', `${OK}\r\n${'x'.repeat(1_001)}`, 'door-answer-too-large'],
  ['has too long a header', `${OK}a: ${'x'.repeat(5_000)}\r\n\r\nbody`, 'door-head-too-large'],
  ['has too many headers', `${OK}${'name: value\r\n'.repeat(1_000)}\r\nbody`, 'door-head-too-large'],
  ['has too long a reason', `HTTP/1.1 200 ${'x'.repeat(5_000)}\r\n\r\nbody`, 'door-head-too-large'],
];
for (const [how, text, code] of damages)
  t.test(`an answer is refused that ${how}`, async (t) => {
    const { door } = await tryDoor(t, { way: { 80: await saying(t, text) }, limits });
    t.equal(await problem(door, get(URL_OF_IT)), code);
  });

const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
const neverEnding: readonly (readonly [string, string, (socket: Socket) => void, string])[] = [
  ['says nothing', '', hold, 'door-too-slow'],
  ['stops in its head', OK, hold, 'door-too-slow'],
  ['stops in its body', `${OK}content-length: 9\r\n\r\nbody`, hold, 'door-too-slow'],
  ['drips its head', OK, dripping('a: b\r\n'), 'door-too-slow'],
  ['drips its body', `${OK}\r\n`, dripping('x'), 'door-too-slow'],
  ['drips its chunks', CHUNKED, dripping('1\r\nx\r\n'), 'door-too-slow'],
  ['keeps saying that it will answer', '', dripping('HTTP/1.1 102 Wait\r\n\r\n'), 'door-too-slow'],
  ['has a head without end', OK, endless('a: b\r\n'), 'door-head-too-large'],
  ['has a header without end', `${OK}a: `, endless('x'), 'door-head-too-large'],
  ['has a body without end', `${OK}\r\n`, endless('x'), 'door-answer-too-large'],
  ['has chunks without end', CHUNKED, endless('1\r\nx\r\n'), 'door-answer-too-large'],
];
for (const [how, text, then, code] of neverEnding)
  t.test(`a server that ${how} is left`, async (t) => {
    let left = () => {};
    const leaving = new Promise<void>((resolve) => (left = resolve));
    const port = await saying(t, text, (socket) => {
      socket.on('close', left);
      then(socket);
    });
    const { door } = await tryDoor(t, { way: { 80: port }, limits });
    t.equal(await problem(door, get(URL_OF_IT)), code);
    await leaving;
  });

t.test('a bomb is not unpacked, and was not asked for', async (t) => {
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  const accepted: unknown[] = [];
  const port = await startHttp(t, ({ headers }, reply) => {
    accepted.push(headers['accept-encoding']);
    reply.writeHead(200, { 'content-encoding': 'gzip' });
    reply.end(bomb);
  });
  const { door } = await tryDoor(t, { way: { 80: port } });
  const request = get(URL_OF_IT, { maxBytes: 1_000_000, headers: { 'accept-encoding': 'gzip' } });
  t.equal(await problem(door, request), 'door-encoding-refused');
  t.strictSame(accepted, ['identity']);
});

t.test('where a type is expected every other answer is refused, before its body is read', async (t) => {
  const port = await startHttp(t, ({ url }, reply) => {
    const [status, type] = url!.slice(1).split('!');
    reply.writeHead(Number(status), type ? { 'content-type': decodeURIComponent(type) } : {});
    reply.end('x'.repeat(2_000));
  });
  const { door } = await tryDoor(t, { way: { 80: port } });
  const ask = (what: string) =>
    problem(door, get(`${URL_OF_IT}${what}`, { expects: { types: ['application/x'] } }));
  for (const type of ['application/x', 'Application/X', 'application/x;charset=utf-8', 'application/x ; a'])
    t.equal(await ask(`200!${encodeURIComponent(type)}`), 'door-answer-too-large', type);
  for (const type of ['', 'text/html', 'application/xy', 'text/plain;application/x'])
    t.equal(await ask(`200!${encodeURIComponent(type)}`), 'door-type-unexpected', type);
  for (const status of [201, 204, 206, 400, 401, 404, 407, 500, 503])
    t.equal(await ask(`${status}!application%2fx`), 'door-status-unexpected', String(status));
});

t.test(
  'an answer tells its status and its type, and nothing is hidden where nothing is expected',
  async (t) => {
    const port = await startHttp(t, (_, reply) => {
      reply.writeHead(503, { 'content-type': 'Text/Plain; charset=x' });
      reply.end('busy');
    });
    const { door } = await tryDoor(t, { way: { 80: port } });
    const answer = await door.ask(get(URL_OF_IT));
    t.match(answer, { status: 503, type: 'text/plain' });
    t.equal(Buffer.from(answer.body).toString(), 'busy');
    t.ok(answer.body.buffer.byteLength === answer.body.length, 'no bytes of others beside it');
  },
);

t.test('nothing that a server says is told to whoever named it', async (t) => {
  const says = [
    'HTTP/1.1 500 secret\r\nsecret: secret\r\n\r\nsecret',
    `${OK}content-type: secret/secret\r\n\r\nsecret`,
    `${OK}content-encoding: secret\r\n\r\nsecret`,
    'HTTP/1.1 302 secret\r\nlocation: ftp://secret\r\n\r\n',
    'secret',
  ];
  for (const text of says) {
    const { door } = await tryDoor(t, { way: { 80: await saying(t, text) } });
    const found = await outcome(door, get(URL_OF_IT, { expects: { types: ['application/x'] } }));
    t.ok(found instanceof DoorProblem);
    t.notMatch(told(found), 'secret');
    t.notMatch((found as DoorProblem).cause, { rawPacket: {} }, 'and the log gets words, no packets');
  }
});

t.test('whatever a server answers is an answer or a problem, and never a crash', async (t) => {
  let text = Buffer.alloc(0);
  const port = await startTcp(t, (socket) => socket.once('data', () => socket.end(text)));
  const { door } = await tryDoor(t, { way: { 80: port } });
  const word = fc.constantFrom(
    ...[
      'HTTP/1.1 ',
      '200 OK',
      '302 ',
      '\r\n',
      '\r\n\r\n',
      'content-length: ',
      'location: ',
      '0',
      '5',
      'ff',
      ': ',
    ],
    ...[
      'transfer-encoding: chunked',
      'content-encoding: ',
      'http://',
      'a.example',
      '/',
      'x',
      '\0',
      'ÿ',
      ';',
      '\n',
    ],
  );
  const words = fc.array(word, { maxLength: 30 }).map((list) => Buffer.from(list.join(''), 'latin1'));
  const headed = words.map((rest) => Buffer.concat([Buffer.from(OK), rest]));
  const bytes = fc.uint8Array({ maxLength: 200 }).map((list) => Buffer.from(list));
  await fc.assert(
    fc.asyncProperty(fc.oneof(words, headed, bytes), async (said) => {
      text = said;
      await outcome(door, get(URL_OF_IT));
    }),
    { numRuns: 500 },
  );
  text = Buffer.from(`${OK}content-length: 4\r\n\r\nbody`);
  t.equal(await outcome(door, get(URL_OF_IT)), 'body');
});
