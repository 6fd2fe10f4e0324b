import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { whyNotPublic } from '../../server/outbox/addresses.ts';
import { placeOf } from '../../server/outbox/place.ts';
import { whyNoPython } from '../support/python.ts';

/*
 * The registries once more, by another hand: Python's ipaddress.is_global. Its versions differ in what they know, so
 * we may refuse more than it does, each time for a reason that stands here; what it refuses, we refuse without
 * exception.
 */

const needsPython = { skip: whyNoPython() };

const PROGRAM = `
import ipaddress, sys
for line in sys.stdin:
    print(int(ipaddress.ip_address(line.strip()).is_global))
`;

function isGlobal(addresses: readonly string[]): boolean[] {
  const run = spawnSync('python3', ['-B', '-c', PROGRAM], { input: addresses.join('\n'), encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout
    .trim()
    .split('\n')
    .map((line) => line === '1');
}

/** What we refuse and some Python calls global, by what `whyNotPublic` says of it. */
const STRICTER: Readonly<Record<string, string>> = {
  'multicast, RFC 5771': 'global means routed there, not one machine',
  'AS112, RFC 7535': 'routed, but answers nothing but reverse look-ups of private addresses',
  'AS112, RFC 7534': 'likewise',
  'automatic multicast tunnelling, RFC 7450': 'a tunnel to other addresses',
  '6to4 relays, RFC 7526': 'deprecated, a tunnel to other addresses',
  'IETF protocol assignments, RFC 6890':
    'newer ones know 192.0.0.9 and .10: anycast of PCP and TURN, no servers',
  'outside of 2000::/3':
    'reserved, multicast, site-local, translation: nothing of it was given out to machines',
  'IETF protocol assignments: Teredo, ORCHID, benchmarking, RFC 2928': 'anycast, identifiers and tunnels',
  '6to4, RFC 3056': 'a tunnel to the IPv4 address that stands in it',
  '6bone, given back, RFC 3701': 'nobody has it',
  'documentation, RFC 9637': 'younger than most versions of Python',
};

const dotted = (n: number): string => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join('.');
const groups = (bits: bigint): string =>
  Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');

/** Both ends of every network that any registry has, and their neighbours, since errors of masks live there. */
const NETWORKS =
  `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.8/30
  192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15
  198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32`.split(/\s+/);
const EDGES_4 = NETWORKS.flatMap((network) => {
  const [address, length] = network.split('/') as [string, string];
  const first = address.split('.').reduce((n, part) => n * 256 + Number(part), 0);
  const last = first + 2 ** (32 - Number(length)) - 1;
  return [first - 1, first, first + 1, last - 1, last, last + 1].map((n) => dotted(n >>> 0));
});
const NETWORKS_6: readonly (readonly [bigint, number])[] = [
  ...([
    [0n, 128],
    [1n, 128],
    [0n, 96],
    [0xffffn << 32n, 96],
    [0xffffn << 48n, 96],
  ] as const),
  ...([
    [0x64ff9bn << 96n, 96],
    [0x64ff9b0001n << 80n, 48],
    [0x100n << 112n, 64],
    [0x2000n << 112n, 3],
  ] as const),
  ...([
    [0x2001n << 112n, 23],
    [0x2001n << 112n, 32],
    [0x20010002n << 96n, 48],
    [0x20010db8n << 96n, 32],
  ] as const),
  ...([
    [0x2002n << 112n, 16],
    [0x2620004f8000n << 80n, 48],
    [0x3ffen << 112n, 16],
    [0x3fffn << 112n, 20],
  ] as const),
  ...([
    [0x5f00n << 112n, 16],
    [0xfc00n << 112n, 7],
    [0xfe80n << 112n, 10],
    [0xfec0n << 112n, 10],
  ] as const),
  ...([
    [0xff00n << 112n, 8],
    [0x20010010n << 96n, 28],
    [0x20010020n << 96n, 28],
  ] as const),
];
const EDGES_6 = NETWORKS_6.flatMap(([first, length]) => {
  const last = first + (1n << BigInt(128 - length)) - 1n;
  return [first - 1n, first, first + 1n, last - 1n, last, last + 1n].map((n) =>
    groups(BigInt.asUintN(128, n)),
  );
});
/** Addresses of machines that must be reachable, or nothing works. */
const PUBLIC = ['1.1.1.1', '8.8.8.8', '114.114.114.114', '223.5.5.5', '2400:3200::1', '2606:4700:4700::1111'];

const sample4 = fc.sample(fc.integer({ min: 0, max: 0xffffffff }), 20_000).map(dotted);
const sample6 = [
  ...fc.sample(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), 10_000),
  ...fc.sample(fc.bigInt({ min: 0x2000n << 112n, max: 0x4000n << 112n }), 10_000),
].map(groups);

t.test(
  'no address is reached that Python does not call global, and what more is refused has a reason',
  needsPython,
  async (t) => {
    const addresses = [...EDGES_4, ...EDGES_6, ...PUBLIC, ...sample4, ...sample6];
    const global = isGlobal(addresses);
    t.equal(global.length, addresses.length);
    const reached = addresses.filter((address) => whyNotPublic(address) === undefined);
    t.ok(reached.length > addresses.length / 3, 'most of the world');
    addresses.forEach((address, i) => {
      const why = whyNotPublic(address);
      if (why === undefined && !global[i]) t.fail(`${address} is reached`);
      if (why !== undefined && global[i] && !(why in STRICTER)) t.fail(`${address} is refused: ${why}`);
    });
  },
);

t.test('servers of the Internet are reached', async (t) => {
  for (const address of PUBLIC) t.equal(whyNotPublic(address), undefined, address);
});

const inside: readonly (readonly [string, string])[] = [
  ['unspecified', '0.0.0.0 ::'],
  ['loopback', '127.0.0.1 127.255.255.254 ::1'],
  ['private', '10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 fc00::1 fd12::1'],
  ['of a carrier', '100.64.0.1 100.127.255.255'],
  ['link-local, with the metadata of clouds', '169.254.169.254 fe80::1 fe80::1%eth0'],
  ['site-local', 'fec0::1'],
  ['IPv4 mapped, compatible or translated', '::ffff:127.0.0.1 ::ffff:8.8.8.8 ::7f00:1 ::ffff:0:7f00:1'],
  ['behind NAT64', '64:ff9b::7f00:1 64:ff9b::8.8.8.8 64:ff9b:1::7f00:1'],
  ['tunnelled by 6to4 or Teredo', '2002:7f00:1::1 2001:0:7f00:1::1'],
  ['documentation', '192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1'],
  ['benchmarking', '198.18.0.1 198.19.255.255 2001:2::1'],
  ['multicast or broadcast', '224.0.0.1 239.255.255.255 255.255.255.255 ff02::1'],
  ['reserved', '240.0.0.1 4000::1 5f00::1 e000::1 100::1'],
  ['none at all', 'localhost 1.2.3 0x7f.0.0.1 010.0.0.1 :::1'],
];
for (const [what, addresses] of inside)
  t.test(`no address is reached that is ${what}`, async (t) => {
    for (const address of [...addresses.split(' '), ...(what === 'none at all' ? [''] : [])])
      t.type(whyNotPublic(address), 'string', address);
  });

/** The ways in which URL parsers let an IPv4 address be written (WHATWG URL, IPv4 parser), and some of Unicode. */
const spellings: readonly ((n: number) => string)[] = [
  (n) => String(n),
  (n) => `0x${n.toString(16)}`,
  (n) => `0${n.toString(8)}`,
  (n) =>
    dotted(n)
      .split('.')
      .map((part) => `0${Number(part).toString(8)}`)
      .join('.'),
  (n) =>
    dotted(n)
      .split('.')
      .map((part) => `0X${Number(part).toString(16)}`)
      .join('.'),
  (n) => `${n >>> 24}.${n & 0xffffff}`,
  (n) => `${n >>> 24}.0x${((n >>> 16) & 255).toString(16)}.${n & 0xffff}`,
  (n) => `${dotted(n)}.`,
  (n) => dotted(n).replaceAll('.', '。'),
  (n) => dotted(n).replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  (n) => dotted(n).replaceAll('.', '%2E'),
  (n) => dotted(n).replaceAll(/\d/g, (digit) => `%3${digit}`),
];

t.test('an IPv4 address is the same one in every spelling', async (t) => {
  const address = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(address, fc.constantFrom(...spellings), (n, spell) => {
      t.equal(placeOf(`http://${spell(n)}/`, []).host, dotted(n));
    }),
    { numRuns: 2_000 },
  );
  for (const spell of spellings) t.equal(placeOf(`http://${spell(0x7f000001)}/`, []).host, '127.0.0.1');
});

