import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

/*
 * How slowly a body may come. What is held in memory until it is whole must be whole within one span; a file that is
 * passed on as it comes may take hours, but in each span some of it must come. Else the connection is closed: bytes
 * that trickle in keep no memory and no connection for long.
 */

export interface Pace {
  readonly spanMs: number;
  /** what must come of a file in each span */
  readonly bytes: number;
}

const PACE: Pace = { spanMs: 60_000, bytes: 64 * 1024 };

interface Watch {
  readonly timer: NodeJS.Timeout;
  streamed: boolean;
  readBefore: number;
}

const watched = new WeakMap<IncomingMessage, Watch>();

/** Watches every request that brings a body, before anything of it is read, also where it is refused. */
export function installPace(app: FastifyInstance, pace: Pace = PACE): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    if ((length !== undefined && length !== '0') || encoding !== undefined) watch(request.raw, pace);
    done();
  });
}

function watch(request: IncomingMessage, { spanMs, bytes }: Pace): void {
  const { socket } = request;
  const one: Watch = {
    timer: setInterval(() => {
      const read = socket.bytesRead - one.readBefore;
      one.readBefore = socket.bytesRead;
      if (request.complete) clearInterval(one.timer);
      else if (!one.streamed || read < bytes) socket.destroy();
    }, spanMs).unref(),
    streamed: false,
    readBefore: socket.bytesRead,
  };
  watched.set(request, one);
  request.once('close', () => clearInterval(one.timer));
}

/** What follows is passed on as it comes, or is held again; a new span begins where that changes. */
export function setStreamed(request: IncomingMessage, streamed: boolean): void {
  const one = watched.get(request);
  if (one === undefined || one.streamed === streamed) return;
  one.streamed = streamed;
  one.readBefore = request.socket.bytesRead;
  one.timer.refresh();
}
