import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { openDoor } from '../../server/outbox/door.ts';
import { NXDOMAIN, SERVFAIL } from '../support/dns-server.ts';
import { startHttp, startTcp } from '../support/servers.ts';
import { get, outcome, PUBLIC, PUBLIC_6, problem, tryDoor } from './doors.ts';

/* Where a request goes, and where it never goes. */

t.test('a name is asked for once, and the connection goes to the address that was looked at', async (t) => {
  const hosts: (string | undefined)[] = [];
  const port = await startHttp(t, ({ headers, url }, reply) => {
    hosts.push(headers.host);
    reply.end(url);
  });
  const { door, dialled, asked } = await tryDoor(t, { way: { 80: port } });
  t.equal(await outcome(door, get('http://TSA.Example.cn./tsr?a=b#c')), '/tsr?a=b');
  t.strictSame(dialled, [`${PUBLIC} 80`]);
  t.strictSame(asked.toSorted(), ['tsa.example.cn A', 'tsa.example.cn AAAA']);
  t.strictSame(hosts, ['tsa.example.cn']);
});

t.test('a name that leads inside at its second answer is not followed there', async (t) => {
  const port = await startHttp(t, ({ url }, reply) => {
    if (url === '/') reply.writeHead(302, { location: '/again' });
    reply.end('here');
  });
  const { door, dialled } = await tryDoor(t, {
    zone: (_, type, count) => (type === 'AAAA' ? [] : [count === 0 ? PUBLIC : '127.0.0.1']),
    way: { 80: port },
  });
  t.equal(await problem(door, get('http://rebinding.example/')), 'door-redirect-refused');
  t.equal(await problem(door, get('http://rebinding.example/')), 'door-not-public');
  t.strictSame(dialled, [`${PUBLIC} 80`]);
});

const mixed: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['a private one beside a public one', [PUBLIC, '10.0.0.1'], []],
  ['a public one behind a private one', ['192.168.0.1', PUBLIC], []],
  ['loopback as IPv6 alone', [PUBLIC], ['::1']],
  ['a mapped address', [PUBLIC], [PUBLIC_6, '::ffff:a00:1']],
  ['the metadata of a cloud', [PUBLIC, '169.254.169.254'], [PUBLIC_6]],
  ['nothing but private ones', ['10.0.0.1'], ['fd00::1']],
];
for (const [how, a, aaaa] of mixed)
  t.test(`a name is not called at all when its addresses have ${how}`, async (t) => {
    const { door, dialled } = await tryDoor(t, { zone: (_, type) => (type === 'A' ? a : aaaa), way: {} });
    t.equal(await problem(door, get('http://mixed.example/')), 'door-not-public');
    t.strictSame(dialled, []);
  });

const refused: readonly (readonly [string, string])[] = [
  ['http://127.0.0.1/', 'door-not-public'],
  ['http://2130706433/', 'door-not-public'],
  ['http://0x7f.1/', 'door-not-public'],
  ['http://0177.0.0.01/', 'door-not-public'],
  ['http://127.1./', 'door-not-public'],
  ['http://①②⑦.⓪.⓪.①/', 'door-not-public'],
  ['http://%31%32%37.0.0.1/', 'door-not-public'],
  ['http://[::1]/', 'door-not-public'],
  ['http://[::ffff:169.254.169.254]/', 'door-not-public'],
  ['http://[64:ff9b::10.0.0.1]/', 'door-not-public'],
  ['http://localhost/', 'door-not-public'],
  ['http://a.localhost./', 'door-not-public'],
  ['http://0/', 'door-not-public'],
  ['http://[fe80::1%25eth0]/', 'door-address-malformed'],
  ['http://[fe80::1%eth0]/', 'door-address-malformed'],
  ['http://256.0.0.1/', 'door-address-malformed'],
  ['http://1.2.3.4.5/', 'door-address-malformed'],
  ['http://a..b/', 'door-address-malformed'],
  ['http://./', 'door-address-malformed'],
  ["http://a'b/", 'door-address-malformed'],
  [`http://${'a'.repeat(64)}.example/`, 'door-address-malformed'],
  [`http://${'a.'.repeat(127)}example/`, 'door-address-malformed'],
  [`http://a.example/${'a'.repeat(2_048)}`, 'door-address-malformed'],
  ['http://a.example/\n', 'door-address-malformed'],
  ['http://a.exa\tmple/', 'door-address-malformed'],
  [' http://a.example/', 'door-address-malformed'],
  ['http:\\\\a.example\\', 'door-address-malformed'],
  ['a.example', 'door-address-malformed'],
  ['', 'door-address-malformed'],
  ['file:///etc/passwd', 'door-scheme-refused'],
  ['ftp://a.example/', 'door-scheme-refused'],
  ['gopher://a.example/', 'door-scheme-refused'],
  ['ldap://a.example/', 'door-scheme-refused'],
  ['data:,x', 'door-scheme-refused'],
  ['javascript:1', 'door-scheme-refused'],
  ['unix:/run/docker.sock', 'door-scheme-refused'],
  ['http://user@a.example/', 'door-userinfo-refused'],
  ['http://:secret@a.example/', 'door-userinfo-refused'],
  ['http://a.example@127.0.0.1/', 'door-userinfo-refused'],
  ['http://a.example:22/', 'door-port-refused'],
  ['https://a.example:8443/', 'door-port-refused'],
  ['http://a.example:0/', 'door-port-refused'],
  ['http://127.0.0.1:6379/', 'door-port-refused'],
];
t.test('an address that nobody goes to is refused before anybody is asked or called', async (t) => {
  const { door, dialled, asked } = await tryDoor(t, { way: {} });
  for (const [url, code] of refused) t.equal(await problem(door, get(url)), code, url);
  t.strictSame(dialled, []);
  t.strictSame(asked, []);
});

