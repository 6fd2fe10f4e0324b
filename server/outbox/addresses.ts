import { isIP } from 'node:net';

/*
 * Which addresses lie on the public Internet and belong to one machine. Everything that one of IANA's registries of
 * special purposes names is none of them, and what leads to other addresses inside (mapped, translated, tunnelled)
 * is none either: behind 64:ff9b::7f00:1 may stand 127.0.0.1. The few exceptions that the registries make are refused
 * too: they are no web servers.
 */

interface Network {
  readonly bits: bigint;
  readonly length: number;
  readonly what: string;
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast. */
const NOT_PUBLIC_4 = networks(32, [
  ['0.0.0.0/8', 'this network, RFC 791'],
  ['10.0.0.0/8', 'private, RFC 1918'],
  ['100.64.0.0/10', 'shared address space of carriers, RFC 6598'],
  ['127.0.0.0/8', 'loopback, RFC 1122'],
  ['169.254.0.0/16', 'link-local, RFC 3927'],
  ['172.16.0.0/12', 'private, RFC 1918'],
  ['192.0.0.0/24', 'IETF protocol assignments, RFC 6890'],
  ['192.0.2.0/24', 'documentation, RFC 5737'],
  ['192.31.196.0/24', 'AS112, RFC 7535'],
  ['192.52.193.0/24', 'automatic multicast tunnelling, RFC 7450'],
  ['192.88.99.0/24', '6to4 relays, RFC 7526'],
  ['192.168.0.0/16', 'private, RFC 1918'],
  ['192.175.48.0/24', 'AS112, RFC 7534'],
  ['198.18.0.0/15', 'benchmarking, RFC 2544'],
  ['198.51.100.0/24', 'documentation, RFC 5737'],
  ['203.0.113.0/24', 'documentation, RFC 5737'],
  ['224.0.0.0/4', 'multicast, RFC 5771'],
  ['240.0.0.0/4', 'reserved and broadcast, RFC 1112, RFC 919'],
]);

/** Only 2000::/3 is given out for global unicast (RFC 4291 §2.4); the rest is refused without asking what it is. */
const GLOBAL_UNICAST_6 = networks(128, [['2000::/3', 'global unicast']]);

/** https://www.iana.org/assignments/iana-ipv6-special-registry, as far as it lies within global unicast. */
const NOT_PUBLIC_6 = networks(128, [
  ['2001::/23', 'IETF protocol assignments: Teredo, ORCHID, benchmarking, RFC 2928'],
  ['2001:db8::/32', 'documentation, RFC 3849'],
  ['2002::/16', '6to4, RFC 3056'],
  ['2620:4f:8000::/48', 'AS112, RFC 7534'],
  ['3ffe::/16', '6bone, given back, RFC 3701'],
  ['3fff::/20', 'documentation, RFC 9637'],
]);

/** Why an address, as DNS and URLs have it without brackets, is not reached; undefined where it may be. */
export function whyNotPublic(address: string): string | undefined {
  const bits = bitsOf(address);
  if (bits === undefined) return 'not an address';
  if (isIP(address) === 4) return within(bits, 32, NOT_PUBLIC_4)?.what;
  if (within(bits, 128, GLOBAL_UNICAST_6) === undefined) return 'outside of 2000::/3';
  return within(bits, 128, NOT_PUBLIC_6)?.what;
}

const within = (bits: bigint, size: number, list: readonly Network[]): Network | undefined =>
  list.find((one) => (bits ^ one.bits) >> BigInt(size - one.length) === 0n);

function networks(size: number, list: readonly (readonly [string, string])[]): readonly Network[] {
  return list.map(([network, what]) => {
    const [address, length] = network.split('/') as [string, string];
    const bits = bitsOf(address)!;
    if (bits & ((1n << BigInt(size - Number(length))) - 1n)) throw new Error(`${network} has bits of a host`);
    return { bits, length: Number(length), what };
  });
}

/** A zone (fe80::1%eth0) makes it an address of one interface of one machine, which no answer from outside may name. */
function bitsOf(address: string): bigint | undefined {
  if (isIP(address) === 0 || address.includes('%')) return undefined;
  if (isIP(address) === 4) return joined(address.split('.').map(Number), 8n);
  // URL writes each spelling of RFC 4291 §2.2 in one way: hex groups only, the longest run of zeros as ::.
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const [before, after] = [groupsOf(head), groupsOf(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  return joined([...before, ...Array<number>(zeros).fill(0), ...after], 16n);
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function joined(parts: readonly number[], width: bigint): bigint {
  return parts.reduce((bits, part) => (bits << width) | BigInt(part), 0n);
}
