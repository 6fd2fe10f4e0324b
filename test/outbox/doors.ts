import { connect } from 'node:net';
import type { Test } from 'tap';
import { type DoorLimits, openDoor } from '../../server/outbox/door.ts';
import { openResolver } from '../../server/outbox/resolve.ts';
import { type Destination, type Door, DoorProblem, type DoorRequest } from '../../server/ports/door.ts';
import { startDns, type Zone } from '../support/dns-server.ts';

/** A public address, as far as the door can know; what is dialled there, a test's `way` leads to loopback. */
export const PUBLIC = '93.184.216.34';
export const PUBLIC_6 = '2606:2800:220:1::1';

export interface Tried {
  readonly door: Door;
  /** Every connection that was begun: `address port`. */
  readonly dialled: string[];
  /** Every question to the DNS. */
  readonly asked: string[];
}

export interface Setting {
  /** By default every name leads to the public address. */
  readonly zone?: Zone;
  /** Ports of loopback behind the ports that are dialled; without it the door dials by itself. */
  readonly way?: Readonly<Record<number, number>>;
  readonly allow?: readonly Destination[];
  readonly limits?: Partial<DoorLimits>;
  readonly ca?: readonly string[];
}

const EVERYTHING_PUBLIC: Zone = (_, type) => (type === 'A' ? [PUBLIC] : []);

/** A door that asks a DNS server of the test's own; whose connections to the world end on loopback. */
export async function tryDoor(t: Test, setting: Setting = {}): Promise<Tried> {
  const { zone = EVERYTHING_PUBLIC, way, allow = [], limits = {}, ca } = setting;
  const dns = await startDns(t, zone);
  const dialled: string[] = [];
  const dial = (address: string, port: number) => {
    dialled.push(`${address} ${port}`);
    return connect({ host: '127.0.0.1', port: way?.[port] ?? 1 });
  };
  const door = openDoor({
    allow,
    limits,
    resolve: openResolver({ servers: [dns.address], timeoutMs: 200 }),
    ...(way && { dial }),
    ...(ca && { ca }),
  });
  t.teardown(() => door.close());
  return { door, dialled, asked: dns.asked };
}

export const get = (url: string, more: Partial<DoorRequest> = {}): DoorRequest => ({
  url,
  method: 'GET',
  maxBytes: 1_000,
  ...more,
});

/** The body of the answer as text, or the problem. Any other error is a bug and passes through. */
export async function outcome(door: Door, request: DoorRequest): Promise<string | DoorProblem> {
  try {
    return Buffer.from((await door.ask(request)).body).toString('latin1');
  } catch (error) {
    if (error instanceof DoorProblem) return error;
    throw error;
  }
}

/** The code of the problem, which there must be. */
export async function problem(door: Door, request: DoorRequest): Promise<string> {
  const found = await outcome(door, request);
  return typeof found === 'string' ? `an answer: ${found}` : found.code;
}

/** What is told of it to whoever named the address. */
export const told = (found: string | DoorProblem): string =>
  typeof found === 'string' ? found : `${found.message} ${JSON.stringify(found.detail)}`;
