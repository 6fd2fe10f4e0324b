import type { CaseParty, Deed } from '../../ports/cases.ts';
import type { Actor, CaseRecord } from '../engine/case.ts';
import type { Item, Read, Room } from '../room.ts';
import { identitiesIn } from './application.ts';
import type { NotarizationData } from './data.ts';
import { codeHash, dataOf, factsFor, type LookUps, ownerOf } from './look-up.ts';
import { notarization } from './procedure.ts';

export interface NotarizationDeps extends LookUps {
  /** what a look-up of this case's deed needs besides its number: at least 80 random bits */
  codeOf(caseId: string): Promise<string>;
}

/** 办证, run by this service. */
export const notarizationRoom = (deps: NotarizationDeps): Room => ({
  procedure: notarization,
  facts: (wanted) => factsFor(deps, wanted),
  partiesOf: (record) => partiesIn(dataOf(record)),
  deedAfter: (record, action) => deedAfter(deps, record, action),
  items: async (record) => itemsOf(dataOf(record)),
  identities: (record) => {
    const { application } = dataOf(record);
    return application === null ? [] : identitiesIn(application).map(({ reference }) => reference);
  },
  accessFor: (record, actors, what, nowMs) => accessFor(dataOf(record), actors, what, nowMs),
  shown: (record, actors) => {
    const data = dataOf(record);
    if (isOfOffice(record, actors)) return data;
    // Whoever was granted access reads by the package, which leaves its trace.
    return isParty(data, actors) ? outward(data) : {};
  },
  isOpen: (record, action, actors) => !INWARD.includes(action) || isOfOffice(record, actors),
});

/** Of one organization a part is the widest: whoever granted itself access is a party all the same. */
function partiesIn({ application, grants }: NotarizationData): readonly CaseParty[] {
  const parties = new Map<string, CaseParty>();
  const add = (organization: string, part: string, untilMs?: number): void => {
    const key = `${organization} ${part}`;
    const known = parties.get(key);
    const isLonger =
      known === undefined ||
      (known.untilMs !== undefined && (untilMs === undefined || untilMs > known.untilMs));
    if (isLonger) parties.set(key, { organization, part, untilMs });
  };
  if (application === null) return [];
  for (const { organization } of application.applicants) add(organization, 'applicant');
  if (application.agent?.organization !== undefined) add(application.agent.organization, 'agent');
  add(application.office, 'office');
  for (const { organization, untilMs, revokedMs } of grants)
    if (revokedMs === null) add(organization, 'grantee', untilMs + 1);
  return [...parties.values()];
}

const itemsOf = (data: NotarizationData): readonly Item[] =>
  (data.application?.evidence ?? []).map(({ id }) => ({ id, organization: ownerOf(data, id) }));

const isParty = ({ application }: NotarizationData, actors: readonly Actor[]): boolean =>
  actors.some(
    ({ organization }) =>
      application?.applicants.some((applicant) => applicant.organization === organization) ||
      application?.agent?.organization === organization ||
      application?.office === organization,
  );

function accessFor(data: NotarizationData, actors: readonly Actor[], what: Read, nowMs: number) {
  if (isParty(data, actors)) return undefined;
  const isOpen = ({ organization, revokedMs, untilMs }: NotarizationData['grants'][number]): boolean =>
    actors.some((actor) => actor.organization === organization) && revokedMs === null && nowMs <= untilMs;
  // Where none is in force the last one refuses, and says so.
  const open = data.grants.findLastIndex(isOpen);
  const grant = open === -1 ? Math.max(1, data.grants.length) : open + 1;
  return { action: 'access', input: { grant, what } };
}

/** What notaries consider among themselves before there is a deed is theirs (公证法 23 (8), secrets of their work). */
const INWARD: readonly string[] = [
  ...['assign', 'declare-recusal', 'check-obtaining', 'record-check', 'record-review'],
  ...['draft', 'return', 'recall', 'approve', 'draft-correction', 'approve-correction'],
];

const isOfOffice = (record: CaseRecord, actors: readonly Actor[]): boolean =>
  actors.some(({ organization }) => organization === dataOf(record).application?.office);

const outward = (data: NotarizationData): NotarizationData => ({
  ...data,
  recusal: null,
  obtaining: null,
  review: null,
  draft: null,
  approval: null,
  deedCorrection: null,
});

const CHANGES: Readonly<Record<string, Deed['state']>> = {
  issue: 'valid',
  correct: 'corrected',
  revoke: 'revoked',
  announce: 'revoked',
};

/** What the public look-up says of the deed after this action; undefined where the action changes nothing of it. */
async function deedAfter(
  deps: NotarizationDeps,
  record: CaseRecord,
  action: string,
): Promise<Deed | undefined> {
  const data = dataOf(record);
  const { deed, application } = data;
  if (!(action in CHANGES) || deed === null || application === null) return undefined;
  const [first] = deed.versions;
  const last = deed.versions.at(-1)!;
  return {
    number: first!.number,
    office: application.office,
    case: record.id,
    codeHash: codeHash(await deps.codeOf(record.id)),
    state: deed.status,
    issuedMs: first!.atMs,
    evidence: last.deposit,
    sha256: last.sha256,
    history: JSON.stringify(historyOf(deed)),
  };
}

/** Dates and links, and nothing that names anybody. */
function historyOf({ versions, revocation, announcements }: NonNullable<NotarizationData['deed']>) {
  const at = (ms: number): string => new Date(ms).toISOString();
  return [
    ...versions.map(({ atMs, sha256, number }, i) => ({
      what: i === 0 ? 'issued' : 'corrected',
      at: at(atMs),
      number,
      sha256,
    })),
    ...(revocation === null ? [] : [{ what: 'revoked', at: at(revocation.atMs) }]),
    ...announcements.map(({ atMs, place, url }) => ({
      what: 'announced',
      at: at(atMs),
      place,
      ...(url !== undefined && { url }),
    })),
  ];
}
