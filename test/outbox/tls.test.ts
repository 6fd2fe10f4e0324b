import t from 'tap';
import type { DoorProblem } from '../../server/ports/door.ts';
import { CA, issue } from '../core/read/openssl.ts';
import { pem, startHttp, startHttps, startTcp, webServer } from '../support/servers.ts';
import { get, outcome, PUBLIC, problem, tryDoor } from './doors.ts';

/* With https the server is the one whose name was asked for, whatever address it has and whatever the environment says. */

const ca = issue({ subject: '/CN=Local CA', extensions: CA });
const otherCa = issue({ subject: '/CN=Other CA', extensions: CA });
const roots = [pem(ca)];

t.test('a server is the one that was asked for by its name, not by its address', async (t) => {
  const names: string[] = [];
  const port = await startHttps(
    t,
    webServer(ca, 'DNS:tsa.example'),
    ({ headers }, reply) => reply.end(headers.host),
    names,
  );
  const { door, dialled } = await tryDoor(t, { way: { 443: port }, ca: roots });
  t.equal(await outcome(door, get('https://tsa.example/')), 'tsa.example');
  t.equal(await outcome(door, get('https://TSA.example./')), 'tsa.example');
  t.strictSame(dialled, [`${PUBLIC} 443`, `${PUBLIC} 443`]);
  t.strictSame(names, ['tsa.example', 'tsa.example']);
});

t.test('an address in place of a name stands in the certificate as an address', async (t) => {
  const names: string[] = [];
  const right = await startHttps(t, webServer(ca, 'IP:127.0.0.1'), (_, reply) => reply.end('here'), names);
  const wrong = await startHttps(t, webServer(ca, 'DNS:127.0.0.1'), (_, reply) => reply.end('here'));
  const allow = [right, wrong].map((port) => ({ host: '127.0.0.1', port }));
  const { door } = await tryDoor(t, { allow, ca: roots });
  t.equal(await outcome(door, get(`https://127.0.0.1:${right}/`)), 'here');
  t.strictSame(names, ['false'], 'and is told to nobody as a name');
  t.equal(await problem(door, get(`https://127.0.0.1:${wrong}/`)), 'door-tls-failed');
});

const others: readonly (readonly [string, () => { certificate: string; key: string }])[] = [
  ['is for another name', () => webServer(ca, 'DNS:other.example')],
  ['is for a name below', () => webServer(ca, 'DNS:*.tsa.example')],
  ['is for the address that the name led to', () => webServer(ca, `IP:${PUBLIC}`)],
  ['is of another CA', () => webServer(otherCa, 'DNS:tsa.example')],
  ['is of nobody', () => webServer(undefined, 'DNS:tsa.example')],
  ['has expired', () => webServer(ca, 'DNS:tsa.example', -1)],
];
for (const [how, make] of others)
  t.test(`nothing is sent to a server whose certificate ${how}`, async (t) => {
    let requests = 0;
    const port = await startHttps(t, make(), (_, reply) => {
      requests++;
      reply.end();
    });
    const { door } = await tryDoor(t, { way: { 443: port }, ca: roots });
    const found = await outcome(door, get('https://tsa.example/'));
    t.match(found, { code: 'door-tls-failed', detail: { host: 'tsa.example' } });
    t.strictSame(
      Object.keys((found as DoorProblem).cause as object),
      [],
      'the log gets no whole certificate',
    );
    // Node warns, once, that it is set; the door does not obey.
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      t.equal(await problem(door, get('https://tsa.example/')), 'door-tls-failed');
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
    t.equal(requests, 0);
  });

t.test(
  'without roots of its own a door trusts those that the machine trusts, and not a local CA',
  async (t) => {
    const port = await startHttps(t, webServer(ca, 'DNS:tsa.example'), (_, reply) => reply.end());
    const { door } = await tryDoor(t, { way: { 443: port } });
    t.equal(await problem(door, get('https://tsa.example/')), 'door-tls-failed');
  },
);

t.test('a server that is no TLS server, hangs up or keeps silent is given up', async (t) => {
  const limits = { connectMs: 200 };
  const plain = await startHttp(t, (_, reply) => reply.end());
  const hangsUp = await startTcp(t, (socket) => socket.destroy());
  const silent = await startTcp(t, () => {});
  for (const port of [plain, hangsUp, silent]) {
    const { door } = await tryDoor(t, { way: { 443: port }, limits });
    t.equal(await problem(door, get('https://tsa.example/')), 'door-tls-failed');
  }
});
