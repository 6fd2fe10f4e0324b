import { hash } from 'node:crypto';
import type { CaseStore } from '../../ports/cases.ts';
import type { IdentityStore } from '../../ports/identity.ts';
import type { EvidenceStore } from '../../ports/store.ts';
import type { CaseRecord } from '../engine/case.ts';
import type { EvidenceCheck } from '../evidence.ts';
import type { Wanted } from '../room.ts';
import type { Application, EvidenceItem } from './application.ts';
import type { NotarizationData } from './data.ts';
import {
  DEFAULT_RULES,
  type DeedFact,
  type EvidenceFact,
  type NotarizationFacts,
  type OfficeRules,
} from './facts.ts';
import { officeOf } from './office.ts';

/* What the table of notarization has to be told, found out. */

/** As whoever issues it names it. */
export interface NamedDeed {
  readonly number: string;
  readonly sha256: string;
  readonly deposit: string;
}

export interface LookUps {
  readonly store: Pick<CaseStore, 'officeSettings' | 'deedByNumber'> &
    Pick<IdentityStore, 'organization'> &
    Pick<EvidenceStore, 'evidence'>;
  /** the whole check of an item of this organization: certificate, log, stored bytes */
  checkEvidence(organization: string, id: string): Promise<EvidenceCheck>;
  /** the same without reading its files, for a mere look */
  glanceAt(organization: string, id: string): Promise<EvidenceCheck>;
  /** whoever is a notary of the office now, approvers among them */
  notariesOf(office: string): Promise<readonly string[]>;
  /** whether the office's deposit holds this file, and whether its signature on it holds */
  examineDeed(caseId: string, office: string, named: NamedDeed): Promise<Omit<DeedFact, 'numberTaken'>>;
}

/** Actions that rest on the evidence as it is at this moment. */
const RESTING: readonly string[] = ['accept', 'draft'];

export async function factsFor(deps: LookUps, wanted: Wanted): Promise<NotarizationFacts> {
  const data = wanted.record?.data as NotarizationData | undefined;
  const application = applicationIn(wanted, data);
  const office = application?.office;
  const needsEvidence = wanted.action === undefined || RESTING.includes(wanted.action);
  return {
    evidence: needsEvidence && data?.application ? await evidenceOf(deps, data.application, wanted) : [],
    notaries: office === undefined ? [] : await deps.notariesOf(office),
    organizations: await rolesOf(deps, wanted.input, application),
    deed: office === undefined ? null : await deedOf(deps, office, wanted),
    rules: office === undefined ? DEFAULT_RULES : await rulesOf(deps, office),
  };
}

/** The one that the action brings, or that of the case. */
function applicationIn({ input }: Wanted, data: NotarizationData | undefined): Application | undefined {
  const brought = (input as { application?: Application } | null | undefined)?.application;
  return brought ?? data?.application ?? undefined;
}

async function evidenceOf(
  deps: LookUps,
  application: Application,
  { action, nowMs }: Wanted,
): Promise<EvidenceFact[]> {
  const look = action === undefined ? deps.glanceAt : deps.checkEvidence;
  const facts: EvidenceFact[] = [];
  for (const item of application.evidence) {
    const problems = problemsOf(item, await found(look, application, item.id));
    facts.push({
      id: item.id,
      verdict: problems.length === 0 ? 'valid' : 'problems',
      problems,
      // A mere look is not a check of this moment, and is believed only by whoever asks what is possible.
      checkedAtMs: nowMs,
    });
  }
  return facts;
}

/** Evidence of an applicant, or of the agent who deposited it for him. */
async function found(
  look: LookUps['checkEvidence'],
  application: Application,
  id: string,
): Promise<EvidenceCheck> {
  let last: EvidenceCheck | undefined;
  for (const owner of ownersIn(application)) {
    last = await look(owner, id);
    if (last.verdict !== 'not-there') return last;
  }
  return last!;
}

const ownersIn = ({ applicants, agent }: Application): readonly string[] => [
  ...new Set([
    ...applicants.map(({ organization }) => organization),
    ...(agent?.organization === undefined ? [] : [agent.organization]),
  ]),
];

/** Whose deposit it is; the first applicant's where it is nobody's. */
export async function ownerOf(deps: LookUps, application: Application, id: string): Promise<string> {
  const owners = ownersIn(application);
  for (const owner of owners) if ((await deps.store.evidence(owner, id)) !== undefined) return owner;
  return owners[0]!;
}

/** What is wrong with an item: by its own check, or because the application says something else of it. */
function problemsOf(item: EvidenceItem, check: EvidenceCheck): string[] {
  if (check.verdict === 'not-there' || check.verdict === 'no-certificate') return [check.verdict];
  const problems = check.checks
    .filter(({ status }) => status === 'failed' || (check.verdict !== 'valid' && status === 'unknown'))
    .map(({ id }) => id as string);
  for (const { looked } of check.files)
    if (looked === 'missing' || looked === 'damaged') problems.push(looked);
  if (item.leaf !== check.leaf) problems.push('leaf-differs');
  const known = new Set(check.files.map(({ sha256 }) => sha256));
  if (check.files.length > 0 && !item.files.every(({ sha256 }) => known.has(sha256)))
    problems.push('digest-differs');
  if (problems.length === 0 && check.verdict !== 'valid') problems.push(check.verdict);
  return [...new Set(problems)];
}

async function rolesOf(
  { store }: LookUps,
  input: unknown,
  application: Application | undefined,
): Promise<NotarizationFacts['organizations']> {
  const named = (input as { organization?: unknown } | null | undefined)?.organization;
  const ids = [application?.office, application?.agent?.organization, named].filter(
    (id): id is string => typeof id === 'string',
  );
  const roles: Record<string, NotarizationFacts['organizations'][string]> = {};
  for (const id of new Set(ids)) {
    const organization = await store.organization(id);
    if (organization !== undefined) roles[id] = organization.role;
  }
  return roles;
}

const OF_DEEDS: readonly (string | undefined)[] = ['issue', 'correct'];

async function deedOf(
  deps: LookUps,
  office: string,
  { action, input, record }: Wanted,
): Promise<DeedFact | null> {
  const { number, sha256, deposit } = (input ?? {}) as Partial<Record<string, unknown>>;
  if (!OF_DEEDS.includes(action)) return null;
  if (typeof number !== 'string' || typeof sha256 !== 'string' || typeof deposit !== 'string') return null;
  const known = await deps.store.deedByNumber(number);
  return {
    ...(await deps.examineDeed(record?.id ?? '', office, { number, sha256, deposit })),
    numberTaken: known !== undefined && known.case !== record?.id,
  };
}

const rulesOf = async ({ store }: LookUps, office: string): Promise<OfficeRules> =>
  (await officeOf(store, office)).rules;

export const codeHash = (code: string): string => hash('sha256', code, 'hex');

export const dataOf = (record: CaseRecord): NotarizationData => record.data as NotarizationData;
