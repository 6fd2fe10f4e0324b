import type { WebhookStore } from '../../ports/webhooks.ts';
import { startTask, type Task, type TaskHealth } from '../worker.ts';
import { type TellCasesDeps, tellCases } from './cases.ts';
import { createDeliveries, type DeliverDeps } from './deliver.ts';
import { type TellEvidenceDeps, tellEvidence } from './evidence.ts';

/*
 * What happens is followed by three cursors, each a task of its own, and becomes deliveries; another task brings these to
 * their receivers. All of it runs where this instance leads, and none of it in the way of a deposit.
 */

export interface WebhooksDeps extends Omit<DeliverDeps, 'store' | 'log'> {
  readonly store: TellCasesDeps['store'] &
    TellEvidenceDeps['store'] &
    DeliverDeps['store'] &
    Pick<WebhookStore, 'tidyWebhooks'>;
  readonly publicUrl: string;
}

type TaskOptions = Omit<Parameters<typeof startTask>[0], 'name' | 'round' | 'everyMs'>;

/** Deliveries are shown for so long after they were settled. */
const KEPT_MS = 90 * 86_400_000;

const TIDY_EVERY_MS = 60_000;

export interface Webhooks {
  /** undefined while all of it works; a receiver that does not is its owner's to see */
  problem(): TaskHealth['problem'];
  /** A batch or an anchor moved. */
  wake(): void;
  stop(): Promise<void>;
}

export function startWebhooks(
  deps: WebhooksDeps,
  leads: () => Promise<boolean>,
  everyMs: number,
  common: TaskOptions,
): Webhooks {
  const { store, publicUrl, clock } = deps;
  const telling = { store, publicUrl, nowMs: () => clock.nowMs() };
  let delivering: Task | undefined;
  const wakeDelivering = () => delivering?.wake();
  const deliveries = createDeliveries({ ...deps, log: common.log }, wakeDelivering);
  const task = (name: string, work: () => Promise<boolean>, every = everyMs): Task =>
    startTask({ ...common, name, everyMs: every, round: async () => (await leads()) && work() });
  delivering = task('webhook deliveries', deliveries.round);
  const sources: readonly Task[] = [
    task('webhooks: cases', () => tellCases(telling)),
    task('webhooks: batched', () => tellEvidence('batched', telling)),
    task('webhooks: certified', () => tellEvidence('certified', telling)),
  ];
  const tidying = task(
    'webhooks: tidying',
    () => store.tidyWebhooks(clock.nowMs(), clock.nowMs() - KEPT_MS),
    TIDY_EVERY_MS,
  );
  const tasks = [delivering, ...sources, tidying];
  return {
    problem: () => tasks.map((one) => one.health().problem).find((problem) => problem !== undefined),
    wake: () => sources.forEach((one) => void one.wake()),
    async stop() {
      await Promise.all([deliveries.stop(), ...tasks.map((one) => one.stop())]);
      // What a round began while it was told to end.
      await deliveries.stop();
    },
  };
}
