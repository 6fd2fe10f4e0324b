import type { Kysely } from 'kysely';
import { caseReads, caseWrites } from './cases.ts';
import { peopleReads, peopleWrites } from './people.ts';
import type { SharedSchema } from './shared-schema.ts';
import { deliveryReads, deliveryWrites } from './webhook-deliveries.ts';
import { tellingReads, tellingWrites } from './webhook-telling.ts';
import { webhookReads, webhookWrites } from './webhooks.ts';
import type { Verbs } from './work.ts';

/** All verbs that both databases have in common; in `query` are the builder and the words of one of them. */
export const sharedReads = (query: Kysely<SharedSchema>) => ({
  ...caseReads(query),
  ...peopleReads(query),
  ...webhookReads(query),
  ...tellingReads(query),
  ...deliveryReads(query),
});
export const sharedWrites = (query: Kysely<SharedSchema>) => ({
  ...caseWrites(query),
  ...peopleWrites(query),
  ...webhookWrites(query),
  ...tellingWrites(query),
  ...deliveryWrites(query),
});

export type SharedReads = Verbs<ReturnType<typeof sharedReads>>;
export type SharedWrites = Verbs<ReturnType<typeof sharedWrites>>;
