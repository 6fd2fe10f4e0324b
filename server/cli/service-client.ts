import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import { printable, UsageError } from './usage.ts';

/* What a command asks of a service, by the interface that every depositor's program has, with a key. */

export interface ServiceClient {
  readonly url: string;
  /**
   * Asks again while the service is away or busy, a minute long; what it asks must be harmless to ask twice. Throws
   * ServiceAway afterwards, ServiceRefused where the answer is none of `statuses`.
   */
  ask(request: ServiceRequest, statuses: readonly number[]): Promise<ServiceAnswer>;
  /** As `ask`, but once. */
  askOnce(request: ServiceRequest, statuses: readonly number[]): Promise<ServiceAnswer>;
}

export interface ServiceRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** at most one of these */
  readonly body?: string;
  readonly json?: unknown;
  /** read while it is sent, however long that takes */
  readonly form?: FormData;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  /** the stable code of a problem (RFC 9457) */
  readonly code: string | undefined;
  /** what it says of when to ask again */
  readonly retryAfterSeconds: number | undefined;
}

/** Nobody answered, or somebody who is busy: later it may go on. */
export class ServiceAway extends Error {}

/** It answered no, or what cannot be believed. */
export class ServiceRefused extends Error {
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

const TIMEOUT_MS = 30_000;
/** More than any answer that a command asks for. */
const MAX_ANSWER = 2 * 1024 * 1024;
const BUSY = new Set([429, 502, 503, 504]);
/** Seconds before the next try. */
const PAUSES = [1, 2, 5, 10, 20, 30];
/** Whatever a service asks for: a person waits before the screen. */
const LONGEST_PAUSE = 120;

/** A key travels to this address and to no other; a UsageError where it is none. */
export function createClient(address: string, key: string, onTrouble: (text: string) => void): ServiceClient {
  const url = checkedAddress(address);

  async function send({ method, path, headers, body, json, form }: ServiceRequest): Promise<ServiceAnswer> {
    const sent = form ?? (json === undefined ? body : JSON.stringify(json));
    try {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(json !== undefined && { 'content-type': 'application/json' }),
          ...headers,
          authorization: `Bearer ${key}`,
        },
        ...(sent !== undefined && { body: sent }),
        redirect: 'manual',
        ...(form === undefined && { signal: AbortSignal.timeout(TIMEOUT_MS) }),
      });
      const bytes = await readLimited(answer);
      return {
        status: answer.status,
        body: bytes,
        code: codeIn(bytes),
        retryAfterSeconds: seconds(answer.headers.get('retry-after')),
      };
    } catch (error) {
      throw error instanceof ServiceRefused ? error : new ServiceAway(`${url}: ${why(error)}`);
    }
  }

  async function askOnce(request: ServiceRequest, statuses: readonly number[]): Promise<ServiceAnswer> {
    const answer = await send(request);
    if (statuses.includes(answer.status)) return answer;
    if (BUSY.has(answer.status)) throw new Busy(`${url}: ${saidIn(answer)}`, answer.retryAfterSeconds ?? 0);
    throw new ServiceRefused(`${url}: ${saidIn(answer)}`, answer.code);
  }

  return {
    url,
    askOnce,
    async ask(request, statuses) {
      for (let attempt = 0; ; attempt++) {
        try {
          return await askOnce(request, statuses);
        } catch (error) {
          const pause = PAUSES[attempt];
          if (!(error instanceof ServiceAway) || pause === undefined) throw error;
          const asked = error instanceof Busy ? error.retryAfterSeconds : 0;
          const wait = Math.min(Math.max(pause, asked), LONGEST_PAUSE);
          onTrouble(`${error.message}；${wait} 秒后再试 / again in ${wait} s`);
          await sleep(1_000 * wait);
        }
      }
    },
  };
}

class Busy extends ServiceAway {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

function checkedAddress(address: string): string {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw new UsageError('--url 应为 http 或 https 地址 / is an http or https address');
  const { username, password, origin, pathname } = new URL(address);
  if (username !== '' || password !== '')
    throw new UsageError('--url 中不能带用户名或口令 / has a user name or password in it');
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}

/** Whoever listens on the way reads a key that travels in clear. */
export function isInClear(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}

async function readLimited(answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > MAX_ANSWER) throw new ServiceRefused('应答过大 / the answer is too large');
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

function seconds(text: string | null): number | undefined {
  const value = Number(text ?? Number.NaN);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** What fetch says is «fetch failed»; why, its cause knows. */
function why(error: unknown): string {
  const { cause, name } = error as { readonly cause?: { readonly code?: string }; readonly name: string };
  if (name === 'TimeoutError') return '应答超时 / no answer in time';
  const code = printable(cause?.code ?? name);
  return `无法连接（${code}） / cannot be reached (${code})`;
}

/** A problem (RFC 9457) says in both languages what is wrong. Something else than our service may answer there. */
function problemIn(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value = parseJson(body);
    return isObject(value) ? value : {};
  } catch (error) {
    if (error instanceof FormatError) return {};
    throw error;
  }
}

function codeIn(body: Uint8Array): string | undefined {
  const { code } = body.length > 16_384 ? {} : problemIn(body);
  return typeof code === 'string' ? code : undefined;
}

function saidIn({ status, body, code }: ServiceAnswer): string {
  const { title, titleEn } = problemIn(body.subarray(0, 16_384));
  if (typeof title !== 'string' || typeof titleEn !== 'string') return `${status}`;
  return printable(`${status} ${code}：${title} / ${titleEn}`).slice(0, 1_000);
}
