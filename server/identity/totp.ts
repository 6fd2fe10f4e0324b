import { randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';

/*
 * Codes of authenticator apps, RFC 6238: SHA-1, six digits, thirty seconds, since several apps pass over what a URI says
 * otherwise. SHA-1 is none of a signature here: HMAC with it is not broken by collisions.
 */

/** RFC 4226 §4, R6: as long as what HMAC-SHA-1 gives. */
const SECRET_BYTES = 20;
const DIGITS = 6;
const PERIOD_S = 30;
/** RFC 6238 §5.2: clocks of phones go wrong, and people type slowly. One step before and after, and no more. */
const WINDOW = 1;

export const newTotpSecret = (): Uint8Array => new Uint8Array(randomBytes(SECRET_BYTES));

const totpOf = (secret: Uint8Array, names?: { readonly issuer: string; readonly label: string }): TOTP =>
  new TOTP({
    algorithm: 'SHA1',
    digits: DIGITS,
    period: PERIOD_S,
    secret: new Secret({ buffer: Uint8Array.from(secret).buffer }),
    ...names,
  });

/** What an app reads, in a QR code or typed: the `otpauth:` URI, and the secret in base32. */
export function totpUri(
  secret: Uint8Array,
  service: string,
  login: string,
): { readonly uri: string; readonly secret: string } {
  // A colon parts issuer and account in the label, and apps disagree on how it is escaped.
  const [issuer, label] = [service, login].map((name) => name.replaceAll(':', ' '));
  return {
    uri: totpOf(secret, { issuer: issuer!, label: label! }).toString(),
    secret: new Secret({ buffer: Uint8Array.from(secret).buffer }).base32,
  };
}

/** Apps show codes in groups, and Chinese keyboards type full-width digits. */
const codeIn = (text: string): string => text.normalize('NFKC').replaceAll(/[\s-]/g, '');

/** The time step whose code this is; undefined where it is none of now. Whether it was taken already the store knows. */
export function totpStep(secret: Uint8Array, text: string, nowMs: number): number | undefined {
  const token = codeIn(text);
  if (!/^[0-9]{6}$/.test(token)) return undefined;
  const delta = totpOf(secret).validate({ token, timestamp: nowMs, window: WINDOW });
  return delta === null ? undefined : Math.floor(nowMs / 1_000 / PERIOD_S) + delta;
}
