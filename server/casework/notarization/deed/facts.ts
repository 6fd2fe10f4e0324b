import type { EventEntry } from '../../../core/entry/event.ts';
import type { Manifest } from '../../../core/entry/manifest.ts';
import type { CheckedItem, DeedFacts } from '../../../documents/deed/assemble.ts';
import { DeedProblem } from '../../../documents/deed/problem.ts';
import { sentence } from '../../../messages/sentence.ts';
import type { CaseEvent, CaseStore } from '../../../ports/cases.ts';
import type { EvidenceStore } from '../../../ports/store.ts';
import type { CaseRecord } from '../../engine/case.ts';
import { label } from '../../engine/words.ts';
import type { EvidenceCheck } from '../../evidence.ts';
import type { Application, EvidenceItem } from '../application.ts';
import { dataOf, type LookUps, ownerOf } from '../look-up.ts';
import { type PartyDeps, partiesOf } from './parties.ts';

/* What the text of a deed is put together from: the case, and the last check of its evidence that was recorded in it. */

export interface FactsDeps extends PartyDeps, LookUps {
  readonly store: PartyDeps['store'] &
    LookUps['store'] &
    Pick<CaseStore, 'caseEvents'> &
    Pick<EvidenceStore, 'evidence'>;
  /** the service's name */
  readonly service: string;
}

/** 公证法 11. */
const ITEMS: Readonly<Record<Application['matter'], string>> = {
  'evidence-preservation': '九',
  'document-conformity': '十',
  'other-voluntary': '十一',
};

export const matterText = ({ matter }: Application): string =>
  label('zh', 'notarization', 'case-code', `matter.${matter}`);

/** Throws DeedProblem where the case is not that far. */
export async function deedFacts(deps: FactsDeps, record: CaseRecord, events: number): Promise<DeedFacts> {
  const data = dataOf(record);
  const { application, acceptance, handling } = data;
  if (application === null || acceptance === null || handling === null)
    throw new DeedProblem('deed-not-accepted');
  const all = await deps.store.caseEvents(record.id, 0, events);
  const { checkedAt, reports } = lastCheck(all, application, handling.person);
  const items: CheckedItem[] = [];
  for (const item of application.evidence)
    items.push(await checkedItem(deps, ownerOf(data, item.id), item, reports.get(item.id)!));
  return {
    ...(await partiesOf(deps, application)),
    matter: matterText(application),
    matterItem: ITEMS[application.matter],
    purpose: onOneLine(application.purpose ?? ''),
    obtained: onOneLine(application.acquisition ?? ''),
    appliedAt: submittedAt(all) ?? new Date(record.openedMs).toISOString(),
    acceptedAt: new Date(acceptance.atMs).toISOString(),
    checkedAt,
    extraction: null,
    service: deps.service,
    testChain: [...reports.values()].some(({ testChain }) => testChain === true),
    items,
  };
}

/** What an applicant wrote stays within its own sentence: none of its lines becomes a part of the deed. */
const onOneLine = (text: string): string => text.trim().replaceAll(/\s*[\r\n]+\s*/g, ' ');

const entryOf = ({ entry }: CaseEvent): EventEntry => JSON.parse(entry) as EventEntry;

const submittedAt = (all: readonly CaseEvent[]): string | undefined =>
  all.map(entryOf).find(({ action }) => action === 'submit')?.at;

/**
 * The last one that the handling notary made, of every item: the deed says of him that he made it. One that left out what
 * was supplied later says nothing of the case.
 */
function lastCheck(all: readonly CaseEvent[], { evidence }: Application, notary: string) {
  let missing = evidence[0];
  for (const event of all.toReversed()) {
    const { action, at, actor } = entryOf(event);
    const counts = action === 'record-check' && actor.person === notary;
    if (!counts || event.content === undefined) continue;
    const { reports = [] } = JSON.parse(event.content) as { readonly reports?: readonly EvidenceCheck[] };
    const byId = new Map(reports.map((report) => [report.evidence, report]));
    missing = evidence.find(({ id }) => !byId.has(id));
    if (missing === undefined) return { checkedAt: at, reports: byId };
  }
  throw new DeedProblem('deed-not-checked', { title: missing?.title ?? '' });
}

async function checkedItem(
  deps: FactsDeps,
  owner: string,
  item: EvidenceItem,
  report: EvidenceCheck,
): Promise<CheckedItem> {
  const entry = await deps.store.evidence(owner, item.id);
  const verdict = report.verdict === 'valid' || report.verdict === 'invalid' ? report.verdict : 'incomplete';
  const { evidence: described } = JSON.parse(entry?.entry ?? '{}') as Partial<Manifest>;
  return {
    verdict,
    verdictText: sentence('zh', 'verdict', verdict),
    reason: verdict === 'valid' ? '' : reasonOf(report),
    grade: described?.origin.grade ?? '',
    filesCompared: report.files.filter(({ looked }) => looked === 'recomputed').length,
    item: annexItem(item, report),
  };
}

export const annexItem = (item: EvidenceItem, report: EvidenceCheck): CheckedItem['item'] => ({
  title: item.title,
  certificate: report.certificate ?? null,
  provenAt: report.provenAt ?? null,
  leaf: item.leaf,
  files: report.files.map(({ name, size, sha256, sm3 }) => ({ name, size, sha256, sm3 })),
});

/** The first thing that was found wrong, or could not be found out. */
function reasonOf({ verdict, checks, files }: EvidenceCheck): string {
  const lost = files.find(({ looked }) => looked === 'missing' || looked === 'damaged');
  if (lost !== undefined) return sentence('zh', 'problem', `stored-file-${lost.looked}`);
  const open =
    checks.find(({ status }) => status === 'failed') ?? checks.find(({ status }) => status === 'unknown');
  if (open !== undefined) return sentence('zh', 'reason', open.reason.code, open.reason.detail);
  return sentence('zh', 'problem', verdict === 'not-there' ? 'not-found' : 'certificate-not-ready');
}
