import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { StatusDeps } from '../pipeline/status.ts';
import { type CheckKey, requires, stillMay } from './auth.ts';
import { statusFor, viewOf } from './evidence.ts';
import { Problem } from './problem.ts';
import { problems, Uuid } from './schemas.ts';

export interface EventRoutes extends StatusDeps {
  readonly checkKey: CheckKey;
  /** Calls back when a batch or an anchor may have moved; returns how to stop. */
  readonly onProgress: (listener: () => void) => () => void;
  /** Calls back when the service stops; returns how to stop. */
  readonly onStopping: (listener: () => void) => () => void;
}

/** Another instance may have moved it: look again this often, whatever this one heard. */
const LOOK_AGAIN_MS = 1_000;
/** A comment that keeps proxies from closing a quiet stream. */
const HEARTBEAT_MS = 15_000;
/** Streams that one key may have open: each looks into the store every second. */
export const MAX_STREAMS = 100;

/** GET /v1/evidence/:id/events: server-sent events named `state`, until the certificate can be had. */
export function eventRoutes(app: FastifyInstance, deps: EventRoutes): void {
  const open = openStreams();
  app.get(
    '/v1/evidence/:id/events',
    {
      // There is no end whose headers could be told before it.
      exposeHeadRoute: false,
      onRequest: requires(deps.checkKey, 'evidence.read'),
      schema: {
        tags: ['evidence'],
        summary: '状态推送（SSE） / states as they come, server-sent events',
        security: [{ apiKey: [] }, { session: [] }],
        params: Type.Object({ id: Uuid }, { additionalProperties: false }),
        response: problems(401, 403, 404, 429),
      },
    },
    async (request, reply) => {
      // A stream that is refused is an ordinary answer; only then does it become one.
      const first = viewOf(await statusFor(deps, request));
      const leave = open.enter(request.caller.keyId);
      if (leave === undefined) throw new Problem('too-many-requests', {}, { retryAfterSeconds: 5 });
      reply.hijack();
      const stream = reply.raw;
      stream.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      let sent = '';
      let looking = false;
      const send = (view: typeof first): void => {
        if (stream.writableEnded) return;
        const now = significantOf(view);
        if (now === sent) return;
        sent = now;
        stream.write(`event: state\ndata: ${JSON.stringify(view)}\n\n`);
        if (view.state === 'anchored') end();
      };
      const look = async (): Promise<void> => {
        if (looking || stream.writableEnded) return;
        looking = true;
        try {
          // A key that was revoked or has expired reads nothing more.
          if (!(await stillMay(deps.checkKey, request, 'evidence.read'))) return end();
          send(viewOf(await statusFor(deps, request)));
        } catch (error) {
          // The store is away: the stream stays, the next look may see more.
          request.log.debug({ err: error, request: request.id }, 'state not read');
        } finally {
          looking = false;
        }
      };
      const timers = [
        setInterval(() => void look(), LOOK_AGAIN_MS),
        setInterval(() => stream.write(': \n\n'), HEARTBEAT_MS),
      ];
      const offs = [deps.onProgress(() => void look()), deps.onStopping(() => end())];
      const release = (): void => {
        timers.forEach(clearInterval);
        for (const off of offs) off();
        leave();
      };
      const end = (): void => {
        release();
        stream.end();
      };
      stream.on('close', release);
      // The caller may have left while the state was read; then nobody tells of it again.
      if (stream.destroyed) release();
      else send(first);
    },
  );
}

/**
 * What an event is sent for. The expected time moves without anything having happened, and an anchor that is planned is
 * our intention: on the chain there is nothing new, and `batched` would come twice.
 */
function significantOf({ expectedAt: _, anchors, ...view }: ReturnType<typeof viewOf>): string {
  return JSON.stringify({ ...view, anchors: anchors.filter((anchor) => anchor.state !== 'planned') });
}

/** How many streams each key has open. What `enter` returns is to be called when one ends; more than once is harmless. */
function openStreams() {
  const counts = new Map<string, number>();
  return {
    enter(key: string): (() => void) | undefined {
      const count = counts.get(key) ?? 0;
      if (count >= MAX_STREAMS) return undefined;
      counts.set(key, count + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        const now = counts.get(key)! - 1;
        if (now === 0) counts.delete(key);
        else counts.set(key, now);
      };
    },
  };
}
