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

/** With their links some 15 KB; the Standard Webhooks rules ask for less than 20. */
const MOST_IDS = 100;

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
      data: JSON.stringify({
        ids,
        state,
        batch: batch.number,
        links: ids.map((id) => `${publicUrl}/v1/evidence/${id}`),
      }),
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

/** Of each organization by itself, in the order of the journal. */
function piecesOf(
  found: readonly { readonly organization: string; readonly id: string }[],
): { organization: string; ids: string[] }[] {
  const open = new Map<string, string[]>();
  const pieces: { organization: string; ids: string[] }[] = [];
  for (const { organization, id } of found) {
    let ids = open.get(organization);
    if (ids === undefined || ids.length === MOST_IDS) {
      ids = [];
      open.set(organization, ids);
      pieces.push({ organization, ids });
    }
    ids.push(id);
  }
  return pieces;
}