/** RFC 4291 §2.2: with zeros before, in capitals, compressed anywhere, with the last 32 bits dotted. */
function spelling6(bits: bigint, at: number, kind: number): string {
  const parts = groups(bits).split(':');
  if (kind === 1) return parts.map((part) => part.padStart(4, '0').toUpperCase()).join(':');
  if (kind === 2) return [...parts.slice(0, 6), dotted(Number(bits & 0xffffffffn))].join(':');
  const zeros = parts.findIndex((part, i) => i >= at && part === '0');
  if (kind === 3 && zeros >= 0)
    return `${parts.slice(0, zeros).join(':')}::${parts.slice(zeros + 1).join(':')}`;
  return parts.join(':');
}

t.test('an IPv6 address gets the same verdict in every spelling', async (t) => {
  const sparse = fc
    .array(fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 0xffffn })), { minLength: 7, maxLength: 7 })
    .chain((rest) =>
      fc
        .constantFrom(0n, 0x64n, 0x2001n, 0x2002n, 0x2400n, 0x3fffn, 0xfd00n, 0xfe80n)
        .map((first) => [first, ...rest].reduce((bits, group) => (bits << 16n) | group, 0n)),
    );
  fc.assert(
    fc.property(sparse, fc.nat(7), fc.nat(3), (bits, at, kind) => {
      const spelt = spelling6(bits, at, kind);
      t.equal(whyNotPublic(spelt), whyNotPublic(groups(bits)), spelt);
      t.equal(whyNotPublic(placeOf(`http://[${spelt}]/`, []).host), whyNotPublic(groups(bits)), spelt);
    }),
    { numRuns: 2_000 },
  );
});
