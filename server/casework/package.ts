import { Readable } from 'node:stream';
import { utf8 } from '../core/read/bytes.ts';
import { type PackageItem, zipOf } from '../documents/package/zip.ts';
import { type CertificateDeps, certificateOf } from '../pipeline/certificate.ts';
import type { CaseEvent, CaseStore, StoredCase } from '../ports/cases.ts';
import { EVENTS_ID } from '../ports/identity.ts';
import type { EvidenceStore, StoredEntry } from '../ports/store.ts';

/*
 * A case as its parties take it with them (EVENTS.md, «package»): every event with its certificate, or as the entry
 * alone while it has none; what each says, as far as the reader may know it; the head; and the evidence's certificates.
 */

export interface CasePackageDeps {
  readonly store: CaseStore & Pick<EvidenceStore, 'evidence'>;
  readonly certificates: CertificateDeps;
}

export interface CasePackageParts {
  readonly stored: StoredCase;
  /** whether the reader may know what an event of this action says */
  readonly isOpen: (action: string) => boolean;
  readonly head: Uint8Array;
  /** whose evidence, and which */
  readonly evidence: readonly { readonly organization: string; readonly id: string }[];
  readonly readme: string;
  readonly nowMs: number;
}

/** Events of one read; a case has some dozens. */
const PAGE = 20;

export async function casePackage(deps: CasePackageDeps, parts: CasePackageParts): Promise<Readable> {
  const items: PackageItem[] = [{ name: 'README.txt', bytes: utf8(parts.readme) }];
  for (let from = 0; from < parts.stored.events; from += PAGE)
    for (const event of await deps.store.caseEvents(parts.stored.id, from, PAGE)) {
      // The head says how many there are: what came meanwhile is in no package of this moment.
      if (event.index >= parts.stored.events) break;
      items.push(await eventItem(deps, event));
      if (event.content !== undefined && parts.isOpen(actionOf(event)))
        items.push(contentItem(deps, event, Buffer.byteLength(event.content)));
    }
  items.push({ name: 'head.json', bytes: parts.head });
  for (const [i, { organization, id }] of parts.evidence.entries()) {
    const certificate = await certificateBytes(deps, await deps.store.evidence(organization, id));
    if (certificate !== undefined)
      items.push({ name: `evidence/${i + 1}/certificate.json`, bytes: certificate });
  }
  return zipOf(items, parts.nowMs);
}

/** Read again when it is its turn: what all of them say need not be in memory at once. */
const contentItem = ({ store }: CasePackageDeps, event: CaseEvent, size: number): PackageItem => ({
  name: `contents/${placeOf(event)}.json`,
  size,
  async open() {
    const [again] = await store.caseEvents(event.case, event.index, 1);
    return Readable.from([Buffer.from(again?.content ?? '')]);
  },
});

const placeOf = ({ index }: CaseEvent): string => String(index).padStart(6, '0');

export const actionOf = ({ entry }: CaseEvent): string => (JSON.parse(entry) as { action: string }).action;

async function eventItem(deps: CasePackageDeps, event: CaseEvent): Promise<PackageItem> {
  const { id } = JSON.parse(event.entry) as { id: string };
  const certificate = await certificateBytes(deps, await deps.store.evidence(EVENTS_ID, id));
  return certificate === undefined
    ? { name: `events/${placeOf(event)}.entry.json`, bytes: utf8(event.entry) }
    : { name: `events/${placeOf(event)}.certificate.json`, bytes: certificate };
}

const certificateBytes = async (
  { certificates }: CasePackageDeps,
  entry: StoredEntry | undefined,
): Promise<Uint8Array | undefined> =>
  entry === undefined ? undefined : (await certificateOf(certificates, entry))?.bytes;
