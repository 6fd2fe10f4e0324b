import { buffer } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { DoorProblem } from '../../server/ports/door.ts';
import { CA, issue } from '../core/read/openssl.ts';
import { pem, startHttp, startHttps, webServer } from '../support/servers.ts';
import { get, outcome, PUBLIC, problem, told, tryDoor } from './doors.ts';

/* Every redirect goes the whole way again, and takes nothing along that was meant for the first alone. */

const ca = issue({ subject: '/CN=Local CA', extensions: CA });
const server = webServer(ca, 'DNS:a.example');
const INSIDE = /^(?:inside|.*\.inside\.example)$/;
const zone = (name: string, type: string) =>
  type === 'AAAA' ? [] : [INSIDE.test(name) ? '10.0.0.1' : PUBLIC];

const targets: readonly (readonly [string, string | undefined])[] = [
  ['to loopback', 'http://127.0.0.1/'],
  ['to loopback in another spelling', 'http://0x7f000001/'],
  ['to loopback as IPv6', 'http://[::1]/'],
  ['to the metadata of a cloud', 'http://169.254.169.254/latest/meta-data/'],
  ['to a name that leads inside', 'http://db.inside.example/'],
  ['to a name that leads inside, without its scheme', '//db.inside.example/'],
  ['to a file', 'file:///etc/passwd'],
  ['to another protocol', 'ftp://a.example/'],
  ['to a script', 'javascript:alert(1)'],
  ['to data', 'data:application/timestamp-reply,x'],
  ['to another port', 'http://a.example:6379/'],
  ['with a password', 'http://user:secret@a.example/'],
  ['to a zone', 'http://[fe80::1%25lo]/'],
  ['to what is no address', 'http://a..b/'],
  ['to an address with a space', '/a b'],
  ['to an address without end', `/${'a'.repeat(3_000)}`],
  ['nowhere', ''],
  ['without saying where', undefined],
];
for (const [how, location] of targets)
  t.test(`a redirect ${how} is not followed, and only the operator hears where it led`, async (t) => {
    const port = await startHttp(t, (_, reply) => {
      reply.writeHead(302, location === undefined ? {} : { location });
      reply.end();
    });
    const { door, dialled } = await tryDoor(t, { zone, way: { 80: port } });
    const found = await outcome(door, get('http://first.example/'));
    t.match(found, { code: 'door-redirect-refused', detail: { host: 'first.example' } });
    t.ok((found as DoorProblem).cause instanceof DoorProblem, 'for the log');
    t.equal(told(found), 'door-redirect-refused {"host":"first.example"} {"host":"first.example"}');
    t.strictSame(dialled, [`${PUBLIC} 80`]);
  });

t.test('three redirects are followed, a fourth is not, nor a loop', async (t) => {
  const port = await startHttp(t, ({ url }, reply) => {
    const left = Number(url!.slice(1));
    if (left > 0) reply.writeHead(302, { location: String(left - 1) });
    reply.end(`${left} left`);
  });
  const { door, dialled } = await tryDoor(t, { way: { 80: port } });
  t.equal(await outcome(door, get('http://a.example/3')), '0 left');
  t.equal(dialled.splice(0).length, 4);
  t.equal(await problem(door, get('http://a.example/4')), 'door-redirects-too-many');
  t.equal(dialled.splice(0).length, 4);
  t.equal(await problem(door, get('http://a.example/99', { redirects: 50 })), 'door-redirects-too-many');
  t.equal(dialled.splice(0).length, 4);
  t.equal(await problem(door, get('http://a.example/1', { redirects: 0 })), 'door-redirects-too-many');
  t.equal(dialled.length, 1);
});

t.test('from http to https is a way, and back is none', async (t) => {
  const plain = await startHttp(t, ({ headers }, reply) => {
    reply.writeHead(301, { location: `https://${headers.host}/` });
    reply.end();
  });
  const secure = await startHttps(t, server, ({ url }, reply) => {
    if (url !== '/') reply.writeHead(302, { location: `http://other.example${url}` });
    reply.end('safe');
  });
  const { door, dialled } = await tryDoor(t, { way: { 80: plain, 443: secure }, ca: [pem(ca)] });
  t.equal(await outcome(door, get('http://a.example/')), 'safe');
  t.strictSame(dialled.splice(0), [`${PUBLIC} 80`, `${PUBLIC} 443`]);
  t.equal(await problem(door, get('https://a.example/down')), 'door-redirect-refused');
  t.strictSame(dialled, [`${PUBLIC} 443`]);
});

t.test('a problem on the way that a redirect led to is told under the name that was asked', async (t) => {
  const port = await startHttp(t, ({ url }, reply) => {
    if (url === '/') reply.writeHead(302, { location: 'http://second.example/2' });
    reply.end('too long an answer');
  });
  const { door } = await tryDoor(t, { way: { 80: port } });
  const found = await outcome(door, get('http://first.example/', { maxBytes: 5 }));
  t.match(found, { code: 'door-answer-too-large', detail: { host: 'first.example' } });
  t.notMatch(told(found), 'second');
});

interface Arrived {
  readonly method: string | undefined;
  readonly body: string;
  readonly headers: readonly string[];
}

/** Where a POST with everything that may be in it arrives after a redirect of this status. */
async function afterRedirect(t: Test, status: number, method: 'GET' | 'POST'): Promise<Arrived> {
  let arrived: Arrived | undefined;
  const port = await startHttp(t, async (request, reply) => {
    const body = (await buffer(request)).toString();
    if (request.url === '/') reply.writeHead(status, { location: 'http://b.example/there' });
    else arrived = { method: request.method, body, headers: Object.keys(request.headers).toSorted() };
    reply.end();
  });
  const { door } = await tryDoor(t, { way: { 80: port } });
  const headers = {
    ...{ accept: 'text/x', 'content-type': 'text/y', authorization: 'Bearer secret', cookie: 'a=b' },
    ...{ 'x-signature': 'z', 'proxy-authorization': 'Basic x' },
  };
  const body = method === 'POST' ? { body: Buffer.from('the body') } : {};
  await outcome(door, { ...get('http://a.example/'), method, headers, ...body });
  return arrived!;
}

const ALWAYS = ['accept-encoding', 'connection', 'host', 'user-agent'];
for (const status of [301, 302, 307, 308])
  t.test(`after a ${status} a query stays a query, without credentials`, async (t) => {
    const headers = [...ALWAYS, 'accept', 'content-length', 'content-type'].toSorted();
    t.strictSame(await afterRedirect(t, status, 'POST'), { method: 'POST', body: 'the body', headers });
  });

t.test('after a 303 there is a GET without a body', async (t) => {
  const headers = [...ALWAYS, 'accept'].toSorted();
  t.strictSame(await afterRedirect(t, 303, 'POST'), { method: 'GET', body: '', headers });
  t.strictSame(await afterRedirect(t, 303, 'GET'), { method: 'GET', body: '', headers });
});

t.test('a status that only looks like a redirect is an answer', async (t) => {
  for (const status of [300, 304, 305, 306]) {
    const port = await startHttp(t, (_, reply) => {
      reply.writeHead(status, { location: '/elsewhere' });
      reply.end();
    });
    const { door, dialled } = await tryDoor(t, { way: { 80: port } });
    t.match(await door.ask(get('http://a.example/')), { status });
    t.equal(await problem(door, get('http://a.example/', { expects: {} })), 'door-status-unexpected');
    t.equal(dialled.length, 2);
  }
});
