import type { Clock } from '../ports/clock.ts';
import type { PeopleStore } from '../ports/people.ts';
import type { IdentityStore } from '../ports/store.ts';
import { eventRecorder, type RecordEvent } from './account-events.ts';
import type { Addresses } from './addresses.ts';
import type { Devices } from './devices.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import { createSessions, type SessionLimits, type Sessions } from './sessions.ts';
import { createSignIn, type SignIn } from './sign-in.ts';

/** All that routes about people stand on. */
export interface Accounts {
  readonly store: PeopleStore & IdentityStore;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly signIn: SignIn;
  readonly record: RecordEvent;
  readonly devices: Devices;
}

export function createAccounts(
  store: PeopleStore & IdentityStore,
  clock: Clock,
  limits: SessionLimits,
  { devices, addresses }: { readonly devices: Devices; readonly addresses: Addresses },
  passwords: Passwords = createPasswords(),
): Accounts {
  const sessions = createSessions(store, clock, limits);
  const record = eventRecorder(store, clock);
  const signIn = createSignIn({ store, clock, passwords, sessions, record, devices, addresses });
  return { store, clock, passwords, sessions, signIn, record, devices };
}
