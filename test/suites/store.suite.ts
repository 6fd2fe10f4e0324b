import t, { type Test } from 'tap';
import type { Store } from '../../server/ports/store.ts';
import { anchorGuarantees } from './store-anchors.ts';
import { batchTokenGuarantees } from './store-batch-tokens.ts';
import { caseGuarantees } from './store-cases.ts';
import { certificateAndIdentityGuarantees } from './store-certificates.ts';
import { fixityGuarantees } from './store-fixity.ts';
import { idempotencyGuarantees } from './store-idempotency.ts';
import { journalGuarantees } from './store-journal.ts';
import { listingGuarantees } from './store-listing.ts';
import { peopleGuarantees } from './store-people.ts';
import { type Stamping, stampGuarantees } from './store-stamps.ts';
import { webhookGuarantees } from './store-webhooks.ts';

/** An empty store of the adapter under test. `reopen` closes it and opens it again over the same data. */
export interface StoreUnderTest {
  readonly store: Store;
  reopen(): Promise<Store>;
  /** what it signs tokens with */
  readonly stamping: Stamping;
}

export type OpenStore = (t: Test) => Promise<StoreUnderTest>;

/** What every adapter of the port `store` guarantees, whatever it stands on. */
export function storeSuite(adapter: string, open: OpenStore): void {
  t.test(`${adapter}: deposits and batches`, (t) => journalGuarantees(t, open));
  t.test(`${adapter}: idempotency`, (t) => idempotencyGuarantees(t, open));
  t.test(`${adapter}: listing`, (t) => listingGuarantees(t, open));
  t.test(`${adapter}: anchors`, (t) => anchorGuarantees(t, open));
  t.test(`${adapter}: certificates, organizations and keys`, (t) =>
    certificateAndIdentityGuarantees(t, open),
  );
  t.test(`${adapter}: fixity`, (t) => fixityGuarantees(t, open));
  t.test(`${adapter}: stamps`, (t) => stampGuarantees(t, open));
  t.test(`${adapter}: cases`, (t) => caseGuarantees(t, open));
  t.test(`${adapter}: people`, (t) => peopleGuarantees(t, open));
  t.test(`${adapter}: webhooks`, (t) => webhookGuarantees(t, open));
  t.test(`${adapter}: tokens of batches`, (t) => batchTokenGuarantees(t, open));
}
