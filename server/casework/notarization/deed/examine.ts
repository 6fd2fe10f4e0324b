import type { Manifest } from '../../../core/entry/manifest.ts';
import type { CaseStore } from '../../../ports/cases.ts';
import type { EvidenceStore } from '../../../ports/store.ts';
import { recordOf } from '../../room.ts';
import type { DeedFact } from '../facts.ts';
import type { NamedDeed } from '../look-up.ts';
import { basisOf, type Papers, sealedOf } from './papers.ts';

export interface ExamineDeps {
  readonly store: Papers & Pick<CaseStore, 'caseById'> & Pick<EvidenceStore, 'evidence'>;
}

/**
 * Signed is only what this service sealed itself, under this number, for this case, and for the decision that stands
 * now: the signature was checked in full before it was put in. One that was sealed for an earlier draft is none.
 */
export async function examineDeed(
  { store }: ExamineDeps,
  caseId: string,
  office: string,
  { number, sha256, deposit }: NamedDeed,
): Promise<Omit<DeedFact, 'numberTaken'>> {
  const stored = await store.caseById(caseId);
  const basis = stored && basisOf(recordOf(stored));
  const sealed = (await sealedOf(store, caseId)).find((one) => one.sha256 === sha256);
  const signed = sealed !== undefined && sealed.number === number && sealed.basis === basis;
  const entry = await store.evidence(office, deposit);
  return { sha256, signed, deposit: entry !== undefined && holds(entry, sha256) ? deposit : null };
}

/** Its bytes and not only its digest. */
export const holds = ({ entry }: { readonly entry: string }, sha256: string): boolean =>
  (JSON.parse(entry) as Manifest).files.some((file) => file.digests === 'computed' && file.sha256 === sha256);
