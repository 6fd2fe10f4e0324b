/*
 * The closed lists of a notarization. Codes never change meaning; their words, in Chinese and English, stand in
 * messages/. Where a code comes from a law, its place in the list is the number in that article.
 */

/** What one applies for: 公证法 11 (9), (10), (11). */
export const MATTERS = ['evidence-preservation', 'document-conformity', 'other-voluntary'] as const;

/** 公证法 25: where one may apply. */
export const JURISDICTIONS = ['residence', 'habitual-residence', 'place-of-act', 'place-of-fact'] as const;

/** 公证法 31 (1) to (9): when the office does not notarize. */
export const GROUNDS = [
  'no-capacity',
  'no-interest',
  'technical-appraisal',
  'dispute-between-parties',
  'fabrication-or-false-material',
  'insufficient-material',
  'untrue-or-unlawful',
  'against-morals',
  'fee-refused',
] as const;

/** 公证法 28 (1) to (4): what is examined. */
export const REVIEW_ITEMS = ['standing', 'document-completeness', 'material', 'matter'] as const;

export const NOT_ACCEPTED = [
  'applicant-not-qualified',
  'no-interest',
  'dispute-between-parties',
  'outside-matters',
  'outside-jurisdiction',
  'obtaining-prohibited',
  'materials-insufficient',
] as const;

/** Why a case ends before there is a deed. */
export const TERMINATIONS = [
  'not-finished-through-applicant',
  'supplement-unanswered',
  'applicant-ended',
  'obstruction',
  'no-longer-meaningful',
  'other',
] as const;

/**
 * Ways of obtaining evidence because of which a court would exclude it (民事诉讼法解释 106, 知识产权民事诉讼证据规定 7): a yes
 * to any of them, and the office does not go on.
 */
export const OBTAINING_QUESTIONS = [
  'rights-of-others-infringed',
  'prohibition-violated',
  'public-order-violated',
  'secret-recording-or-intrusion',
  'access-control-circumvented',
  'infringement-instigated',
  'secrets-or-privacy-exposed',
] as const;

export const NOTICES = [
  'legal-meaning',
  'no-secrets-or-privacy',
  'method-and-consequences',
  'scope-of-certification',
  'identity-of-other-side',
] as const;

export const RELATIONS = ['self', 'close-relative', 'interest', 'other'] as const;

export const VERIFICATION_MEANS = [
  'questioning',
  'documents',
  'inspection',
  'appraisal',
  'entrusted-office',
] as const;

export const VERIFICATION_RESULTS = ['confirmed', 'refuted', 'unclear'] as const;

export const PAYMENT_METHODS = ['bank', 'online', 'cash', 'other'] as const;

export const DELIVERIES = ['online', 'in-person', 'post'] as const;

/** 公证法 39: only these two make a deed void from the beginning; any other error is corrected. */
export const REVOCATIONS = ['unlawful', 'untrue'] as const;

export const GRANTEES = ['court', 'law-firm', 'department'] as const;

export const CODES = {
  matter: MATTERS,
  jurisdiction: JURISDICTIONS,
  ground: GROUNDS,
  review: REVIEW_ITEMS,
  'not-accepted': NOT_ACCEPTED,
  termination: TERMINATIONS,
  obtaining: OBTAINING_QUESTIONS,
  notice: NOTICES,
  relation: RELATIONS,
  'verification-means': VERIFICATION_MEANS,
  'verification-result': VERIFICATION_RESULTS,
  payment: PAYMENT_METHODS,
  delivery: DELIVERIES,
  revocation: REVOCATIONS,
  grantee: GRANTEES,
} as const;
