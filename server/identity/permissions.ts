import type { OrganizationRole } from '../ports/identity.ts';

/*
 * Who may do what: this table, and nothing else. Each route names one action; what a case allows besides is in the
 * table of its procedure. Everything is seen from one organization: no role of one says anything in another.
 */

/** What people are in their organization; a person may be several. */
export const PERSON_ROLES = ['admin', 'member', 'reader', 'notary', 'approver', 'assistant'] as const;
export type PersonRole = (typeof PERSON_ROLES)[number];
export const isPersonRole = (word: string): word is PersonRole =>
  (PERSON_ROLES as readonly string[]).includes(word);

/** What keys may be made for. A key acts for its organization and is nobody in it. */
export const SCOPES = [
  'evidence:write',
  'evidence:read',
  'cases:write',
  'cases:read',
  'webhooks:write',
] as const;
export type Scope = (typeof SCOPES)[number];
export const isScope = (word: string): word is Scope => (SCOPES as readonly string[]).includes(word);

export const ORGANIZATION_ROLES = [
  'depositor',
  'law-firm',
  'notary',
  'court',
  'department',
  'operator',
] as const satisfies readonly OrganizationRole[];

const USUAL: readonly PersonRole[] = ['admin', 'member', 'reader'];

/** Which roles people of an organization can have: a notary is one of a notary office (公证法 Art. 16). */
export const ROLES_IN: Readonly<Record<OrganizationRole, readonly PersonRole[]>> = {
  depositor: USUAL,
  'law-firm': USUAL,
  notary: ['admin', 'notary', 'approver', 'assistant', 'reader'],
  court: USUAL,
  department: USUAL,
  operator: USUAL,
};

interface Permission {
  /** of which organizations; all where it is left out */
  readonly in?: readonly OrganizationRole[];
  /** people with one of these */
  readonly people: readonly PersonRole[];
  /** keys with this scope; where it is left out no key may */
  readonly key?: Scope;
}

const ANYBODY = PERSON_ROLES;
const WORKING: readonly PersonRole[] = ['admin', 'member', 'notary', 'approver', 'assistant'];

export const PERMISSIONS = {
  /** evidence of one's own organization */
  'evidence.deposit': {
    in: ['depositor', 'law-firm', 'notary', 'court', 'department'],
    people: WORKING,
    key: 'evidence:write',
  },
  'evidence.read': { people: ANYBODY, key: 'evidence:read' },
  /** who one is: name, organization, own password, second factors and sessions */
  'account.use': { people: ANYBODY },
  'organization.read': { people: ANYBODY },
  /** people of the own organization, their roles and invitations */
  'people.manage': { people: ['admin'] },
  'keys.manage': { people: ['admin'] },
  'webhooks.manage': { people: ['admin'], key: 'webhooks:write' },
  /** cases in which the organization has a part */
  'cases.open': { in: ['depositor', 'law-firm'], people: ['admin', 'member'], key: 'cases:write' },
  'cases.read': { people: ANYBODY, key: 'cases:read' },
  'cases.act': { people: WORKING, key: 'cases:write' },
  /** the office's own number format, signing certificates, fee items */
  'office.read': { in: ['notary'], people: ANYBODY },
  'office.manage': { in: ['notary'], people: ['admin'] },
  /** a whole identity number, for the case in which it was given */
  'identity-number.read': { in: ['notary'], people: ['notary', 'approver'] },
  /** what nobody but the operator does */
  'organizations.manage': { in: ['operator'], people: ['admin'] },
  'evidence.read-any': { in: ['operator'], people: ['admin', 'member'] },
  'service.watch': { in: ['operator'], people: ['admin', 'member', 'reader'] },
} as const satisfies Readonly<Record<string, Permission>>;

export type Action = keyof typeof PERMISSIONS;

/** Whoever asks: a person in an organization, or a machine by a key of it. */
export interface Asking {
  readonly organizationRole: OrganizationRole;
  readonly roles: readonly PersonRole[] | undefined;
  readonly scopes: readonly string[];
}

/** Why not; undefined where he may. */
export type Denied =
  | { readonly code: 'scope-missing'; readonly scope: Scope }
  | { readonly code: 'not-allowed' };

export function denied(action: Action, { organizationRole, roles, scopes }: Asking): Denied | undefined {
  const { in: organizations, people, key }: Permission = PERMISSIONS[action];
  if (organizations !== undefined && !organizations.includes(organizationRole))
    return { code: 'not-allowed' };
  if (roles === undefined) {
    if (key === undefined) return { code: 'not-allowed' };
    return scopes.includes(key) ? undefined : { code: 'scope-missing', scope: key };
  }
  // A role that is none in this kind of organization counts for nothing, however it came to be there.
  const held = roles.filter((role) => ROLES_IN[organizationRole].includes(role));
  return held.some((role) => people.includes(role)) ? undefined : { code: 'not-allowed' };
}
