import { MAX_CERTIFICATE_BYTES, parseCertificate } from '../certificate/certificate.ts';
import { short } from '../certificate/path.ts';
import { type Revocation, revocationList, type Stamped, stamped } from '../certificate/tokens.ts';
import { sha512 } from '../hash/sha512.ts';
import { encodeBase64 } from '../read/base64.ts';
import { equalBytes, toHex, utf8 } from '../read/bytes.ts';
import { anyObject, type Field, hexBytes, list, members, oneOf, text } from '../read/fields.ts';
import { canonicalize, type Json, parseCanonical, parseJson } from '../read/json.ts';
import { FormatError } from '../reason.ts';
import { MAX_RENEWAL_PATH, renewalNode, renewalTree, rootOfRenewalPath } from './tree.ts';

/*
 * kezheng-renewal/1, FORMAT-MORE.md: the SHA-512 of a file that stays as it is (a certificate, or an earlier renewal), the way
 * from it into a tree of many, and a token over the root of that tree. One stands on the other, as often as it takes.
 */

export const RENEWAL_FORMAT = 'kezheng-renewal/1';

/** As a certificate: most of it are revocation lists. */
export const MAX_RENEWAL_BYTES = MAX_CERTIFICATE_BYTES;

/** One each year, for longer than any of us will look; each costs a few checks of signatures. */
export const MAX_RENEWALS = 256;

export interface Renewal extends Stamped {
  /** SHA-512 of the tokens of all renewals before, the oldest first. */
  readonly earlier: readonly Uint8Array[];
  /** Of the exact bytes of the file before. */
  readonly sha512: Uint8Array;
  readonly path: readonly Uint8Array[];
  readonly revocation: readonly Revocation[];
}

const digest: Field<Uint8Array> = (value, at) => {
  const bytes = hexBytes(value, at);
  if (bytes.length !== 64)
    throw new FormatError('field-value-wrong', { at, expected: '128 lower-case hex digits' });
  return bytes;
};

/** Throws FormatError; `renewal-format-unknown` for a renewal of another number, which a newer checker may know. */
export function parseRenewal(bytes: Uint8Array): Renewal {
  if (bytes.length > MAX_RENEWAL_BYTES)
    throw new FormatError('certificate-too-large', { limit: MAX_RENEWAL_BYTES, actual: bytes.length });
  const document = parseCanonical(bytes);
  const at = 'renewal';
  const format = text(anyObject(document, at)['format'] ?? null, `${at}.format`);
  if (format !== RENEWAL_FORMAT && /^kezheng-renewal\/[1-9][0-9]{0,3}$/.test(format))
    throw new FormatError('renewal-format-unknown', { format });
  oneOf(RENEWAL_FORMAT)(format, `${at}.format`);
  const get = members(document, at, [
    'certificates',
    'earlier',
    'format',
    'path',
    'revocation',
    'sha512',
    'token',
  ]);
  return {
    ...stamped(get),
    earlier: get('earlier', short(list(digest), MAX_RENEWALS)),
    path: get('path', short(list(digest), MAX_RENEWAL_PATH)),
    revocation: get('revocation', revocationList),
    sha512: get('sha512', digest),
  };
}

/** A file that can be renewed. */
export interface Renewable {
  readonly bytes: Uint8Array;
  /** SHA-512 of the tokens of the renewals that end with it; of a certificate none. */
  readonly tokens: readonly Uint8Array[];
}

/** A certificate or a renewal, by its member `format`; read in full, so that nothing is renewed that nobody could check. */
export function readRenewable(bytes: Uint8Array): Renewable {
  if (formatOf(bytes) === RENEWAL_FORMAT) return { bytes, tokens: tokensUpTo(parseRenewal(bytes)) };
  parseCertificate(bytes);
  return { bytes, tokens: [] };
}

export const tokensUpTo = ({ earlier, token }: Renewal): readonly Uint8Array[] => [...earlier, sha512(token)];

/** Of strict JSON of at most so many bytes, as both may have here; undefined where there is none. */
export function formatOf(bytes: Uint8Array, limit = MAX_RENEWAL_BYTES): string | undefined {
  if (bytes.length > limit) return undefined;
  try {
    const { format } = anyObject(parseJson(bytes), '') as { readonly format?: Json };
    return typeof format === 'string' ? format : undefined;
  } catch {
    // The strict reader throws for one reason only: it is not what it reads.
    return undefined;
  }
}

/**
 * A renewal and the tokens of its chain are one group in the tree (RFC 4998 §4.1 step 3): so the digest of the token
 * before, which §5.2 asks for, is under the new one, and a chain can be written as one evidence record. Of all tokens,
 * not only the last: programs ask for all.
 */
const leafOf = (own: Uint8Array, tokens: readonly Uint8Array[]): Uint8Array => renewalNode([own, ...tokens]);

export interface RenewalPlan {
  /** SHA-512 root: what the token is to be over. */
  readonly root: Uint8Array;
  /** The exact bytes of each file's renewal, in the order of the files. */
  finish(stamp: Stamped, revocations: readonly (readonly Revocation[])[]): readonly Uint8Array[];
}

/** One token for all of these files, at least one. */
export function planRenewal(files: readonly Renewable[]): RenewalPlan {
  const digests = files.map(({ bytes }) => sha512(bytes));
  const { root, paths } = renewalTree(files.map(({ tokens }, i) => leafOf(digests[i]!, tokens)));
  return {
    root,
    finish: ({ token, certificates }, revocations) =>
      files.map(({ tokens }, i) =>
        utf8(
          canonicalize({
            certificates: certificates.map(encodeBase64),
            earlier: tokens.map(toHex),
            format: RENEWAL_FORMAT,
            path: paths[i]!.map(toHex),
            revocation: revocations[i]!.map(({ kind, value }) => ({ kind, value: encodeBase64(value) })),
            sha512: toHex(digests[i]!),
            token: encodeBase64(token),
          }),
        ),
      ),
  };
}

/** What the token of this renewal must be over. Throws where the tokens of the chain before are not as it says. */
export function renewedRoot(
  { sha512: own, earlier, path }: Renewal,
  { tokens }: Pick<Renewable, 'tokens'>,
): Uint8Array {
  if (earlier.length !== tokens.length || !earlier.every((one, i) => equalBytes(one, tokens[i]!)))
    throw new FormatError('renewal-token-not-covered');
  return rootOfRenewalPath(leafOf(own, earlier), path);
}
