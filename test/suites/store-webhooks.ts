import type { Test } from 'tap';
import type { Store } from '../../server/ports/store.ts';
import {
  type AttemptOutcome,
  type Message,
  MOST_WEBHOOKS,
  type NewWebhook,
} from '../../server/ports/webhooks.ts';
import { addOrganization, DAY_MS, digest, entryOf, idAt, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

const secretOf = (n: number): Uint8Array => new Uint8Array(60).fill(n);

const webhookOf = (organization: string, given: Partial<NewWebhook> = {}): NewWebhook => ({
  id: idAt(NOW_MS),
  organization,
  url: 'https://receiver.example/hook',
  description: '接收者',
  types: ['evidence.*'],
  secret: secretOf(1),
  createdMs: NOW_MS,
  ...given,
});

export const messageOf = (organization: string, given: Partial<Message> = {}): Message => ({
  id: digest(),
  organization,
  type: 'evidence.certified',
  atMs: NOW_MS,
  data: '{"ids":["证"]}',
  ...given,
});

async function added(t: Test, store: Store, given: NewWebhook): Promise<NewWebhook> {
  t.equal(await store.addWebhook(given), true);
  return given;
}

/** Tells these, from wherever the cursor is. */
async function told(t: Test, store: Store, messages: readonly Message[], nowMs = NOW_MS): Promise<void> {
  const from = await store.webhookCursor('certified');
  t.equal(await store.tell('certified', { from, to: from + 1, nowMs }, messages), true);
}

async function attempted(
  store: Store,
  webhook: string,
  given: Partial<AttemptOutcome> = {},
  nowMs = NOW_MS,
): Promise<boolean> {
  const { delivery } = (await store.nextDelivery(webhook, nowMs))!;
  return store.recordDeliveryAttempt({
    delivery: delivery.id,
    webhook,
    expected: delivery.attempts,
    attempt: { atMs: nowMs, durationMs: 7, status: 200, error: undefined },
    state: 'delivered',
    dueMs: undefined,
    failingSinceMs: undefined,
    restsUntilMs: undefined,
    disable: undefined,
    ...given,
  });
}

const statesOf = async (store: Store, webhook: string): Promise<string[]> =>
  (await store.deliveriesOf(webhook, {}, { limit: 100 })).items.map(
    ({ number, state }) => `${number} ${state}`,
  );

export async function webhookGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('a webhook is kept whole, changes, rotates its secret and goes, over restarts', async (t) => {
    const { store, reopen } = await open(t);
    const owner = await addOrganization(store);
    const made = await added(t, store, webhookOf(owner));
    const none = {
      previous: undefined,
      disabled: undefined,
      failingSinceMs: undefined,
      restsUntilMs: undefined,
    };
    t.strictSame(await store.webhook(owner, made.id), { ...made, ...none });
    const changed = { url: 'https://other.example/', types: ['*'], description: '' };
    t.strictSame(await store.changeWebhook(owner, made.id, changed, NOW_MS), {
      ...made,
      ...none,
      ...changed,
    });
    t.equal(await store.rotateWebhookSecret(owner, made.id, secretOf(2), NOW_MS + DAY_MS), true);
    const previous = { secret: secretOf(1), untilMs: NOW_MS + DAY_MS };
    const rotated = { ...made, ...none, ...changed, secret: secretOf(2), previous };
    const again = await reopen();
    t.strictSame(await again.webhooksOf(owner), [rotated]);
    const disabled = { atMs: NOW_MS + 5, why: 'by-owner' };
    t.strictSame(await again.changeWebhook(owner, made.id, { disabled: true }, NOW_MS + 5), {
      ...rotated,
      disabled,
    });
    t.strictSame(await again.listeners(), []);
    t.strictSame(await again.changeWebhook(owner, made.id, { disabled: false }, NOW_MS + 6), rotated);
    t.strictSame(await again.listeners(), [{ organization: owner, types: ['*'] }]);
    t.equal(await again.removeWebhook(owner, made.id, NOW_MS), true);
    t.equal(await again.removeWebhook(owner, made.id, NOW_MS), false, 'only once');
    t.strictSame(await again.webhooksOf(owner), []);
    t.strictSame(await again.listeners(), []);
  });

  t.test('nobody reaches a webhook of another organization', async (t) => {
    const { store } = await open(t);
    const [owner, other] = [await addOrganization(store), await addOrganization(store)];
    const { id } = await added(t, store, webhookOf(owner));
    const before = await store.webhook(owner, id);
    t.equal(await store.webhook(other, id), undefined);
    t.equal(await store.changeWebhook(other, id, { url: 'https://mine.example/' }, NOW_MS), undefined);
    t.equal(await store.rotateWebhookSecret(other, id, secretOf(9), NOW_MS), false);
    t.equal(await store.removeWebhook(other, id, NOW_MS), false);
    t.strictSame(await store.webhooksOf(other), []);
    t.strictSame(await store.webhook(owner, id), before);
    const [mine] = [await added(t, store, webhookOf(other))];
    await told(t, store, [messageOf(owner)]);
    const { delivery } = (await store.nextDelivery(id, NOW_MS))!;
    t.equal(await store.delivery(mine!.id, delivery.id), undefined, 'a delivery is found by its webhook');
    t.equal(await store.replayDelivery(mine!.id, delivery.id, NOW_MS), false);
    t.strictSame(await statesOf(store, mine!.id), [], 'and told to nobody else');
  });

  t.test('an organization has so many webhooks and no more, also of those made at once', async (t) => {
    const { store } = await open(t);
    const [owner, other] = [await addOrganization(store), await addOrganization(store)];
    const all = Array.from({ length: MOST_WEBHOOKS + 5 }, () => webhookOf(owner));
    const made = await Promise.all(all.map((one) => store.addWebhook(one)));
    t.equal(made.filter(Boolean).length, MOST_WEBHOOKS);
    await added(t, store, webhookOf(other));
    await store.removeWebhook(owner, all[made.indexOf(true)]!.id, NOW_MS);
    await added(t, store, webhookOf(owner));
    t.equal(await store.addWebhook(webhookOf(owner)), false);
  });

  t.test('a message goes once to each webhook that wants it, and the cursor with it', async (t) => {
    const { store, reopen } = await open(t);
    const [owner, other] = [await addOrganization(store), await addOrganization(store)];
    const wanting = await added(t, store, webhookOf(owner));
    const exact = await added(t, store, webhookOf(owner, { types: ['evidence.certified'] }));
    const all = await added(t, store, webhookOf(owner, { types: ['*'] }));
    const cases = await added(t, store, webhookOf(owner, { types: ['case.*'] }));
    const off = await added(t, store, webhookOf(owner));
    await store.changeWebhook(owner, off.id, { disabled: true }, NOW_MS);
    const from = await store.webhookCursor('certified');
    const messages = [messageOf(owner), messageOf(other)];
    const step = { from, to: from + 9, nowMs: NOW_MS };
    t.equal(await store.tell('certified', step, messages), true);
    t.equal(await store.tell('certified', step, messages), false, 'a second time nothing is kept');
    const again = await reopen();
    t.equal(await again.webhookCursor('certified'), from + 9);
    t.equal(await again.webhookCursor('batched'), 0, 'each source has its own');
    const ids = new Set<string>();
    for (const { id } of [wanting, exact, all]) {
      t.strictSame(await statesOf(again, id), ['1 waiting']);
      const next = (await again.nextDelivery(id, NOW_MS))!;
      t.strictSame(next.message, messages[0]);
      t.match(next.delivery.id, /^msg_[0-9a-f]{32}$/);
      ids.add(next.delivery.id);
    }
    t.equal(ids.size, 3, 'each under its own id');
    for (const { id } of [cases, off]) t.strictSame(await statesOf(again, id), []);
  });

  t.test('of tellings that come at once one is kept', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const { id } = await added(t, store, webhookOf(owner));
    const step = { from: 0, to: 5, nowMs: NOW_MS };
    const kept = await Promise.all(
      Array.from({ length: 8 }, () => store.tell('batched', step, [messageOf(owner)])),
    );
    t.equal(kept.filter(Boolean).length, 1);
    t.strictSame(await statesOf(store, id), ['1 waiting']);
  });

  t.test('what cannot be kept whole leaves the cursor where it was', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const { id } = await added(t, store, webhookOf(owner));
    const twice = messageOf(owner);
    await t.rejects(store.tell('batched', { from: 0, to: 5, nowMs: NOW_MS }, [twice, twice]));
    t.equal(await store.webhookCursor('batched'), 0);
    t.strictSame(await statesOf(store, id), []);
  });

  t.test('deliveries come in the order of their times, then of their numbers', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const { id } = await added(t, store, webhookOf(owner));
    await told(t, store, [messageOf(owner), messageOf(owner), messageOf(owner)]);
    const numberNow = async (nowMs = NOW_MS) => (await store.nextDelivery(id, nowMs))?.delivery.number;
    t.equal(await numberNow(NOW_MS - 1), undefined);
    t.strictSame(await store.dueWebhooks(NOW_MS - 1), []);
    t.strictSame(await store.dueWebhooks(NOW_MS), [{ id, organization: owner }]);
    t.equal(await numberNow(), 1);
    await attempted(store, id, { state: 'waiting', dueMs: NOW_MS + 10 });
    t.equal(await numberNow(), 2, 'later ones do not wait for one that failed');
    t.equal(await numberNow(NOW_MS + 10), 2, 'which comes behind those that are due before it');
    await attempted(store, id);
    await attempted(store, id);
    t.equal(await numberNow(), undefined);
    t.equal(await numberNow(NOW_MS + 10), 1);
  });

  t.test('an attempt is recorded once, with all that follows from it', async (t) => {
    const { store, reopen } = await open(t);
    const owner = await addOrganization(store);
    const { id } = await added(t, store, webhookOf(owner));
    await told(t, store, [messageOf(owner)]);
    const attempt = {
      atMs: NOW_MS,
      durationMs: 5,
      status: undefined,
      error: { code: 'door-unreachable', detail: { host: 'a' } },
    };
    const failed = { state: 'waiting', dueMs: NOW_MS + 50, failingSinceMs: NOW_MS, attempt } as const;
    const { delivery } = (await store.nextDelivery(id, NOW_MS))!;
    t.equal(await attempted(store, id, { ...failed, restsUntilMs: NOW_MS + 60 }), true);
    t.equal(
      await store.recordDeliveryAttempt({
        delivery: delivery.id,
        webhook: id,
        expected: 0,
        attempt: { atMs: NOW_MS, durationMs: 1, status: 200, error: undefined },
        state: 'delivered',
        dueMs: undefined,
        failingSinceMs: undefined,
        restsUntilMs: undefined,
        disable: undefined,
      }),
      false,
      'another instance was first',
    );
    t.match(await store.webhook(owner, id), { failingSinceMs: NOW_MS, restsUntilMs: NOW_MS + 60 });
    t.equal(await store.nextDelivery(id, NOW_MS + 59), undefined, 'its receiver is left in peace');
    t.strictSame(await store.dueWebhooks(NOW_MS + 59), []);
    t.strictSame(await store.dueWebhooks(NOW_MS + 60), [{ id, organization: owner }]);
    t.equal(await attempted(store, id, {}, NOW_MS + 60), true);
    t.match(await store.webhook(owner, id), { failingSinceMs: undefined, restsUntilMs: undefined });
    const again = await reopen();
    const found = await again.delivery(id, delivery.id);
    t.strictSame(found?.attempts, [
      attempt,
      { atMs: NOW_MS + 60, durationMs: 7, status: 200, error: undefined },
    ]);
    t.strictSame(found?.delivery, {
      ...delivery,
      state: 'delivered',
      attempts: 2,
      tries: 2,
      dueMs: undefined,
      settledMs: NOW_MS + 67,
    });
  });

  t.test('a webhook that is disabled is told nothing more, and the others of it', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const gone = await added(t, store, webhookOf(owner));
    const other = await added(t, store, webhookOf(owner, { types: ['webhook.disabled'] }));
    await told(t, store, [messageOf(owner), messageOf(owner)]);
    const message = messageOf(owner, { type: 'webhook.disabled' });
    await attempted(store, gone.id, { state: 'failed', disable: { why: 'gone', message } });
    t.match(await store.webhook(owner, gone.id), { disabled: { why: 'gone', atMs: NOW_MS + 7 } });
    t.strictSame(await statesOf(store, other.id), ['1 waiting']);
    t.equal(await store.nextDelivery(gone.id, NOW_MS + DAY_MS), undefined);
    await told(t, store, [messageOf(owner)]);
    t.equal(await store.tellOne(gone.id, messageOf(owner), NOW_MS), undefined);
    t.strictSame(await statesOf(store, gone.id), ['2 waiting', '1 failed']);
    t.equal(await store.tidyWebhooks(NOW_MS + 8, 0), false);
    t.strictSame(await statesOf(store, gone.id), ['2 failed', '1 failed'], 'nothing waits there');
    t.strictSame(await statesOf(store, other.id), ['1 waiting']);
  });

  t.test('replay makes due again: one, or all that failed since a time', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const { id } = await added(t, store, webhookOf(owner));
    for (let i = 0; i < 4; i++) await told(t, store, [messageOf(owner)], NOW_MS + i);
    for (const state of ['failed', 'failed', 'failed', 'delivered'] as const)
      await attempted(store, id, { state }, NOW_MS + 3);
    t.equal(await store.replayFailed(id, NOW_MS + 4, NOW_MS + 9, 10), 0);
    t.equal(await store.replayFailed(id, NOW_MS + 1, NOW_MS + 9, 1), 1, 'in bounded pieces, oldest first');
    t.strictSame(await statesOf(store, id), ['4 delivered', '3 failed', '2 waiting', '1 failed']);
    t.equal(await store.replayFailed(id, NOW_MS + 1, NOW_MS + 9, 10), 1);
    const [delivered] = (await store.deliveriesOf(id, { state: 'delivered' }, { limit: 1 })).items;
    t.equal(await store.replayDelivery(id, delivered!.id, NOW_MS + 9), true, 'one that arrived too');
    t.equal(await store.replayDelivery(id, 'msg_none', NOW_MS + 9), false);
    t.strictSame(await statesOf(store, id), ['4 waiting', '3 waiting', '2 waiting', '1 failed']);
    const { delivery } = (await store.nextDelivery(id, NOW_MS + 9))!;
    t.match(delivery, { number: 2, attempts: 1, tries: 0 }, 'with all tries before it, under its own id');
  });

  t.test('deliveries are listed newest first, by state, page by page', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const { id } = await added(t, store, webhookOf(owner));
    await told(
      t,
      store,
      Array.from({ length: 5 }, () => messageOf(owner)),
    );
    await attempted(store, id, { state: 'failed' });
    const numbers = (page: { items: readonly { number: number }[] }) =>
      page.items.map(({ number }) => number);
    const first = await store.deliveriesOf(id, {}, { limit: 2 });
    t.strictSame([numbers(first), first.next], [[5, 4], 4]);
    const rest = await store.deliveriesOf(id, {}, { below: first.next, limit: 3 });
    t.strictSame([numbers(rest), rest.next], [[3, 2, 1], undefined]);
    t.strictSame(numbers(await store.deliveriesOf(id, { state: 'failed' }, { limit: 9 })), [1]);
  });

  t.test('what is old is forgotten, and what belonged to a removed webhook', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const [kept, removed] = [
      await added(t, store, webhookOf(owner)),
      await added(t, store, webhookOf(owner)),
    ];
    await told(
      t,
      store,
      Array.from({ length: 600 }, () => messageOf(owner)),
    );
    await attempted(store, kept.id);
    const { delivery } = (await store.nextDelivery(removed.id, NOW_MS))!;
    await store.removeWebhook(owner, removed.id, NOW_MS);
    t.equal(await store.tidyWebhooks(NOW_MS, NOW_MS), true, 'in bounded pieces');
    for (let left = 9; await store.tidyWebhooks(NOW_MS, NOW_MS); ) t.ok(left-- > 0);
    t.equal(await store.delivery(removed.id, delivery.id), undefined);
    t.equal((await statesOf(store, kept.id)).length, 100, 'those of others stay');
    await store.tidyWebhooks(NOW_MS, NOW_MS + DAY_MS);
    const { items } = await store.deliveriesOf(kept.id, { state: 'delivered' }, { limit: 9 });
    t.strictSame(items, [], 'what was settled long ago goes');
    t.equal((await statesOf(store, kept.id)).length, 100, 'what waits stays, however old');
  });

  t.test('of the journal only evidence is told, of these organizations, between these places', async (t) => {
    const { store } = await open(t);
    const [one, two, other] = [
      await addOrganization(store),
      await addOrganization(store),
      await addOrganization(store),
    ];
    const manifest = (n: number) => `{"format":"kezheng-manifest/1","n":${n}}`;
    const entries = [one, two, other, one].map((of, n) => entryOf(of, { entry: manifest(n) }));
    const event = entryOf(one, {
      entry: '{"format":"kezheng-event/1","x":"\\"format\\":\\"kezheng-manifest/1\\""}',
    });
    for (const entry of [...entries, event]) await store.deposit(entry);
    const ids = (...places: readonly number[]) => places.map((n) => entries[n]!.id);
    const found = async (...args: Parameters<typeof store.evidenceBetween>) =>
      Object.fromEntries((await store.evidenceBetween(...args)).map((of) => [of.organization, of.ids]));
    t.strictSame(await found([one, two], 0, 9), { [one]: ids(0, 3), [two]: ids(1) });
    t.strictSame(await found([one, two], 1, 3), { [two]: ids(1) });
    t.strictSame(await store.evidenceBetween([], 0, 9), []);
  });
}
