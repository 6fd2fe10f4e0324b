import type { AttemptOutcome, Delivery, DisabledWhy, Webhook } from '../../ports/webhooks.ts';
import { pauseAfter, restOf } from './schedule.ts';

/** Nothing arrived for so long: nobody is there any more. Longer than a message is tried, so that several failed. */
export const FAILING_TOO_LONG_MS = 5 * 86_400_000;

/**
 * A receiver that has failed for a while is called less often, whatever waits for it: an outage does not use up the
 * tries of every message, and whoever comes back is not run over. A tenth of the time that it has failed, at most this.
 */
const LONGEST_BREATHER_MS = 60_000;

/** What came back of one attempt. */
export interface Answer {
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;
}

export interface Verdict extends Pick<AttemptOutcome, 'state' | 'dueMs' | 'failingSinceMs' | 'restsUntilMs'> {
  readonly disable: DisabledWhy | undefined;
}

const isGood = (status: number | undefined): boolean =>
  status !== undefined && status >= 200 && status <= 299;

/**
 * What follows from an answer. Only 2xx is an arrival: a redirect is none and is not followed, as where it leads was
 * agreed with nobody. 410 ends the webhook.
 */
export function judge(
  { status, retryAfter }: Answer,
  { tries }: Pick<Delivery, 'tries'>,
  { failingSinceMs: before }: Pick<Webhook, 'failingSinceMs'>,
  nowMs: number,
  random: number,
): Verdict {
  const arrived = { state: 'delivered', dueMs: undefined, failingSinceMs: undefined } as const;
  if (isGood(status)) return { ...arrived, restsUntilMs: undefined, disable: undefined };
  // A clock that was set back must not make it fail since the future.
  const failingSinceMs = Math.min(before ?? nowMs, nowMs);
  const isTooLong = nowMs - failingSinceMs >= FAILING_TOO_LONG_MS;
  const disable = status === 410 ? 'gone' : isTooLong ? 'failing' : undefined;
  const rest = restOf(retryAfter, nowMs) ?? 0;
  const breather = Math.min(Math.round((nowMs - failingSinceMs) / 10), LONGEST_BREATHER_MS);
  const restsUntilMs = Math.max(rest, breather) > 0 ? nowMs + Math.max(rest, breather) : undefined;
  const pause = disable === undefined ? pauseAfter(tries + 1, random) : undefined;
  const next =
    pause === undefined
      ? ({ state: 'failed', dueMs: undefined } as const)
      : ({ state: 'waiting', dueMs: nowMs + Math.max(pause, rest) } as const);
  return { ...next, failingSinceMs, restsUntilMs, disable };
}
