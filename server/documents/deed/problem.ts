import type { Reason } from '../../core/reason.ts';

/** Why a deed is not numbered, drawn or sealed. Sentences: subject `deed`. */
export const DEED_CODES = [
  // number.ts
  'deed-number-template',
  'deed-number-value',
  'deed-number-other',
  // content.ts
  'deed-field-empty',
  'deed-field-too-long',
  'deed-id-unmasked',
  'deed-date-invalid',
  'deed-annex-too-long',
  'deed-certificate-twice',
  'deed-digest-invalid',
  'deed-attachment-surplus',
  // seal.ts
  'deed-chain-unreadable',
  'deed-already-sealed',
  'deed-cms-too-long',
  'deed-cms-unreadable',
  'deed-cms-digest-differs',
  'deed-cms-signer-unregistered',
  'deed-cms-signer-unfit',
  'deed-cms-certificate-surplus',
  'deed-cms-signature-wrong',
  'deed-token-invalid',
  'deed-token-too-long',
  // of the case: casework/notarization/deed/
  'deed-office-not-set',
  'deed-not-accepted',
  'deed-not-checked',
  'deed-not-drafted',
  'deed-item-unproven',
  'deed-number-taken',
  'deed-chain-not-registered',
  'deed-text-misplaced',
  'deed-not-prepared',
  'deed-stamp-away',
] as const;

export type DeedCode = (typeof DEED_CODES)[number];

export type DeedDetail = Readonly<Record<string, string | number>>;

export class DeedProblem extends Error {
  readonly code: DeedCode;
  readonly detail: DeedDetail;
  /** what core found, where it was core that refused: its sentence is of subject `reason` */
  readonly because: Reason | undefined;

  constructor(code: DeedCode, detail: DeedDetail = {}, because?: Reason) {
    super(`${code} ${JSON.stringify(detail)}`, because && { cause: because });
    this.name = 'DeedProblem';
    this.code = code;
    this.detail = detail;
    this.because = because;
  }
}
