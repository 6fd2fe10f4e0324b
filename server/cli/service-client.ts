import { setTimeout as sleep } from 'node:timers/promises';
import { parseJson } from '../core/read/json.ts';
import { printable, UsageError } from './usage.ts';

/* What a command asks of a service as any depositor's program would: by its interface, with a key. */

export interface ServiceClient {
  readonly url: string;
  /**
   * Asks again while the service is away or busy, some minutes long; what it asks must be harmless to ask twice. Throws
   * ServiceAway afterwards, ServiceRefused where the answer is none of `statuses`.
   */
  ask(request: ServiceRequest, statuses: readonly number[]): Promise<ServiceAnswer>;
}

export interface ServiceRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  /** what it says of when to ask again */
  readonly retryAfterSeconds: number | undefined;
}

export class ServiceAway extends Error {}
export class ServiceRefused extends Error {}

const TIMEOUT_MS = 60_000;
/** More than any answer that a command asks for. */
const MAX_ANSWER = 8 * 1024 * 1024;
const BUSY = new Set([429, 502, 503, 504]);
/** Seconds before the next try: some four minutes in all. */
const PAUSES = [1, 2, 5, 10, 20, 40, 60, 100];
const LONGEST_PAUSE = 300;

/** A key travels to this address and to no other; a UsageError where it is none. */
export function createClient(address: string, key: string, onTrouble: (text: string) => void): ServiceClient {
  const url = checkedAddress(address);
  const once = async ({ method, path, headers, body }: ServiceRequest): Promise<ServiceAnswer> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { ...headers, authorization: `Bearer ${key}` },
      ...(body !== undefined && { body }),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return {
      status: answer.status,
      body: await readLimited(answer),
      retryAfterSeconds: seconds(answer.headers.get('retry-after')),
    };
  };
  return {
    url,
    async ask(request, statuses) {
      for (let attempt = 0; ; attempt++) {
        const answer = await once(request).catch((error: unknown) => why(error));
        if (typeof answer !== 'string' && !BUSY.has(answer.status)) {
          if (statuses.includes(answer.status)) return answer;
          throw new ServiceRefused(`${url}: ${saidIn(answer)}`);
        }
        const said = typeof answer === 'string' ? answer : saidIn(answer);
        const pause = PAUSES[attempt];
        if (pause === undefined) throw new ServiceAway(`${url}: ${said}`);
        const asked = typeof answer === 'string' ? undefined : answer.retryAfterSeconds;
        onTrouble(`${url}: ${said}`);
        await sleep(1_000 * Math.min(Math.max(pause, asked ?? 0), LONGEST_PAUSE));
      }
    },
  };
}

function checkedAddress(address: string): string {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw new UsageError('--url 应为 http 或 https 地址 / is an http or https address');
  const { username, password, origin, pathname } = new URL(address);
  if (username !== '' || password !== '')
    throw new UsageError('--url 中不能带用户名或口令 / has a user name or password in it');
  return `${origin}${pathname.replace(/\/+$/, '')}`;
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

/** What fetch says is «fetch failed»; why, its cause knows. An error of ours goes on. */
function why(error: unknown): string {
  if (error instanceof ServiceRefused) throw error;
  const { cause, name } = error as { readonly cause?: { readonly code?: string }; readonly name: string };
  if (name === 'TimeoutError') return '应答超时 / no answer in time';
  return `无法连接（${printable(cause?.code ?? name)}） / cannot be reached (${printable(cause?.code ?? name)})`;
}

/** A problem (RFC 9457) says in both languages what is wrong. */
function saidIn({ status, body }: ServiceAnswer): string {
  try {
    const { code, title, titleEn } = parseJson(body) as Readonly<Record<string, unknown>>;
    if (typeof title === 'string' && typeof titleEn === 'string')
      return printable(`${status} ${String(code)}：${title} / ${titleEn}`).slice(0, 1_000);
  } catch {
    // Something else than our service answers there.
  }
  return `${status}`;
}
