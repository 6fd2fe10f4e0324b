import type { AnchorStore, Batch, BatchStore } from '../../ports/store.ts';
import { type Message, type WebhookStore, wants } from '../../ports/webhooks.ts';

export interface TellEvidenceDeps {
  readonly store: Pick<WebhookStore, 'listeners' | 'webhookCursor' | 'tell' | 'evidenceBetween'> &
    Pick<BatchStore, 'placeOf'> &
    Pick<AnchorStore, 'anchorsOfBatch'>;
  readonly publicUrl: string;
  readonly nowMs: () => number;
}

type EvidenceSource = 'batched' | 'certified';

/** Entries that one round looks at, so that a batch of a million holds nothing else up; some milliseconds of reading. */
const MOST_ENTRIES = 2_000;

/** Some 10 KB; the Standard Webhooks rules ask for less than 20. */
const MOST_IDS = 250;

/**
 * Evidence has come into a batch, or the batch is final and certificates can be had. Deposits know nothing of this: it
 * follows the journal behind them, batch by batch. True where there may be more.
 */
export async function tellEvidence(source: EvidenceSource, deps: TellEvidenceDeps): Promise<boolean> {
  const { store, publicUrl, nowMs } = deps;
  const from = await store.webhookCursor(source);
  const batch = (await store.placeOf(from + 1))?.batch;
  const atMs = batch && (source === 'batched' ? batch.sealedMs : await finalMsOf(batch, store));
  if (batch === undefined || atMs === undefined) return false;
  const type = `evidence.${source}`;
  const wanting = (await store.listeners()).filter(({ types }) => wants(types, type));
  const organizations = [...new Set(wanting.map(({ organization }) => organization))];
  const to =
    organizations.length === 0 ? batch.lastSequence : Math.min(batch.lastSequence, from + MOST_ENTRIES);
  const found = organizations.length === 0 ? [] : await store.evidenceBetween(organizations, from, to);
  const state = source === 'batched' ? 'batched' : 'anchored';
  const messages = piecesOf(found).map(
    ({ organization, ids }): Message => ({
      // The first entry of a piece is in no other one.
      id: `${source}/${ids[0]}`,
      organization,
      type,
      atMs,
      data: JSON.stringify({ ids, state, batch: batch.number, links: linksOf(source, publicUrl) }),
    }),
  );
  await store.tell(source, { from, to, nowMs: nowMs() }, messages);
  return true;
}

/** When it became final in the first log that it did in. */
async function finalMsOf(
  batch: Batch,
  store: Pick<AnchorStore, 'anchorsOfBatch'>,
): Promise<number | undefined> {
  const times = (await store.anchorsOfBatch(batch.number)).flatMap(({ finalMs }) => finalMs ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Where each is found: templates (RFC 6570), as a link for each would be most of the message. */
const linksOf = (source: EvidenceSource, publicUrl: string) => ({
  evidence: `${publicUrl}/v1/evidence/{id}`,
  ...(source === 'certified' && { certificate: `${publicUrl}/v1/evidence/{id}/certificate` }),
});

/** No message is longer than it should be. */
const piecesOf = (
  found: Awaited<ReturnType<WebhookStore['evidenceBetween']>>,
): { readonly organization: string; readonly ids: readonly string[] }[] =>
  found.flatMap(({ organization, ids }) =>
    Array.from({ length: Math.ceil(ids.length / MOST_IDS) }, (_, i) => ({
      organization,
      ids: ids.slice(i * MOST_IDS, (i + 1) * MOST_IDS),
    })),
  );