t.test('port 443 is reached in the open too, and port 80', async (t) => {
  const port = await startHttp(t, ({ headers }, reply) => reply.end(headers.host));
  const { door, dialled } = await tryDoor(t, { way: { 80: port, 443: port } });
  t.equal(await outcome(door, get('http://a.example:443/')), 'a.example:443');
  t.equal(await outcome(door, get('http://a.example:80/')), 'a.example');
  t.strictSame(dialled, [`${PUBLIC} 443`, `${PUBLIC} 80`]);
});

t.test('a public address is reached as it is, IPv6 too', async (t) => {
  const port = await startHttp(t, ({ headers }, reply) => reply.end(headers.host));
  const { door, dialled, asked } = await tryDoor(t, { way: { 80: port } });
  t.equal(await outcome(door, get(`http://${PUBLIC}/`)), PUBLIC);
  t.equal(await outcome(door, get(`http://[${PUBLIC_6}]/`)), `[${PUBLIC_6}]`);
  t.strictSame(dialled, [`${PUBLIC} 80`, `${PUBLIC_6} 80`]);
  t.strictSame(asked, []);
});

t.test('what is listed is reached although it is not public, and nothing beside it', async (t) => {
  const port = await startHttp(t, (_, reply) => reply.end('inside'));
  const other = await startHttp(t, (_, reply) => reply.end('other'));
  const listed = ['tsa.internal', '127.0.0.1', 'localhost'];
  const { door } = await tryDoor(t, {
    zone: (_, type) => (type === 'A' ? ['127.0.0.1'] : []),
    allow: listed.map((host) => ({ host, port })),
  });
  for (const host of [...listed, 'TSA.internal.', '0x7f.1', '2130706433'])
    t.equal(await outcome(door, get(`http://${host}:${port}/`)), 'inside', host);
  t.equal(await problem(door, get(`http://tsa.internal:${other}/`)), 'door-port-refused');
  t.equal(await problem(door, get('http://tsa.internal/')), 'door-not-public');
  t.equal(await problem(door, get(`http://other.internal:${port}/`)), 'door-port-refused');
  t.equal(await problem(door, get(`http://x.tsa.internal:${port}/`)), 'door-port-refused');
  t.equal(await problem(door, get('http://127.0.0.1/')), 'door-not-public');
});

t.test('with nothing of its own given, a door finds listed names as the machine does', async (t) => {
  const port = await startHttp(t, (_, reply) => reply.end('inside'));
  const allow = ['no-such-name.invalid', '127.0.0.1', 'localhost'].map((host) => ({ host, port }));
  const door = openDoor({ allow, limits: { totalMs: 5_000 } });
  t.equal(await outcome(door, get(`http://127.0.0.1:${port}/`)), 'inside');
  t.equal(await outcome(door, get(`http://localhost:${port}/`)), 'inside');
  // Without a net nobody knows that there is no such name.
  t.match(await problem(door, get(`http://no-such-name.invalid:${port}/`)), /^door-(?:name-un|too-slow)/);
});

const answers: readonly (readonly [string, string, readonly string[] | number | undefined, string])[] = [
  ['does not exist', 'gone.example', NXDOMAIN, 'door-name-unknown'],
  ['has no address', 'empty.example', [], 'door-name-unknown'],
  ['is refused by its server', 'failing.example', SERVFAIL, 'door-name-unresolved'],
  ['is met with silence', 'silent.example', undefined, 'door-name-unresolved'],
];
for (const [how, name, answer, code] of answers)
  t.test(`a name that ${how} is ${code}`, async (t) => {
    const { door, dialled } = await tryDoor(t, { zone: () => answer, way: {} });
    t.equal(await problem(door, get(`http://${name}/`)), code);
    t.strictSame(dialled, []);
  });

t.test('a name of which half the answer fails is reached at the other half', async (t) => {
  const port = await startHttp(t, (_, reply) => reply.end('here'));
  const zone = (_: string, type: string) => (type === 'A' ? [PUBLIC] : SERVFAIL);
  const { door } = await tryDoor(t, { zone, way: { 80: port } });
  t.equal(await outcome(door, get('http://half.example/')), 'here');
});

