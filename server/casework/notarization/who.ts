import type { Actor } from '../engine/case.ts';
import type { NotarizationData } from './data.ts';
import type { Who } from './names.ts';

/** What the actor is to the case. Nobody who only reads acts; a grantee's access is a reading. */
export function whoIs(actor: Actor, data: NotarizationData): readonly Who[] {
  if (actor.role === 'system') return ['system'];
  if (data.application === null) return mayOpen(actor) ? ['applicant'] : [];
  return [...asParty(actor, data), ...asOffice(actor, data), ...asGrantee(actor, data)];
}

const ACTING: readonly string[] = ['admin', 'member', 'machine'] satisfies Actor['role'][];

/** An office notarizes for others, and the operator has no part in any case. */
const mayOpen = (actor: Actor): boolean =>
  actor.organizationRole !== 'notary' && actor.organizationRole !== 'operator' && ACTING.includes(actor.role);

/** Who was only named by another has no part until he joins of his own will. */
function asParty(actor: Actor, { application, joined }: NotarizationData): readonly Who[] {
  if (!ACTING.includes(actor.role)) return [];
  const { applicants, agent } = application!;
  const isNamed = applicants.some(({ organization }) => organization === actor.organization);
  const acts = (isNamed && joined.includes(actor.organization)) || agent?.organization === actor.organization;
  return [
    ...(acts ? (['applicant'] as const) : []),
    ...(isNamed && !joined.includes(actor.organization) ? (['named-applicant'] as const) : []),
  ];
}

function asOffice(actor: Actor, { application, handling }: NotarizationData): readonly Who[] {
  if (actor.organizationRole !== 'notary' || actor.organization !== application!.office) return [];
  if (actor.role === 'admin') return ['office-admin'];
  if (actor.role === 'assistant') return ['assistant'];
  if (actor.role !== 'notary' && actor.role !== 'approver') return [];
  const handles = actor.person !== null && handling?.person === actor.person;
  return [
    'office-notary',
    ...(handles ? (['handling-notary'] as const) : []),
    ...(actor.role === 'approver' ? (['approver'] as const) : []),
  ];
}

const asGrantee = (actor: Actor, { grants }: NotarizationData): readonly Who[] =>
  grants.some(({ organization }) => organization === actor.organization) ? ['grantee'] : [];
