import type { FastifyRateLimitStore } from '@fastify/rate-limit';
import type { Clock } from '../ports/clock.ts';
import type { RateLimits } from '../ports/limits.ts';

type Told = Parameters<FastifyRateLimitStore['incr']>[1];

/** What the plug-in hands to a store; its types leave this out. */
interface Given {
  readonly timeWindow?: number;
  readonly routeInfo?: { readonly url?: string };
}

/** The plug-in's store over the port, so that a limit holds over all instances. Each route counts for itself. */
export function limitStore(limits: RateLimits, clock: Clock): new (given: object) => FastifyRateLimitStore {
  return class LimitStore implements FastifyRateLimitStore {
    readonly #windowMs: number;
    readonly #route: string;

    constructor({ timeWindow = 60_000, routeInfo }: Given) {
      this.#windowMs = timeWindow;
      this.#route = routeInfo?.url ?? '';
    }

    incr(key: string, told: Told): void {
      const nowMs = clock.nowMs();
      limits.hit(`${this.#route} ${key}`, this.#windowMs, nowMs).then(
        ({ count, endsMs }) => told(null, { current: count, ttl: endsMs - nowMs }),
        (error: Error) => told(error),
      );
    }

    child(given: object): LimitStore {
      return new LimitStore(given);
    }
  };
}
