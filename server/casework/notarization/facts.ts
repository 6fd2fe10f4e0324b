import type { Actor } from '../engine/case.ts';

/*
 * What the service found out before an action, as values: the table looks nothing up. What is missing here counts as not
 * so, and the guard that needs it refuses.
 */

/** Terms and practice that an office sets for itself. Never shown as law; null: the office has none. */
export interface OfficeRules {
  /** Natural days for an answer to a request for correction. */
  readonly correctionDays: number | null;
  /** Natural days without an answer to a request for more material, after which the case ends. */
  readonly supplementDays: number | null;
  /** Natural days from delivery to archiving. */
  readonly archiveDays: number | null;
  /** Natural days for a re-examination. */
  readonly recheckDays: number | null;
  /** Natural days after issue in which a re-examination may be asked for. */
  readonly recheckWithinDays: number | null;
  /** Whether whoever handled the case may not re-examine it. */
  readonly recheckByAnother: boolean;
}

export const DEFAULT_RULES: OfficeRules = {
  correctionDays: 30,
  supplementDays: 180,
  archiveDays: 90,
  recheckDays: 30,
  recheckWithinDays: null,
  recheckByAnother: true,
};

/** An item of evidence as the service checked it: bytes, certificate, log. */
export interface EvidenceFact {
  readonly id: string;
  readonly verdict: 'valid' | 'problems';
  /** Codes of the checks that did not pass. */
  readonly problems: readonly string[];
  readonly checkedAtMs: number;
}

/** The PDF of a deed as the service examined it. */
export interface DeedFact {
  readonly sha256: string;
  /** The office's own signature is on it and holds. */
  readonly signed: boolean;
  /** The deposit that holds exactly this file. */
  readonly deposit: string | null;
  /** The number stands on another deed of this office. */
  readonly numberTaken: boolean;
}

export interface NotarizationFacts {
  readonly evidence: readonly EvidenceFact[];
  /** Persons who are notaries of the office, approvers among them. */
  readonly notaries: readonly string[];
  /** Organizations that the action names, as they are registered here. */
  readonly organizations: Readonly<Record<string, Actor['organizationRole']>>;
  /** Of the deposits that the action names, those of the organization that acts. */
  readonly own: readonly string[];
  /** Names of the members of the office, as their accounts have them. */
  readonly names: Readonly<Record<string, string>>;
  /** Identity numbers that the action names, as they are kept: whose, and what may be shown of them. */
  readonly identityNumbers: Readonly<
    Record<string, { readonly organization: string; readonly masked: string }>
  >;
  /** Persons who belong to an organization that applies or is the agent. */
  readonly interested: readonly string[];
  readonly deed: DeedFact | null;
  readonly rules: OfficeRules;
}

export const NO_FACTS: NotarizationFacts = {
  evidence: [],
  notaries: [],
  organizations: {},
  own: [],
  names: {},
  identityNumbers: {},
  interested: [],
  deed: null,
  rules: DEFAULT_RULES,
};
