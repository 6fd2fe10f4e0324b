import { type Application, type Identity, identitiesIn } from '../application.ts';
import { holdsIdentityNumber } from '../identity-number.ts';
import { Apply, given } from '../inputs.ts';
import { type Guards, refuseIf, type Seen } from './kind.ts';

/*
 * Whether an application is complete, and by whom it is made. Where the action brings the application, that is judged,
 * otherwise the one of the case.
 */

const brought = (seen: Seen): Application | undefined => given(Apply, seen)?.application;
const applied = (seen: Seen): Application | undefined => brought(seen) ?? seen.data.application ?? undefined;

const organizationsOf = ({ applicants }: Application): readonly string[] =>
  applicants.map(({ organization }) => organization);

const partiesIn = (application: Application): readonly string[] => [
  ...organizationsOf(application),
  ...(application.agent?.organization === undefined ? [] : [application.agent.organization]),
];

const MAY_NOT_APPLY: ReadonlySet<string | undefined> = new Set(['notary', 'operator']);
const roleOf = ({ facts }: Seen, id: string): string | undefined => facts.organizations[id];

/** It was put in before, by an organization that takes part still. */
export function hasOwner(seen: Seen, deposit: string): boolean {
  const owner = seen.data.owners[deposit];
  const application = applied(seen);
  return owner !== undefined && application !== undefined && partiesIn(application).includes(owner);
}

const isSame = (one: Identity, other: Identity): boolean =>
  one.reference === other.reference && one.masked === other.masked;

function isKept({ facts, actor }: Seen, { reference, masked }: Identity): boolean {
  const kept = facts.identityNumbers[reference];
  return kept?.organization === actor.organization && kept.masked === masked;
}

const actsAsAgent = (seen: Seen, { applicants, agent }: Application): boolean =>
  agent?.organization === seen.actor.organization &&
  !applicants.some(({ organization }) => organization === seen.actor.organization);

export const applyingGuards = {
  'no-identity-number': ({ input }) => refuseIf(holdsIdentityNumber(input)),

  'acts-for-itself': (seen) => {
    const application = brought(seen);
    if (application === undefined) return undefined;
    const { organization } = seen.actor;
    return refuseIf(
      !organizationsOf(application).includes(organization) &&
        application.agent?.organization !== organization,
    );
  },

  /** An office notarizes for others, and the operator has no part in any case. */
  'parties-apply': (seen) => {
    const application = applied(seen);
    const unfit = application && partiesIn(application).find((id) => MAY_NOT_APPLY.has(roleOf(seen, id)));
    return refuseIf(unfit !== undefined);
  },

  /** What has been in the case may stay; what is new is one's own, and shown as it is kept. */
  'identity-kept': (seen) => {
    const application = brought(seen);
    if (application === undefined) return undefined;
    const before = seen.data.application === null ? [] : identitiesIn(seen.data.application);
    return refuseIf(
      identitiesIn(application).some(
        (one) => !before.some((known) => isSame(one, known)) && !isKept(seen, one),
      ),
    );
  },

  /** Whom another names has no case until he says so himself. */
  'applicants-joined': (seen) => {
    const missing = applied(seen)?.applicants.find(
      ({ organization }) => !seen.data.joined.includes(organization),
    );
    return missing && { name: missing.name };
  },

  /** The power of attorney is a deposit of whoever put it in: of the applicant who gave it, or the agent who has it. */
  'authority-own': (seen) => {
    const deposit = applied(seen)?.agent?.authority?.deposit;
    if (deposit === undefined) return undefined;
    return refuseIf(!hasOwner(seen, deposit) && !seen.facts.own.includes(deposit));
  },

  'office-known': (seen) => {
    const application = applied(seen);
    return application && refuseIf(seen.facts.organizations[application.office] !== 'notary');
  },

  'office-stays': (seen) => {
    const application = brought(seen);
    return application && refuseIf(application.office !== seen.data.application?.office);
  },

  'applicants-stay': (seen) => {
    const application = brought(seen);
    if (application === undefined || seen.data.application === null) return undefined;
    const [before, after] = [organizationsOf(seen.data.application), organizationsOf(application)];
    return refuseIf(before.toSorted().join() !== after.toSorted().join());
  },

  'purpose-stated': (seen) => refuseIf(applied(seen)?.purpose === undefined),

  'interest-stated': (seen) => refuseIf(applied(seen)?.interest === undefined),

  'acquisition-stated': (seen) => refuseIf(applied(seen)?.acquisition === undefined),

  'jurisdiction-given': (seen) => refuseIf(applied(seen)?.jurisdiction === undefined),

  'evidence-chosen': (seen) => refuseIf((applied(seen)?.evidence.length ?? 0) === 0),

  'representative-named': (seen) => {
    const missing = applied(seen)?.applicants.find(
      ({ kind, representative }) => kind === 'organization' && representative === undefined,
    );
    return missing && { name: missing.name };
  },

  'agent-authorized': (seen) => {
    const application = applied(seen);
    const agent = application?.agent;
    if (agent === undefined) return undefined;
    const { authority, organization } = agent;
    const expired = authority?.untilMs !== undefined && authority.untilMs < seen.nowMs;
    const unknown = organization !== undefined && seen.facts.organizations[organization] === undefined;
    return authority === undefined || expired || unknown ? { name: agent.name } : undefined;
  },

  'agent-within-authority': (seen) => {
    const { application } = seen.data;
    if (application === null || !actsAsAgent(seen, application)) return undefined;
    const authority = application.agent?.authority;
    return refuseIf(authority === undefined || (authority.untilMs ?? seen.nowMs) < seen.nowMs);
  },

  'agent-specially-authorized': (seen) => {
    const { application } = seen.data;
    if (application === null || !actsAsAgent(seen, application)) return undefined;
    return refuseIf(application.agent?.authority?.scope !== 'special');
  },
} satisfies Guards;
