import { Access, Granting, RevokeGrant } from '../inputs.ts';
import { STATES } from '../names.ts';
import { step } from '../step.ts';

/** A draft is the applicant's own paper; everything later may be asked for by a court. */
const SUBMITTED_ONCE = STATES.filter((state) => state !== 'draft');
const GRANTING = ['applicant', 'office-notary', 'office-admin'] as const;

/** Who else reads the case: for a purpose, until a time, withdrawn at once, and each access an event. */
export const disclosing = [
  step({
    from: SUBMITTED_ONCE,
    action: 'grant',
    who: GRANTING,
    guards: [
      'no-identity-number',
      'agent-within-authority',
      'room-left',
      'grantee-known',
      'order-attached',
      'grant-limited',
    ],
    to: '=',
    input: Granting,
    apply: (data, { attachment, ...granted }, { actor, nowMs }) => ({
      ...data,
      grants: [
        ...data.grants,
        {
          ...granted,
          attachment: attachment ?? null,
          by: actor.organization,
          revokedMs: null,
          atMs: nowMs,
        },
      ],
    }),
    content: (data, input) => ({ ...input, grant: data.grants.length }),
  }),
  step({
    from: SUBMITTED_ONCE,
    action: 'revoke-grant',
    who: GRANTING,
    guards: ['no-identity-number', 'agent-within-authority', 'grant-open', 'granted-by-us'],
    to: '=',
    input: RevokeGrant,
    apply: (data, { grant }, { nowMs }) => ({
      ...data,
      grants: data.grants.map((one, i) => (i === grant - 1 ? { ...one, revokedMs: nowMs } : one)),
    }),
  }),
  step({
    from: SUBMITTED_ONCE,
    action: 'access',
    internal: true,
    who: ['grantee'],
    guards: ['grant-in-force'],
    to: '=',
    input: Access,
    content: ({ grants }, { grant, what }) => ({ grant, what, purpose: grants[grant - 1]!.purpose }),
  }),
];
