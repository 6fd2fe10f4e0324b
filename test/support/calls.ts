import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { type Route, SAFE } from './every-route.ts';

/* Calls of routes by whoever it is, past the network. */

export interface Answer {
  readonly status: number;
  /** of a problem; empty where it is none */
  readonly code: string;
  readonly payload: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

export type Headers = Readonly<Record<string, string>>;
export type Call = (
  route: Pick<Route, 'method'>,
  path: string,
  headers: Headers,
  body?: string,
) => Promise<Answer>;

/** What is refused because this machine is slow is asked again. */
const TRIES = 20;
const WAIT_MS = 500;

/** Each call comes from an address of its own: of limits by address nothing is asked here. */
export function callsOf(app: FastifyInstance, host: string): Call {
  let address = 0;
  const next = () => `10.${(address >> 16) & 255}.${(address >> 8) & 255}.${address++ & 255}`;
  return async ({ method }, path, headers, body = '{}') => {
    const isSafe = SAFE.has(method);
    for (let tried = 0; ; tried++) {
      const {
        statusCode,
        payload,
        headers: told,
      } = await app.inject({
        ...{ method: method as 'GET', url: path, remoteAddress: next() },
        headers: { host, ...(!isSafe && { 'content-type': 'application/json' }), ...headers },
        ...(!isSafe && { payload: body }),
      });
      const code = codeOf(payload);
      if (code !== 'overloaded' || tried === TRIES)
        return { status: statusCode, code, payload, headers: told };
      await sleep(WAIT_MS);
    }
  };
}

function codeOf(payload: string): string {
  if (!payload.startsWith('{')) return '';
  try {
    return String((JSON.parse(payload) as { readonly code?: unknown }).code ?? '');
  } catch {
    return '';
  }
}

const AT_ONCE = 12;

export async function each<Of>(list: readonly Of[], work: (one: Of) => Promise<void>): Promise<void> {
  const waiting = [...list];
  const worker = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
