import { FormatError } from '../reason.ts';
import type { SignatureVerifier } from '../verify/signatures.ts';
import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from './base64.ts';
import { utf8 } from './bytes.ts';
import { checkLowS } from './ecdsa.ts';
import { type Field, members, text } from './fields.ts';
import { type Certificate, parseCertificate } from './x509.ts';

/*
 * The signature on a certificate of ours: a JWS, flattened (RFC 7515 §7.2.2) and detached (appendix F), ES256, whose
 * protected header is exactly {"alg":"ES256","x5c":[...]} in RFC 8785 form. No other member, no other spelling: what
 * a library would pass over (`crit`, `b64`, an unprotected header, odd padding bits) is refused.
 */

export { normalizeSignature } from './ecdsa.ts';

/** As verify/chain.ts: leaf and intermediates. */
const MAX_CERTIFICATES = 4;

/** A certificate of a public CA has 1 to 3 KiB. */
export const MAX_CERTIFICATE_LENGTH = 8192;

export interface ParsedSignature {
  /** As it came: it is what was signed. */
  readonly protected: string;
  /** r ‖ s. */
  readonly signature: Uint8Array;
  /** x5c, leaf first. Claims of the signer until verify/chain.ts has led them to an anchor. */
  readonly certificates: readonly [Certificate, ...Certificate[]];
}

/** The member `signature` of a signed document, its two texts not yet looked into. */
export type SignatureMember = { readonly protected: string; readonly signature: string };

export const signatureMember: Field<SignatureMember> = (value, at) => {
  const get = members(value, at, ['protected', 'signature']);
  return { protected: get('protected', text), signature: get('signature', text) };
};

const HEADER = /^\{"alg":"ES256","x5c":\["([A-Za-z0-9+/=",]+)"\]\}$/;

/** The members of the JWS object, decoded; `value` comes from strict JSON. */
export function parseSignature(value: Readonly<Record<string, unknown>>): ParsedSignature {
  const { protected: header, signature, ...others } = value;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new FormatError('jws-member-unexpected', { member: other });
  if (typeof header !== 'string') throw new FormatError('jws-member-missing', { member: 'protected' });
  if (typeof signature !== 'string') throw new FormatError('jws-member-missing', { member: 'signature' });
  const raw = decodeBase64Url(signature);
  checkLowS(raw);
  const certificates = parseProtected(header).map(parseCertificate) as [Certificate, ...Certificate[]];
  // RFC 7518 §3.4
  const { key } = certificates[0];
  if (key.kind !== 'ec' || key.curve !== 'P-256') throw new FormatError('jws-key-unsuitable');
  return { protected: header, signature: raw, certificates };
}

/** The certificates of x5c. The header is built again from them, and that must give the same text. */
function parseProtected(header: string): Uint8Array[] {
  const spelt = HEADER.exec(new TextDecoder().decode(decodeBase64Url(header)))?.[1]?.split('","') ?? [];
  if (spelt.length === 0) throw new FormatError('jws-header-invalid');
  const x5c = spelt.map(decodeBase64);
  checkX5c(x5c);
  if (buildProtected(x5c) !== header) throw new FormatError('jws-header-invalid');
  return x5c;
}

function checkX5c(x5c: readonly Uint8Array[]): void {
  if (x5c.length < 1 || x5c.length > MAX_CERTIFICATES)
    throw new FormatError('jws-certificates-wrong-number', { limit: MAX_CERTIFICATES, actual: x5c.length });
  const long = x5c.find((certificate) => certificate.length > MAX_CERTIFICATE_LENGTH);
  if (long)
    throw new FormatError('jws-certificate-too-long', { limit: MAX_CERTIFICATE_LENGTH, actual: long.length });
}

/** The protected header over these certificates (DER), leaf first: RFC 8785 form, base64url. */
export function buildProtected(x5c: readonly Uint8Array[]): string {
  checkX5c(x5c);
  const spelt = x5c.map((certificate) => `"${encodeBase64(certificate)}"`);
  return encodeBase64Url(utf8(`{"alg":"ES256","x5c":[${spelt.join(',')}]}`));
}

/** RFC 7515 §5.1 step 8. */
export const signingInput = (header: string, payload: Uint8Array): Uint8Array =>
  utf8(`${header}.${encodeBase64Url(payload)}`);

/**
 * Throws `jws-signature-wrong` unless the first certificate's key made this signature over `payload`; whose that
 * certificate is, verify/chain.ts tells.
 */
export async function checkSignature(
  { protected: header, signature, certificates }: ParsedSignature,
  payload: Uint8Array,
  verifier: SignatureVerifier,
): Promise<void> {
  const message = signingInput(header, payload);
  const { spki } = certificates[0];
  if (!(await verifier.verify({ algorithm: 'ecdsa-p256-sha256', spki, message, signature })))
    throw new FormatError('jws-signature-wrong');
}
