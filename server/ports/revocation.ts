/** Why nothing was learnt about a certificate from one address, beside the codes of the door. Sentences: subject `outside`. */
export const REVOCATION_CODES = [
  'revocation-certificate-unreadable',
  'revocation-address-missing',
  'revocation-issuer-missing',
  'revocation-not-der',
  'ocsp-not-successful',
] as const;

export type RevocationCode = (typeof REVOCATION_CODES)[number];

export class RevocationProblem extends Error {
  readonly code: RevocationCode;
  readonly detail: Readonly<Record<string, string | number>>;
  constructor(code: RevocationCode, detail: Readonly<Record<string, string | number>> = {}, cause?: unknown) {
    super(`${code} ${JSON.stringify(detail)}`, { cause });
    this.name = 'RevocationProblem';
    this.code = code;
    this.detail = detail;
  }
}

export type RevocationKind = 'crl' | 'ocsp';

/** What an issuer says about its certificates, as it came: whether it is authentic and what it says, core finds out. */
export interface RevocationAnswer {
  readonly kind: RevocationKind;
  /** DER of a CertificateList or an OCSPResponse that calls itself successful. */
  readonly value: Uint8Array;
}

export interface RevocationResult {
  /** Of the certificate in the list that was given. */
  readonly index: number;
  /** Undefined where nobody could be asked, or nobody answered. */
  readonly answer: RevocationAnswer | undefined;
  /** DoorProblem or RevocationProblem, of each attempt that came to nothing. */
  readonly problems: readonly (Error & { readonly code: string })[];
}

export interface RevocationSource {
  /**
   * Asks about each certificate (DER, any order) that is not its own issuer, by the kinds in their order until one
   * answers; an OCSP responder is asked only where the issuer's certificate is in the list too.
   */
  collect(
    certificates: readonly Uint8Array[],
    options?: { readonly kinds?: readonly RevocationKind[]; readonly signal?: AbortSignal },
  ): Promise<readonly RevocationResult[]>;
}

/** A certificate is handed around by people; longer answers go into packages alone. */
const MAX_BYTES_IN_CERTIFICATE = 64 * 1_024;

export const fitsCertificate = ({ value }: RevocationAnswer): boolean =>
  value.length <= MAX_BYTES_IN_CERTIFICATE;
