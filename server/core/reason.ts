/**
 * Why something was refused: a code for programs and the values that a sentence about it needs.
 * The sentences, in Chinese and English, stand in `messages/`; codes are never translated and never change meaning.
 */
export type ReasonCode = (typeof REASON_CODES)[number];

export type ReasonDetail = Readonly<Record<string, string | number>>;

export interface Reason {
  readonly code: ReasonCode;
  readonly detail: ReasonDetail;
}

/** Thrown by every parser of `core`: the bytes are not what the format asks for. */
export class FormatError extends Error implements Reason {
  readonly code: ReasonCode;
  readonly detail: ReasonDetail;

  constructor(code: ReasonCode, detail: ReasonDetail = {}) {
    super(`${code} ${JSON.stringify(detail)}`);
    this.name = 'FormatError';
    this.code = code;
    this.detail = detail;
  }
}

export const REASON_CODES = [
  // read/bytes
  'hex-invalid',
  'base64-invalid',
  'length-wrong',
  // read/der, read/x509
  'der-truncated',
  // read/rlp, anchor/
  'rlp-truncated',
  // tree/
  'tree-size-invalid',
  'tree-index-invalid',
  'proof-length-wrong',
  'proof-leads-elsewhere',
] as const;
