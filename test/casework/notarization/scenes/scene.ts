import type { Application } from '../../../../server/casework/notarization/application.ts';
import type { NotarizationData } from '../../../../server/casework/notarization/data.ts';
import type { NotarizationFacts } from '../../../../server/casework/notarization/facts.ts';
import type { State } from '../../../../server/casework/notarization/names.ts';
import type { JsonObject } from '../../../../server/core/read/json.ts';
import type { Person } from '../people.ts';
import { APPLICATION, CORRECTION, DEED, doing, type Standing } from '../story.ts';

/*
 * A scene: a case in which an action is done, and one change because of which one guard refuses it.
 */

export interface Scene {
  readonly in: State | null;
  readonly action: string;
  readonly by: Person;
  readonly input?: JsonObject;
  /** What makes the action possible at all where the usual way does not. */
  readonly given?: (standing: Standing) => Standing;
  readonly changed: {
    readonly by?: Person;
    readonly input?: JsonObject;
    readonly facts?: (nowMs: number) => Partial<NotarizationFacts>;
    readonly data?: (data: NotarizationData) => Partial<NotarizationData>;
    readonly standing?: (standing: Standing) => Standing;
  };
  readonly detail?: Readonly<Record<string, string | number | RegExp>>;
}

/** 公民身份号码 made up for this test; its check character holds. */
export const IDENTITY_NUMBER = '11010519491231002X';

export const without = (name: keyof Application): Application => {
  const { [name]: _, ...rest } = APPLICATION;
  return rest as Application;
};
export const applicationOf = (application: Application): Scene['changed'] => ({
  data: () => ({ application }),
});
export const submitting = { in: 'draft', action: 'submit', by: 'applicant' } as const;
export const accepting = {
  in: 'submitted',
  action: 'accept',
  by: 'notary',
  given: (standing: Standing) =>
    doing(
      standing,
      { action: 'assign', by: 'admin' },
      { action: 'declare-recusal', by: 'notary' },
      { action: 'check-obtaining', by: 'notary' },
    ),
} as const;
export const drafting = {
  in: 'reviewing',
  action: 'draft',
  by: 'notary',
  given: (standing: Standing) => doing(standing, { action: 'record-review', by: 'notary' }),
} as const;
export const correcting = {
  in: 'under-recheck',
  action: 'correct',
  by: 'second',
  input: { ...DEED, reason: '错别字' },
  given: (standing: Standing) => doing(standing, ...CORRECTION),
} as const;
export const issuing = { in: 'approved', action: 'issue', by: 'notary' } as const;
export const granting = { in: 'reviewing', action: 'grant', by: 'applicant' } as const;
export const granted = (standing: Standing): Standing =>
  doing(standing, { action: 'grant', by: 'applicant' });
export const deedFact = (changes: Partial<NonNullable<NotarizationFacts['deed']>>) => () => ({
  deed: { sha256: DEED.sha256, signed: true, deposit: DEED.deposit, numberTaken: false, ...changes },
});

export type Scenes<Name extends string> = Readonly<Record<Name, Scene | readonly Scene[]>>;
