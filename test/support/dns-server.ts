import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import type { Test } from 'tap';

/* A real server of the DNS over UDP on loopback, as small as it can be: it answers what a test tells it to, as often. */

export type DnsType = 'A' | 'AAAA';

/** Addresses; `count`: how many times this name and type was asked before. A number is an RCODE, undefined is silence. */
export type Zone = (name: string, type: DnsType, count: number) => readonly string[] | number | undefined;

export interface DnsServer {
  /** For a resolver's list of servers. */
  readonly address: string;
  /** Every question that came, in order: `name type`. */
  readonly asked: string[];
}

const TYPES: Readonly<Record<number, DnsType>> = { 1: 'A', 28: 'AAAA' };
export const SERVFAIL = 2;
export const NXDOMAIN = 3;

export async function startDns(t: Test, zone: Zone): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, from) => {
    const { name, type, end } = questionOf(query);
    const key = `${name} ${TYPES[type]}`;
    const count = asked.filter((one) => one === key).length;
    asked.push(key);
    const said = TYPES[type] ? zone(name, TYPES[type], count) : [];
    if (said === undefined) return;
    const [code, addresses] = typeof said === 'number' ? [said, []] : [0, said];
    // RFC 1035 §4.1.1: an answer, recursion available, and its counts.
    const head = Buffer.from([0x81, 0x80 | code, 0, 1, 0, addresses.length, 0, 0, 0, 0]);
    const records = addresses.map((address) => recordOf(type, address));
    socket.send(
      Buffer.concat([query.subarray(0, 2), head, query.subarray(12, end), ...records]),
      from.port,
      from.address,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, asked };
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** The name is that of the question (a pointer to it, RFC 1035 §4.1.4); nobody may keep it. */
function recordOf(type: number, address: string): Buffer {
  const data = isIP(address) === 4 ? Buffer.from(address.split('.').map(Number)) : bytes6(address);
  return Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]), data]);
}

function bytes6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const zeros = Array<string>(8 - groups(head).length - groups(tail).length).fill('0');
  const all = [...groups(head), ...zeros, ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
