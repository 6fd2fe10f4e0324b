import type { Application } from '../application.ts';
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
