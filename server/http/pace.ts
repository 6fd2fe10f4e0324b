import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/*
 * How slowly a connection may go. A body that is held in memory until it is whole must be whole within one span; a file
 * that is passed on as it comes may take hours, but in each span some of it must come; and a line on which nothing
 * moves at all is cut. Bytes that trickle in keep no memory and no connection for long.
 *
 * One timer looks at all connections: a timer for each request, as Node's own time-outs are, costs as much as checking
 * the request.
 */

export interface Pace {
  readonly spanMs: number;
  /** what must come of a file in each span */
  readonly bytes: number;
  /** how long nothing may move, in either direction */
  readonly silentMs: number;
}

const PACE: Pace = { spanMs: 60_000, bytes: 64 * 1024, silentMs: 120_000 };

/** Looks in each span: what is over time is cut at most a quarter of a span late. */
const LOOKS = 4;

class Watch {
  /** the request whose body comes, or came */
  body: IncomingMessage | undefined = undefined;
  streamed = false;
  /** when the span began, and what had been read by then */
  sinceMs = 0;
  readBefore = 0;
  moved = 0;
  movedMs = performance.now();
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  begin(body: IncomingMessage): void {
    this.body = body;
    this.streamed = false;
    this.newSpan();
  }

  newSpan(): void {
    this.sinceMs = performance.now();
    this.readBefore = this.socket.bytesRead;
  }

  isTooSlow(nowMs: number, { spanMs, bytes, silentMs }: Pace): boolean {
    const { bytesRead, bytesWritten } = this.socket;
    if (bytesRead + bytesWritten !== this.moved) {
      this.moved = bytesRead + bytesWritten;
      this.movedMs = nowMs;
    } else if (nowMs - this.movedMs > silentMs) return true;
    if (this.body?.complete !== false) this.body = undefined;
    if (this.body === undefined || nowMs - this.sinceMs < spanMs) return false;
    if (!this.streamed || bytesRead - this.readBefore < bytes) return true;
    this.newSpan();
    return false;
  }
}

/** On the socket itself: a map beside it would have to be asked for every request. */
const WATCH = Symbol('watch');
type Watched = Socket & { [WATCH]?: Watch };

/** Watches every connection, and every request that brings a body, before anything of it is read. */
export function installPace(app: FastifyInstance, pace: Pace = PACE): void {
  const open = new Set<Watch>();
  app.server.on('connection', (socket: Watched) => {
    const watch = new Watch(socket);
    socket[WATCH] = watch;
    open.add(watch);
    socket.once('close', () => open.delete(watch));
  });
  const timer = setInterval(() => {
    const nowMs = performance.now();
    for (const watch of open) if (watch.isTooSlow(nowMs, pace)) watch.socket.destroy();
  }, pace.spanMs / LOOKS).unref();
  app.addHook('onClose', () => clearInterval(timer));
  app.addHook('onRequest', (request, _reply, done) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    if ((length !== undefined && length !== '0') || encoding !== undefined)
      (request.raw.socket as Watched)[WATCH]?.begin(request.raw);
    done();
  });
}

/** What follows is passed on as it comes, or is held again; a new span begins where that changes. */
export function setStreamed(request: IncomingMessage, streamed: boolean): void {
  const watch = (request.socket as Watched)[WATCH];
  if (watch === undefined || watch.body !== request || watch.streamed === streamed) return;
  watch.streamed = streamed;
  watch.newSpan();
}
