import { decodeBase64 } from '../read/base64.ts';
import type { Field } from '../read/fields.ts';
import { anyObject, list, members, oneOf, prefixedHex, text, uint } from '../read/fields.ts';
import { MAX_CERTIFICATE_LENGTH } from '../read/jws.ts';
import { FormatError } from '../reason.ts';
import { MAX_TOKEN_BYTES } from '../token/read.ts';
import { short, type TreePath, treePath } from './path.ts';

/*
 * The tokens of a certificate, FORMAT.md: decoded from base64 but not yet looked into.
 */

export interface Stamped {
  /** DER of the TimeStampToken. */
  readonly token: Uint8Array;
  /** DER, beside those inside the token. */
  readonly certificates: readonly Uint8Array[];
}

/** The operator's own, over the manifest. */
export interface ManifestToken extends Stamped {
  readonly type: 'rfc3161-manifest/1';
}

/** The operator's own, over the root of the leaves of one call. */
export interface BulkToken extends Stamped, TreePath {
  readonly type: 'rfc3161-bulk/1';
}

/** An outside authority's, over a document that names log, root and size. */
export interface RootToken extends Stamped {
  readonly type: 'rfc3161-root/1';
  readonly log: TokenLog;
  readonly revocation: readonly Revocation[];
}

/** What an issuer said of certificates on a token's way, DER. */
export interface Revocation {
  readonly kind: 'crl' | 'ocsp';
  readonly value: Uint8Array;
}

export interface TokenLog {
  readonly chainId: number;
  /** 0x… */
  readonly contract: string;
  readonly index: number;
  readonly operator: string;
}

export type KnownToken = ManifestToken | BulkToken | RootToken;
export type Token = KnownToken | { readonly type: 'unknown'; readonly name: string };

/** A signer, three on its way to a root, and the same for another way. */
const MAX_CERTIFICATES = 8;

/** A list or an answer for each certificate of a chain, and one more each. */
export const MAX_REVOCATION = 8;

/** Lists of authorities have a few KiB; one that is larger has no room in a certificate: take the OCSP answer. */
const MAX_REVOCATION_BYTES = 262_144;

const base64 =
  (limit: number): Field<Uint8Array> =>
  (value, at) => {
    const bytes = decodeBase64(text(value, at));
    if (bytes.length > limit) throw new FormatError('field-value-wrong', { at, expected: `<= ${limit}` });
    return bytes;
  };

type Get = <T>(name: 'token' | 'certificates', field: Field<T>) => T;

export const stamped = (get: Get): Stamped => ({
  token: get('token', base64(MAX_TOKEN_BYTES)),
  certificates: get('certificates', short(list(base64(MAX_CERTIFICATE_LENGTH)), MAX_CERTIFICATES)),
});

const log: Field<TokenLog> = (value, at) => {
  const get = members(value, at, ['chainId', 'contract', 'index', 'operator']);
  return {
    chainId: get('chainId', uint),
    contract: get('contract', prefixedHex(20)),
    index: get('index', uint),
    operator: get('operator', prefixedHex(20)),
  };
};

const revocation: Field<Revocation> = (value, at) => {
  const get = members(value, at, ['kind', 'value']);
  return { kind: get('kind', oneOf('crl', 'ocsp')), value: get('value', base64(MAX_REVOCATION_BYTES)) };
};

export const revocationList: Field<readonly Revocation[]> = short(list(revocation), MAX_REVOCATION);

const MEMBERS = ['certificates', 'token', 'type'] as const;

const READERS: Readonly<Record<string, Field<KnownToken>>> = {
  'rfc3161-manifest/1': (value, at) => {
    const get = members(value, at, MEMBERS);
    return { type: 'rfc3161-manifest/1', ...stamped(get) };
  },
  'rfc3161-bulk/1': (value, at) => {
    const get = members(value, at, [...MEMBERS, 'hashes', 'index', 'size']);
    return { type: 'rfc3161-bulk/1', ...stamped(get), ...treePath(get) };
  },
  'rfc3161-root/1': (value, at) => {
    const get = members(value, at, [...MEMBERS, 'log', 'revocation']);
    return {
      type: 'rfc3161-root/1',
      ...stamped(get),
      log: get('log', log),
      revocation: get('revocation', revocationList),
    };
  },
};

/** The type of a token or anchor, which is looked at before any other member. */
export const typeName: Field<string> = (value, at) =>
  text(anyObject(value, at)['type'] ?? null, `${at}.type`);

/** A token of an unknown type keeps its place and says nothing. */
export const token: Field<Token> = (value, at) => {
  const name = typeName(value, at);
  return Object.hasOwn(READERS, name) ? READERS[name]!(value, at) : { type: 'unknown', name };
};
