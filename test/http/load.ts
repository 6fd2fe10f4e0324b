import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/*
 * Deposits from a process of its own, over plain sockets, one request at a time on each. In a closed loop the next one
 * follows its answer; in an open loop they come at a rate, whatever becomes of the earlier ones, and a request's time
 * counts from when it should have gone out, so that nobody's waiting is left out.
 *
 *   node load.ts '{"port", "key", "connections", "seconds", "files", "rate"?, "settleSeconds"?}'    prints one line of JSON
 */

export interface LoadOptions {
  readonly port: number;
  readonly key: string;
  readonly connections: number;
  readonly seconds: number;
  /** files that each deposit names */
  readonly files: number;
  /** requests a second; without it a closed loop */
  readonly rate?: number;
  /** requests that should have gone out before that are counted apart */
  readonly settleSeconds?: number;
}

export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface LoadResult {
  /** answered in a second */
  readonly rate: number;
  readonly sent: number;
  readonly unanswered: number;
  /** by status, of those after settling; milliseconds */
  readonly after: Readonly<Record<string, Spread>>;
  /** and before */
  readonly before: Readonly<Record<string, Spread>>;
  /** 503 that said nothing of when to come again */
  readonly withoutRetryAfter: number;
}

/** Answers are waited for so long after the last request. */
const PATIENCE_MS = 10_000;

const options = JSON.parse(process.argv[2]!) as LoadOptions;
const { port, key, connections, seconds, files, rate, settleSeconds = 0 } = options;

const hex = randomBytes(1 << 16).toString('hex');
let count = 0;
const random = (length: number): string => {
  const at = (Math.random() * (hex.length - length)) | 0;
  return hex.slice(at, at + length);
};

function requestText(): string {
  const size = ++count;
  const names = Array.from(
    { length: files },
    (_, i) => `{"name":"${i}.png","size":${i},"sha256":"${random(64)}"}`,
  );
  const body = `{"title":"overload ${size}","category":"webpage","files":[${names}]}`;
  return `POST /v1/evidence HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\nidempotency-key: ${random(24)}${size}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

interface Line {
  readonly socket: Socket;
  text: string;
  dueMs: number;
}

const times: { before: Record<string, number[]>; after: Record<string, number[]> } = {
  before: {},
  after: {},
};
const free: Line[] = [];
const overdue: number[] = [];
let overdueAt = 0;
let answered = 0;
let withoutRetryAfter = 0;
let startMs = 0;
let isOver = false;

function send(line: Line, dueMs: number): void {
  line.dueMs = dueMs;
  line.socket.write(requestText());
}

function next(line: Line): void {
  const nowMs = performance.now();
  if (overdueAt < overdue.length) send(line, overdue[overdueAt++]!);
  else if (rate === undefined && !isOver) send(line, nowMs);
  else free.push(line);
}

function heard(line: Line, chunk: string): void {
  line.text += chunk;
  const head = line.text.indexOf('\r\n\r\n');
  if (head === -1) return;
  const length = Number(/content-length: (\d+)/i.exec(line.text)?.[1] ?? 0);
  if (line.text.length < head + 4 + length) return;
  const status = line.text.slice(9, 12);
  if (status === '503' && !/retry-after: \d/i.test(line.text.slice(0, head))) withoutRetryAfter++;
  line.text = '';
  answered++;
  const when = line.dueMs - startMs < settleSeconds * 1_000 ? times.before : times.after;
  (when[status] ??= []).push(performance.now() - line.dueMs);
  next(line);
}

function open(): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const line: Line = { socket, text: '', dueMs: 0 };
    socket.setEncoding('latin1');
    socket.on('connect', () => resolve(line));
    socket.on('error', reject);
    socket.on('data', (chunk: string) => heard(line, chunk));
  });
}

function spread(values: number[]): Spread {
  const sorted = values.sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1)! };
}

const spreads = (by: Record<string, number[]>): Record<string, Spread> =>
  Object.fromEntries(Object.entries(by).map(([status, values]) => [status, spread(values)]));

const lines = await Promise.all(Array.from({ length: connections }, open));
startMs = performance.now();
let due = 0;
if (rate === undefined) lines.forEach(next);
else free.push(...lines);
const ticker =
  rate === undefined
    ? undefined
    : setInterval(() => {
        const wanted = Math.floor(((performance.now() - startMs) / 1_000) * rate);
        for (; due < wanted; due++) {
          const dueMs = startMs + (due / rate) * 1_000;
          const line = free.pop();
          if (line === undefined) overdue.push(dueMs);
          else send(line, dueMs);
        }
      }, 1);
await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
clearInterval(ticker);
isOver = true;
const tookMs = performance.now() - startMs;
const inTime = answered;
for (const endMs = performance.now() + PATIENCE_MS; free.length < lines.length && performance.now() < endMs; )
  await new Promise((resolve) => setTimeout(resolve, 10));
for (const { socket } of lines) socket.destroy();
const result: LoadResult = {
  rate: (inTime / tookMs) * 1_000,
  sent: count,
  unanswered: count - answered + overdue.length - overdueAt,
  after: spreads(times.after),
  before: spreads(times.before),
  withoutRetryAfter,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
