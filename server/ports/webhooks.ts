/*
 * Webhooks: what an organization wants to be told, and what became of telling it. A message is told once and for each
 * webhook that wants it becomes a delivery with a running number; each try to bring it there is an attempt.
 */

/** What can be told. Of cases each action has a type of its own, `case.<action>`. */
export const MESSAGE_TYPES = [
  'evidence.batched',
  'evidence.certified',
  'webhook.disabled',
  'webhook.test',
] as const;

/** More than anybody needs for receivers of his own; each of them costs every event a row. */
export const MOST_WEBHOOKS = 20;

/** By whoever manages it; its receiver said 410 Gone; nothing arrived there for days. */
export const DISABLED_WHY = ['by-owner', 'gone', 'failing'] as const;
export type DisabledWhy = (typeof DISABLED_WHY)[number];

/** Why an attempt came to nothing, beside what the door says. Sentences in messages/, subject `outside`. */
export const WEBHOOK_CODES = ['webhook-secret-unreadable'] as const;

export interface Webhook {
  readonly id: string;
  readonly organization: string;
  readonly url: string;
  readonly description: string;
  /** types, `case.*` and `evidence.*` for all of a kind, `*` for everything */
  readonly types: readonly string[];
  /** sealed */
  readonly secret: Uint8Array;
  /** the one before it, which signs beside it for a while */
  readonly previous: { readonly secret: Uint8Array; readonly untilMs: number } | undefined;
  readonly createdMs: number;
  readonly disabled: { readonly atMs: number; readonly why: DisabledWhy } | undefined;
  /** the first failed attempt since the last that succeeded */
  readonly failingSinceMs: number | undefined;
  /** not called before: its receiver asked for that, or it has been failing */
  readonly restsUntilMs: number | undefined;
}

export type NewWebhook = Pick<
  Webhook,
  'id' | 'organization' | 'url' | 'description' | 'types' | 'secret' | 'createdMs'
>;

/** Left out: it stays. `disabled: false` lets it begin anew. */
export interface WebhookChange {
  readonly url?: string | undefined;
  readonly description?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly disabled?: boolean | undefined;
}

export interface Message {
  /** says where it came from, so that nothing is told twice */
  readonly id: string;
  readonly organization: string;
  readonly type: string;
  /** when it happened */
  readonly atMs: number;
  /** JSON: what happened to what, by ids and states; nothing personal and no content */
  readonly data: string;
}

