import { join } from 'node:path';
import type { Test } from 'tap';
import { openSqliteStore } from '../../../server/adapters/sqlite/store.ts';
import { newSecret } from '../../../server/outbox/webhooks/secret.ts';
import type { Store } from '../../../server/ports/store.ts';
import type { Delivery } from '../../../server/ports/webhooks.ts';
import { sealing } from '../../outbox/webhooks/samples.ts';
import { idAt, NOW_MS } from '../../suites/sample.ts';

/* A real store, whose clock a test turns. */

export interface Setting {
  store: Store;
  readonly time: { nowMs: number };
  /** What a process that ends leaves to the next one. */
  reopen(): Promise<Store>;
}

export async function openSetting(t: Test, nowMs = NOW_MS): Promise<Setting> {
  const time = { nowMs };
  const path = join(t.testdir(), 'store.sqlite');
  const open = () => openSqliteStore({ path, clock: { nowMs: () => time.nowMs } });
  const setting: Setting = {
    store: await open(),
    time,
    async reopen() {
      await setting.store.close();
      return (setting.store = await open());
    },
  };
  t.teardown(() => setting.store.close());
  return setting;
}

/** The id, and the secret as its receiver knows it. */
export async function addWebhook(
  store: Store,
  organization: string,
  types: readonly string[] = ['*'],
  url = 'https://receiver.example/',
): Promise<{ readonly id: string; readonly clear: string }> {
  const id = idAt(NOW_MS);
  const { sealed, clear } = await newSecret(sealing, id);
  const made = { id, organization, url, description: '', types, secret: sealed, createdMs: NOW_MS };
  if (!(await store.addWebhook(made))) throw new Error('there is no room for another webhook');
  return { id, clear };
}

export interface Told extends Delivery {
  // biome-ignore lint/suspicious/noExplicitAny: what is told is judged by assertions, not by types
  readonly data: any;
}

/** All that a webhook was told, in the order of the numbers. */
export async function toldTo(store: Store, webhook: string): Promise<Told[]> {
  const { items } = await store.deliveriesOf(webhook, {}, { limit: 10_000 });
  const all: Told[] = [];
  for (const { id } of items.toReversed()) {
    const { delivery, message } = (await store.delivery(webhook, id))!;
    all.push({ ...delivery, data: JSON.parse(message.data) });
  }
  return all;
}
