import { performance } from 'node:perf_hooks';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { DepositQueue } from '../ports/overload.ts';
import { readAway } from './linger.ts';
import { Problem, problemBody } from './problem.ts';

/*
 * The door: what cannot be served soon is refused before anything of it is read, for a third of what serving it would
 * cost. Deposits are refused while too many wait to be stored (ports/overload.ts) or the event loop is hopelessly late;
 * large bodies and uploads while as much of them is under way as memory allows. Health, reading and small checks are
 * never refused here: at the worst they wait for a turn of the loop.
 */

export interface OverloadLimits {
  /** connections that may be open; more are closed as they come */
  readonly connections: number;
  /** uploads that may be under way; each holds about a megabyte, whatever its size */
  readonly uploads: number;
}

export interface OverloadState {
  readonly connections: number;
  readonly uploads: number;
  readonly heldBytes: number;
}

/** A body up to this size counts for nothing: all connections together cannot hold much of it. */
const SMALL_BODY = 16 * 1024;

/** Bodies that are held whole, by announced size: eight bulk calls of the largest size. */
const MOST_HELD_BYTES = 256 * 1024 * 1024;

/** A loop that is late by so much, for so long, has more than it can do, whatever it is. */
const LATE_MS = 250;
const LATE_FOR_MS = 1_000;
const LOOK_MS = 100;

const RETRY_AFTER_SECONDS = 2;

const BODY = Buffer.from(JSON.stringify(problemBody(new Problem('overloaded'))));
const HEADERS = [
  ['content-type', 'application/problem+json; charset=utf-8'],
  ['content-length', String(BODY.length)],
  ['retry-after', String(RETRY_AFTER_SECONDS)],
  ['x-content-type-options', 'nosniff'],
  ['cache-control', 'no-store'],
].flat();

/** Deposits are refused first; checks have places of their own, so that no flood of deposits takes them. */
const DEPOSITS = new Set(['/v1/evidence', '/v1/evidence/bulk']);
const CHECKS = new Set(['/v1/verify', '/v1/verify/batch']);
/** Whatever their type: what comes goes to the disk and is not held. */
const STREAMED = new Set(['/v1/verify/batch']);
/** Small and quick: refused only where nothing is quick any more. */
const TOKENS = new Set(['/v1/tsa']);

/** Before the routes. `refused` counts. */
export function installOverload(
  app: FastifyInstance,
  queue: DepositQueue,
  limits: OverloadLimits,
  refused: () => void,
): () => OverloadState {
  app.server.maxConnections = limits.connections;
  let connections = 0;
  app.server.on('connection', (socket) => {
    connections++;
    socket.once('close', () => connections--);
  });
  const lateness = watchLoop((part) => queue.busy(part));
  app.addHook('onClose', () => lateness.close());
  const rooms = [new Room(limits.uploads), new Room(limits.uploads)] as const;
  const standing = (): boolean => queue.refuses(performance.now()) || lateness.isStanding();
  app.addHook('onRoute', (route) => {
    if (route.method !== 'POST') return;
    if (DEPOSITS.has(route.url)) guard(route, bodyLimitOf(app, route), rooms[0], standing, refused);
    else if (TOKENS.has(route.url))
      guard(route, bodyLimitOf(app, route), rooms[1], lateness.isStanding, refused);
    else if (CHECKS.has(route.url)) guard(route, bodyLimitOf(app, route), rooms[1], () => false, refused);
  });
  return () => ({
    connections,
    uploads: rooms[0].uploads + rooms[1].uploads,
    heldBytes: rooms[0].heldBytes + rooms[1].heldBytes,
  });
}

const bodyLimitOf = (app: FastifyInstance, route: RouteOptions): number =>
  route.bodyLimit ?? app.initialConfig.bodyLimit!;

function guard(
  route: RouteOptions,
  bodyLimit: number,
  room: Room,
  standing: () => boolean,
  refused: () => void,
): void {
  const streamed = STREAMED.has(route.url);
  const door = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    if (!standing() && room.admits(request, reply, bodyLimit, streamed)) {
      done();
      return;
    }
    refused();
    refuse(request, reply);
  };
  route.onRequest = [door, ...[route.onRequest ?? []].flat()];
}

/** Past everything that an answer usually goes through. */
function refuse({ raw }: FastifyRequest, reply: FastifyReply): void {
  reply.hijack();
  reply.raw.writeHead(503, HEADERS);
  reply.raw.end(BODY);
  if (sizeOf(raw.headers, Infinity) <= SMALL_BODY) return;
  readAway(raw);
}

/** How many uploads and how many bytes of large bodies are under way. */
class Room {
  uploads = 0;
  heldBytes = 0;
  readonly #mostUploads: number;

  constructor(mostUploads: number) {
    this.#mostUploads = mostUploads;
  }

  /** Takes the place that the request needs, until its answer has gone or its caller. */
  admits({ raw }: FastifyRequest, reply: FastifyReply, bodyLimit: number, streamed: boolean): boolean {
    const size = sizeOf(raw.headers, bodyLimit);
    const isUpload = streamed || raw.headers['content-type']?.startsWith('multipart/') === true;
    if (!isUpload && size <= SMALL_BODY) return true;
    if (isUpload ? this.uploads >= this.#mostUploads : this.heldBytes + size > MOST_HELD_BYTES) return false;
    const [uploads, bytes] = isUpload ? [1, 0] : [0, size];
    this.uploads += uploads;
    this.heldBytes += bytes;
    reply.raw.once('close', () => {
      this.uploads -= uploads;
      this.heldBytes -= bytes;
    });
    return true;
  }
}

/** As announced; a body without a length may have all that is allowed. More than that is refused without being held. */
function sizeOf(
  headers: {
    readonly 'content-length'?: string | undefined;
    readonly 'transfer-encoding'?: string | undefined;
  },
  most: number,
): number {
  if (headers['transfer-encoding'] !== undefined) return most;
  return Math.min(Number(headers['content-length'] ?? 0), most);
}

/** Whether the event loop has been late all the time for a while: a single long turn is no overload. `busy` is told how busy it was. */
function watchLoop(busy: (part: number) => void) {
  let expectedMs = performance.now() + LOOK_MS;
  let lateSinceMs: number | undefined;
  let standing = false;
  let used = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const now = performance.eventLoopUtilization();
    busy(performance.eventLoopUtilization(now, used).utilization);
    used = now;
    if (nowMs - expectedMs < LATE_MS) lateSinceMs = undefined;
    else lateSinceMs ??= expectedMs;
    standing = lateSinceMs !== undefined && nowMs - lateSinceMs >= LATE_FOR_MS;
    expectedMs = nowMs + LOOK_MS;
  }, LOOK_MS).unref();
  return { isStanding: () => standing, close: () => clearInterval(timer) };
}
