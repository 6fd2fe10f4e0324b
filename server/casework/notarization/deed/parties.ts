import type { DeedAgent, DeedParty } from '../../../documents/deed/content.ts';
import { deedWords } from '../../../messages/deed.ts';
import type { PeopleStore } from '../../../ports/people.ts';
import type { Application } from '../application.ts';

/* Whom a deed names, with masked numbers of documents: whole ones leave their sealed store for no paper. */

export interface PartyDeps {
  readonly store: Pick<PeopleStore, 'identityNumber'>;
}

type Applicant = Application['applicants'][number];
type Identity = NonNullable<Applicant['identity']>;

export async function partiesOf(
  deps: PartyDeps,
  { applicants, agent }: Application,
): Promise<{ readonly applicants: readonly DeedParty[]; readonly agent: DeedAgent | null }> {
  const parties: DeedParty[] = [];
  for (const applicant of applicants) parties.push(await applicantOf(deps, applicant));
  return { applicants: parties, agent: agent === undefined ? null : await agentOf(deps, agent) };
}

async function applicantOf(deps: PartyDeps, { kind, name, identity, uscc }: Applicant): Promise<DeedParty> {
  if (kind === 'person') return { kind, name, identity: await identityText(deps, identity) };
  return { kind, name, identity: uscc === undefined ? null : deedWords('office-code', { uscc }).zh };
}

async function agentOf(
  deps: PartyDeps,
  { name, identity, authority }: NonNullable<Application['agent']>,
): Promise<DeedAgent> {
  const scope = authority?.scope ?? 'general';
  return {
    kind: 'person',
    name,
    identity: await identityText(deps, identity),
    authority: deedWords(`authority-${scope}`).zh,
  };
}

const KINDS = ['resident', 'passport'] as const;

async function identityText(deps: PartyDeps, identity: Identity | undefined): Promise<string | null> {
  if (identity === undefined) return null;
  const kept = await deps.store.identityNumber(identity.reference);
  const kind = KINDS.find((one) => one === kept?.kind) ?? 'other';
  return `${deedWords(`identity-${kind}`).zh} ${identity.masked}`;
}
