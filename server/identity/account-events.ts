import type { Clock } from '../ports/clock.ts';
import type { PeopleStore } from '../ports/people.ts';

/** Everything by which somebody comes in, goes out, or becomes more or less than he was. */
export const ACCOUNT_ACTIONS = [
  'registered',
  'signed-in',
  'second-factor-asked',
  'sign-in-failed',
  'sign-in-locked',
  'signed-out',
  'session-ended',
  'other-sessions-ended',
  'organization-switched',
  'password-changed',
  'password-reset',
  'reset-link-made',
  'invitation-made',
  'invitation-revoked',
  'joined',
  'roles-changed',
  'membership-ended',
  'organization-made',
  'key-made',
  'key-registered',
  'key-rotated',
  'key-revoked',
  'proved-again',
  'totp-added',
  'totp-removed',
  'passkey-added',
  'passkey-removed',
  'passkey-copied',
  'recovery-codes-made',
  'recovery-code-used',
  'subject-linked',
  'subject-unlinked',
  'second-factor-demanded',
  'second-factor-left-free',
  'identity-number-read',
  'identity-number-erased',
  'office-set',
] as const;
export type AccountAction = (typeof ACCOUNT_ACTIONS)[number];

/** `detail`: ids, roles, counts and words of ours; nothing that anybody typed. */
export type RecordEvent = (
  action: string,
  who: { readonly person?: string | undefined; readonly organization?: string | undefined },
  detail?: Readonly<Record<string, string | number | readonly string[]>>,
) => Promise<void>;

export const eventRecorder =
  (store: Pick<PeopleStore, 'recordAccountEvent'>, clock: Clock): RecordEvent =>
  (action, { person, organization }, detail = {}) =>
    store.recordAccountEvent({
      person,
      organization,
      atMs: clock.nowMs(),
      action,
      detail: JSON.stringify(detail),
    });