t.test('addresses are tried one after the other, IPv4 first, and not more than four', async (t) => {
  const many = (_: string, type: string) =>
    type === 'A' ? ['8.0.0.1', '8.0.0.2'] : [1, 2, 3, 4].map((n) => `2400::${n}`);
  const { door, dialled } = await tryDoor(t, { zone: many, way: { 80: 1 } });
  t.equal(await problem(door, get('http://many.example/')), 'door-unreachable');
  t.equal(dialled.length, 4);
  t.match(dialled.slice(0, 2).toSorted(), ['8.0.0.1 80', '8.0.0.2 80']);
  t.ok(dialled.slice(2).every((one) => one.startsWith('2400::')));
});

t.test('where one address is dead another one answers', async (t) => {
  const port = await startHttp(t, (_, reply) => reply.end('here'));
  const dialled: string[] = [];
  const door = openDoor({
    allow: [],
    resolve: async () => [PUBLIC, PUBLIC_6],
    limits: { connectMs: 100 },
    dial: (address) => {
      dialled.push(address);
      // A socket that nobody connects stands for a packet that nobody answers.
      return address === PUBLIC ? new Socket() : new Socket().connect(port, '127.0.0.1');
    },
  });
  t.equal(await outcome(door, get('http://a.example/')), 'here');
  t.strictSame(dialled, [PUBLIC, PUBLIC_6]);
});

t.test('what a resolver says is believed only where it is an address', async (t) => {
  for (const wrong of ['localhost', '', '1.2.3', 'fe80::1%lo']) {
    const door = openDoor({ allow: [], resolve: async () => [PUBLIC, wrong] });
    t.equal(await problem(door, get('http://a.example/')), 'door-not-public', wrong);
  }
  const door = openDoor({ allow: [{ host: 'a', port: 80 }], resolve: async () => ['localhost'] });
  t.equal(await problem(door, get('http://a/')), 'door-unreachable', 'nothing is resolved behind our back');
});

t.test('no two requests share a connection', async (t) => {
  let connections = 0;
  const port = await startHttp(t, (_, reply) => reply.end('here'));
  const counting = await startTcp(t, (socket) => {
    connections++;
    const onward = new Socket().connect(port, '127.0.0.1');
    socket.pipe(onward).pipe(socket);
  });
  const { door } = await tryDoor(t, { way: { 80: counting } });
  for (let i = 1; i <= 3; i++) {
    t.equal(await outcome(door, get('http://a.example/')), 'here');
    t.equal(connections, i);
  }
});

const DOOR = join(import.meta.dirname, '..', '..', 'server', 'outbox', 'door.ts');
t.test('a proxy that the environment names is not asked', async (t) => {
  let asked = 0;
  const proxy = await startHttp(t, (_, reply) => {
    asked++;
    reply.end('proxy');
  });
  const port = await startHttp(t, (_, reply) => reply.end('here'));
  const program = `
    const { openDoor } = await import(${JSON.stringify(DOOR)});
    const door = openDoor({ allow: [{ host: '127.0.0.1', port: ${port} }] });
    const { body } = await door.ask({ url: 'http://127.0.0.1:${port}/', method: 'GET', maxBytes: 10 });
    process.stdout.write(body);
    // That it is named indeed: what goes by Node's own way reaches it.
    const { get } = await import('node:http');
    get('http://127.0.0.1:${port}/', (answer) => answer.on('data', (text) => process.stdout.write(', ' + text)));`;
  const address = `http://127.0.0.1:${proxy}`;
  const env = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: address, http_proxy: address, ALL_PROXY: address };
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { env });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  await new Promise((ended) => child.on('close', ended));
  t.equal(said, 'here, proxy');
  t.equal(asked, 1);
});

t.test('a door that is closed ends what is under way and opens no more', async (t) => {
  let arrived = () => {};
  const arrival = new Promise<void>((resolve) => (arrived = resolve));
  const port = await startHttp(t, () => arrived());
  const { door, dialled, asked } = await tryDoor(t, { way: { 80: port } });
  const waiting = problem(door, get('http://a.example/'));
  await arrival;
  door.close();
  t.equal(await waiting, 'door-stopped');
  const before = [dialled.length, asked.length];
  t.equal(await problem(door, get('http://a.example/')), 'door-stopped');
  t.equal(await problem(door, get(`http://${PUBLIC}/`)), 'door-stopped');
  t.strictSame([dialled.length, asked.length], before);
});

t.test('whoever asked can stop asking, at every step', async (t) => {
  const port = await startHttp(t, (_, reply) => void reply.write('x'));
  const silentDns = await tryDoor(t, { zone: () => undefined });
  const silentServer = await tryDoor(t, { way: { 80: port } });
  const deadAddress = openDoor({ allow: [], dial: () => new Socket() });
  const steps = [
    [silentDns.door, 'http://a.example/'],
    [deadAddress, `http://${PUBLIC}/`],
    [deadAddress, `https://${PUBLIC}/`],
    [silentServer.door, 'http://a.example/'],
  ] as const;
  for (const [door, url] of steps) {
    const stop = new AbortController();
    const waiting = problem(door, get(url, { signal: stop.signal }));
    setTimeout(() => stop.abort(), 50);
    t.equal(await waiting, 'door-stopped');
    t.equal(await problem(door, get(url, { signal: stop.signal })), 'door-stopped');
  }
});
