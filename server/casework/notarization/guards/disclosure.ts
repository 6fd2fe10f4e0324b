import type { Grant } from '../data.ts';
import { Access, Granting, given, RevokeGrant } from '../inputs.ts';
import { type Guards, refuseIf, type Seen } from './kind.ts';

/** Nobody reads a case for longer than this without being granted it again. */
export const MAX_GRANT_MS = 366 * 86_400_000;

/** The grant that the action names by its number, from 1. */
const named = (seen: Seen): Grant | undefined =>
  seen.data.grants[(given(RevokeGrant, seen) ?? given(Access, seen))!.grant - 1];

const isOpen = (grant: Grant, nowMs: number): boolean => grant.revokedMs === null && nowMs <= grant.untilMs;

export const disclosureGuards = {
  'grantee-known': (seen) => {
    const granted = given(Granting, seen);
    return granted && refuseIf(seen.facts.organizations[granted.organization] !== granted.role);
  },

  /** A lawyer reads a case of others on the order of a court only, which whoever grants it has deposited. */
  'order-attached': (seen) => {
    const granted = given(Granting, seen);
    if (granted === undefined) return undefined;
    const { role, attachment } = granted;
    return refuseIf(attachment === undefined ? role === 'law-firm' : !seen.facts.own.includes(attachment));
  },

  'grant-limited': (seen) => {
    const granted = given(Granting, seen);
    if (granted === undefined) return undefined;
    const { untilMs } = granted;
    return untilMs <= seen.nowMs || untilMs > seen.nowMs + MAX_GRANT_MS ? { days: 366 } : undefined;
  },

  'grant-open': (seen) => {
    if (seen.input === undefined) return undefined;
    const grant = named(seen);
    return refuseIf(grant === undefined || grant.revokedMs !== null);
  },

  'granted-by-us': (seen) => {
    if (seen.input === undefined) return undefined;
    const grant = named(seen);
    return refuseIf(grant !== undefined && grant.by !== seen.actor.organization);
  },

  'grant-in-force': (seen) => {
    const own = seen.data.grants.filter(({ organization }) => organization === seen.actor.organization);
    if (seen.input === undefined) return refuseIf(!own.some((grant) => isOpen(grant, seen.nowMs)));
    const grant = named(seen);
    return refuseIf(grant === undefined || !own.includes(grant) || !isOpen(grant, seen.nowMs));
  },
} satisfies Guards;
