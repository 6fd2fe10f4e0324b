import { attempt } from '../../outbox/webhooks/attempt.ts';
import { judge } from '../../outbox/webhooks/verdict.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Door } from '../../ports/door.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Sealing } from '../../ports/sealing.ts';
import type { Message, Webhook, WebhookStore } from '../../ports/webhooks.ts';
import { createSlots } from './slots.ts';

export interface DeliverDeps {
  readonly store: Pick<WebhookStore, 'dueWebhooks' | 'nextDelivery' | 'recordDeliveryAttempt'>;
  readonly door: Door;
  readonly sealing: Sealing;
  readonly clock: Clock;
  /** from 0 to 1 */
  readonly random: () => number;
  readonly log: Logger;
}

type Next = NonNullable<Awaited<ReturnType<WebhookStore['nextDelivery']>>>;

/** One after the other without asking who else is due: a receiver that keeps up is not held back by the pace of rounds. */
const MOST_IN_ROW = 25;

/**
 * Brings what is due to its receivers: of one webhook one at a time and in order, of many at once. What is under way
 * when the process ends was not recorded and is sent again, under the same id.
 */
export function createDeliveries(deps: DeliverDeps, wake: () => void) {
  const slots = createSlots();
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();

  async function serve(webhook: string): Promise<void> {
    for (let count = 0; count < MOST_IN_ROW && !stopping.signal.aborted; count++) {
      const next = await deps.store.nextDelivery(webhook, deps.clock.nowMs());
      if (next === undefined) return;
      const begunMs = deps.clock.nowMs();
      const arrived = await deliverOne(deps, next, stopping.signal);
      const isSlow = slots.took(webhook, deps.clock.nowMs() - begunMs);
      // One that fails or keeps others waiting takes its turn behind them.
      if (!arrived || isSlow) return;
    }
  }

  function begin(webhook: string): void {
    const work = serve(webhook)
      .finally(() => slots.free(webhook))
      .then(wake)
      // The next round finds it due again; not at once, whatever is away would only be hammered.
      .catch((error: unknown) => deps.log.error({ err: error, webhook }, 'a delivery was not recorded'))
      .finally(() => underWay.delete(work));
    underWay.add(work);
  }

  return {
    /** Begins what may begin now; it goes on after the round. */
    async round(): Promise<boolean> {
      if (stopping.signal.aborted) return false;
      const due = await deps.store.dueWebhooks(deps.clock.nowMs());
      for (const { id } of slots.take(due)) begin(id);
      return false;
    },
    async stop(): Promise<void> {
      stopping.abort();
      await Promise.all(underWay);
    },
  };
}

/** Whether it arrived. */
async function deliverOne(deps: DeliverDeps, next: Next, signal: AbortSignal): Promise<boolean> {
  const { store, clock, random, log } = deps;
  const { webhook, delivery } = next;
  const atMs = clock.nowMs();
  const tried = await attempt(deps, next, atMs, signal);
  if (tried === undefined) return false;
  const endMs = clock.nowMs();
  const { disable, ...verdict } = judge(tried, delivery, webhook, endMs, random());
  const { status, error } = tried;
  await store.recordDeliveryAttempt({
    delivery: delivery.id,
    webhook: webhook.id,
    expected: delivery.attempts,
    attempt: { atMs, durationMs: Math.max(0, endMs - atMs), status, error },
    ...verdict,
    disable: disable && { why: disable, message: disabledMessage(webhook, disable, endMs) },
  });
  if (disable !== undefined) log.warn({ webhook: webhook.id, why: disable }, 'webhook disabled');
  return verdict.state === 'delivered';
}

const disabledMessage = ({ id, organization }: Webhook, why: string, atMs: number): Message => ({
  id: `disabled/${id}/${atMs}`,
  organization,
  type: 'webhook.disabled',
  atMs,
  data: JSON.stringify({ ids: [id], state: 'disabled', why }),
});
