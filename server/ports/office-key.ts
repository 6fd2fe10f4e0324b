import type { CmsAlgorithm } from '../core/read/encode-cms.ts';

/** What the office's own key signed: the key itself is forgotten by then. */
export interface OfficeSignature {
  /** DER: the certificate of the key, then each the issuer of the one before it, as far as the file has them */
  readonly certificates: readonly Uint8Array[];
  readonly algorithm: CmsAlgorithm;
  readonly signature: Uint8Array;
}

/** Why a PKCS#12 file gives no signature. Sentences: subject `deed`. */
export const PKCS12_CODES = [
  'pkcs12-too-large',
  'pkcs12-malformed',
  'pkcs12-algorithm-unsupported',
  'pkcs12-iterations-too-many',
  'pkcs12-passphrase-wrong',
  'pkcs12-not-encrypted',
  'pkcs12-key-missing',
  'pkcs12-keys-several',
  'pkcs12-key-unsupported',
  'pkcs12-certificate-missing',
  'pkcs12-certificate-not-yet-valid',
  'pkcs12-certificate-expired',
  'pkcs12-certificate-usage',
] as const;

export type Pkcs12Code = (typeof PKCS12_CODES)[number];

/** Never holds the pass phrase, nor anything that was decrypted. */
export class Pkcs12Problem extends Error {
  readonly code: Pkcs12Code;
  readonly detail: Readonly<Record<string, string | number>>;

  constructor(code: Pkcs12Code, detail: Readonly<Record<string, string | number>> = {}, cause?: unknown) {
    super(`${code} ${JSON.stringify(detail)}`, { cause });
    this.name = 'Pkcs12Problem';
    this.code = code;
    this.detail = detail;
  }
}