/** `failed`: given up, until somebody has it replayed. */
export const DELIVERY_STATES = ['waiting', 'delivered', 'failed'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface Delivery {
  /** `webhook-id`: the same in every attempt */
  readonly id: string;
  readonly webhook: string;
  /** of the webhook's deliveries, from 1 without gaps */
  readonly number: number;
  readonly type: string;
  readonly state: DeliveryState;
  /** in all */
  readonly attempts: number;
  /** since it was made, or replayed the last time */
  readonly tries: number;
  /** of one that waits */
  readonly dueMs: number | undefined;
  readonly createdMs: number;
  readonly settledMs: number | undefined;
}

export interface Attempt {
  readonly atMs: number;
  readonly durationMs: number;
  /** of the answer; undefined where none came */
  readonly status: number | undefined;
  /** why none came: a code of `outside` in messages/, with what its sentence names; nothing that the other side said */
  readonly error:
    | { readonly code: string; readonly detail: Readonly<Record<string, string | number>> }
    | undefined;
}

/** An attempt and what follows from it. */
export interface AttemptOutcome {
  readonly delivery: string;
  readonly webhook: string;
  /** attempts before this one: of two instances that tried at once one alone records it */
  readonly expected: number;
  readonly attempt: Attempt;
  readonly state: DeliveryState;
  /** of one that waits */
  readonly dueMs: number | undefined;
  /** of its webhook, from now on */
  readonly failingSinceMs: number | undefined;
  readonly restsUntilMs: number | undefined;
  /** Ends its webhook; the message goes to the organization's others. */
  readonly disable: { readonly why: DisabledWhy; readonly message: Message } | undefined;
}

/** What is followed, each by a cursor of its own: a sequence of the journal. */
export type WebhookSource = 'cases' | 'batched' | 'certified';

export interface WebhookStore {
  /** False where the organization has as many as it may. */
  addWebhook(webhook: NewWebhook): Promise<boolean>;
  /** Oldest first. */
  webhooksOf(organization: string): Promise<readonly Webhook[]>;
  /** Undefined where there is none, or where it belongs to another organization. */
  webhook(organization: string, id: string): Promise<Webhook | undefined>;
  changeWebhook(
    organization: string,
    id: string,
    change: WebhookChange,
    nowMs: number,
  ): Promise<Webhook | undefined>;
  /** The present secret becomes the previous one, for so long. */
  rotateWebhookSecret(
    organization: string,
    id: string,
    secret: Uint8Array,
    previousUntilMs: number,
  ): Promise<boolean>;
  /** Its secrets go at once, its deliveries with `tidyWebhooks`. */
  removeWebhook(organization: string, id: string, nowMs: number): Promise<boolean>;

  /** Of webhooks that are told things now. */
  listeners(): Promise<readonly Pick<Webhook, 'organization' | 'types'>[]>;
  webhookCursor(source: WebhookSource): Promise<number>;
  /**
   * Deliveries of these messages and the step of the cursor, in one transaction: a crash neither loses nor doubles any.
   * False where the cursor is elsewhere; then nothing is kept. What nobody wants leaves nothing either.
   */
  tell(
    source: WebhookSource,
    step: { readonly from: number; readonly to: number; readonly nowMs: number },
    messages: readonly Message[],
  ): Promise<boolean>;
  /** To this webhook alone, whatever it wants; undefined where it is disabled. The id of the delivery. */
  tellOne(webhook: string, message: Message, nowMs: number): Promise<string | undefined>;

  /** Enabled, not resting, and with a delivery that is due. */
  dueWebhooks(nowMs: number): Promise<readonly Pick<Webhook, 'id' | 'organization'>[]>;
  /** Of those that are due the one that is due longest; of equals the lowest number. */
  nextDelivery(
    webhook: string,
    nowMs: number,
  ): Promise<
    { readonly webhook: Webhook; readonly delivery: Delivery; readonly message: Message } | undefined
  >;
  /** False where it was overtaken, and then nothing is kept. */
  recordDeliveryAttempt(outcome: AttemptOutcome): Promise<boolean>;

  /** Newest first. */
  deliveriesOf(
    webhook: string,
    filter: { readonly state?: DeliveryState | undefined },
    page: { readonly below?: number | undefined; readonly limit: number },
  ): Promise<{ readonly items: readonly Delivery[]; readonly next: number | undefined }>;
  delivery(
    webhook: string,
    id: string,
  ): Promise<
    | { readonly delivery: Delivery; readonly message: Message; readonly attempts: readonly Attempt[] }
    | undefined
  >;
  /** Due now, with all tries before it; false where there is none. */
  replayDelivery(webhook: string, id: string, nowMs: number): Promise<boolean>;
  /** At most `limit` of those that failed and were made at or after this time, oldest first; how many. */
  replayFailed(webhook: string, sinceMs: number, nowMs: number, limit: number): Promise<number>;

  /**
   * A bounded piece; true where there may be more. What waits for a disabled webhook fails; what was settled before
   * `keptFromMs`, and all of webhooks that were removed, is forgotten.
   */
  tidyWebhooks(nowMs: number, keptFromMs: number): Promise<boolean>;

  /**
   * Evidence of these organizations that stands in the journal after `after` and not after `through`: of each that has
   * any, in the order of the journal.
   */
  evidenceBetween(
    organizations: readonly string[],
    after: number,
    through: number,
  ): Promise<readonly { readonly organization: string; readonly ids: readonly string[] }[]>;
}

/** Whether one of these is the type, or all of its kind, or everything. */
export const wants = (types: readonly string[], type: string): boolean =>
  types.some((one) => one === '*' || one === type || one === `${type.slice(0, type.indexOf('.'))}.*`);
