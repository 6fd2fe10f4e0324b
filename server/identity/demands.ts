import type { OrganizationRole } from '../ports/identity.ts';
import type { PeopleStore } from '../ports/people.ts';
import type { SignedIn } from './sessions.ts';

/*
 * Who has to prove himself twice. Notary offices and the operator always do: the one signs deeds, the other can read
 * what is not his. Other organizations may ask it of their people.
 */
const ALWAYS: readonly OrganizationRole[] = ['notary', 'operator'];

/** What counts beside a password or another service's word. A passkey verifies its user, and is two in one. */
const SECOND: readonly string[] = ['totp', 'passkey', 'recovery'];

export const isProvedTwice = (factors: readonly string[]): boolean =>
  factors.some((one) => SECOND.includes(one));

export type Demands = (of: Pick<SignedIn, 'organization' | 'of'>) => Promise<boolean>;

/** `isDemonstration`: its open passwords are good for looking at everything. */
export const demandsOf =
  (store: Pick<PeopleStore, 'demandsSecondFactor'>, isDemonstration: boolean): Demands =>
  async ({ organization, of }) =>
    (!isDemonstration && ALWAYS.includes(of.role)) || store.demandsSecondFactor(organization);
