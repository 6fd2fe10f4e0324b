import { hash } from 'node:crypto';
import type { Static, TSchema } from 'typebox';
import type { CaseStore } from '../../ports/cases.ts';
import type { IdentityStore } from '../../ports/identity.ts';
import type { PeopleStore } from '../../ports/people.ts';
import type { EvidenceStore } from '../../ports/store.ts';
import type { CaseRecord } from '../engine/case.ts';
import { inputProblem } from '../engine/input.ts';
import type { EvidenceCheck } from '../evidence.ts';
import type { Wanted } from '../room.ts';
import { Application, type EvidenceItem, identitiesIn } from './application.ts';
import type { NotarizationData } from './data.ts';
import {
  DEFAULT_RULES,
  type DeedFact,
  type EvidenceFact,
  type NotarizationFacts,
  type OfficeRules,
} from './facts.ts';
import { Granting, Supply } from './inputs.ts';
import { officeOf } from './office.ts';
import { depositsOf } from './step.ts';

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
    Pick<PeopleStore, 'membersOf' | 'identityNumber'> &
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
    evidence: needsEvidence && data?.application ? await evidenceOf(deps, data, wanted) : [],
    notaries: office === undefined ? [] : await deps.notariesOf(office),
    organizations: await rolesOf(deps, wanted.input, application),
    own: await ownOf(deps, wanted),
    names: office === undefined ? {} : await namesOf(deps, office),
    identityNumbers: await numbersOf(deps, broughtIn(wanted.input)),
    interested: await membersOf(deps, application),
    deed: office === undefined ? null : await deedOf(deps, office, wanted),
    rules: office === undefined ? DEFAULT_RULES : await rulesOf(deps, office),
  };
}

/** The one that the action brings, or that of the case. */
function applicationIn({ input }: Wanted, data: NotarizationData | undefined): Application | undefined {
  return broughtIn(input) ?? data?.application ?? undefined;
}

/** Facts are looked up before an input is judged: what is not as its schema asks names nothing. */
const isOf = <Schema extends TSchema>(schema: Schema, value: unknown): value is Static<Schema> =>
  inputProblem(schema, value) === undefined;

function broughtIn(input: unknown): Application | undefined {
  const brought = (input as { application?: unknown } | null | undefined)?.application;
  return brought !== undefined && isOf(Application, brought) ? brought : undefined;
}

function depositsIn(input: unknown): readonly string[] {
  const application = broughtIn(input);
  if (application !== undefined) return depositsOf(application);
  if (isOf(Supply, input)) return (input.evidence ?? []).map(({ id }) => id);
  return isOf(Granting, input) && input.attachment !== undefined ? [input.attachment] : [];
}

async function ownOf({ store }: LookUps, { input, organization }: Wanted): Promise<readonly string[]> {
  const own: string[] = [];
  if (organization === undefined) return own;
  for (const id of depositsIn(input))
    if ((await store.evidence(organization, id)) !== undefined) own.push(id);
  return own;
}

/** One that was erased is there no longer: nobody can be identified by it. */
async function numbersOf({ store }: LookUps, brought: Application | undefined) {
  const numbers: Record<string, NotarizationFacts['identityNumbers'][string]> = {};
  for (const { reference } of brought === undefined ? [] : identitiesIn(brought)) {
    const kept = await store.identityNumber(reference);
    if (kept !== undefined && kept.erasedMs === undefined)
      numbers[reference] = { organization: kept.organization, masked: kept.masked };
  }
  return numbers;
}

const namesOf = async ({ store }: LookUps, office: string): Promise<NotarizationFacts['names']> =>
  Object.fromEntries((await store.membersOf(office)).map(({ person, name }) => [person, name]));

async function membersOf(
  { store }: LookUps,
  application: Application | undefined,
): Promise<readonly string[]> {
  const persons = new Set<string>();
  for (const organization of application === undefined ? [] : partiesIn(application))
    for (const { person } of await store.membersOf(organization)) persons.add(person);
  return [...persons];
}

async function evidenceOf(
  deps: LookUps,
  { application, owners }: NotarizationData,
  { action, nowMs }: Wanted,
): Promise<EvidenceFact[]> {
  const look = action === undefined ? deps.glanceAt : deps.checkEvidence;
  const facts: EvidenceFact[] = [];
  for (const item of application!.evidence) {
    const problems = problemsOf(item, await look(ownerOf({ owners }, item.id), item.id));
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

const partiesIn = ({ applicants, agent }: Application): readonly string[] => [
  ...new Set([
    ...applicants.map(({ organization }) => organization),
    ...(agent?.organization === undefined ? [] : [agent.organization]),
  ]),
];

/** Who put it in, and nobody else: that another names an item makes it none of his. */
export const ownerOf = ({ owners }: Pick<NotarizationData, 'owners'>, id: string): string => owners[id]!;

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
  const ids = [
    application?.office,
    ...(application === undefined ? [] : partiesIn(application)),
    named,
  ].filter((id): id is string => typeof id === 'string');
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
