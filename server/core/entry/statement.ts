import { decodeBase64, encodeBase64 } from '../read/base64.ts';
import { equalBytes, fromHex, utf8 } from '../read/bytes.ts';
import { type Field, instant, members, oneOf, text } from '../read/fields.ts';
import { canonicalize, type Json } from '../read/json.ts';
import { FormatError } from '../reason.ts';
import type { Manifest, ManifestFile } from './manifest.ts';

/*
 * kezheng-statement/1: the depositor's own signature over what he handed in. It stands in the manifest and is made before
 * there is one: over all of the manifest that a depositor knows, and nothing that only the service does. So the service
 * can change no word of it, and the depositor cannot say later that it was something else. FORMAT.md, «A statement».
 */

export const STATEMENT_FORMAT = 'kezheng-statement/1';

export interface Statement {
  readonly format: typeof STATEMENT_FORMAT;
  /** SubjectPublicKeyInfo of a key on P-256, DER, 91 bytes */
  readonly publicKey: Uint8Array;
  /** ECDSA with SHA-256: r ‖ s, 64 bytes */
  readonly signature: Uint8Array;
  /** by the depositor's clock */
  readonly signedAt: string;
}

/** What a depositor signs: the same of it as the manifest will have. */
export interface Stated extends Pick<Manifest, 'depositor' | 'evidence' | 'folder' | 'service'> {
  readonly files: readonly Omit<ManifestFile, 'digests'>[];
}

/** id-ecPublicKey with prime256v1, and the point uncompressed (RFC 5480): one spelling of one key. */
const SPKI_HEAD = fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004');
const SPKI_LENGTH = 91;
const SIGNATURE_LENGTH = 64;

const isKey = (bytes: Uint8Array): boolean =>
  bytes.length === SPKI_LENGTH && equalBytes(bytes.subarray(0, SPKI_HEAD.length), SPKI_HEAD);

const base64 =
  (is: (bytes: Uint8Array) => boolean, expected: string): Field<Uint8Array> =>
  (value, at) => {
    const bytes = decoded(text(value, at));
    if (bytes === undefined || !is(bytes)) throw new FormatError('field-value-wrong', { at, expected });
    return bytes;
  };

function decoded(base64: string): Uint8Array | undefined {
  try {
    return decodeBase64(base64);
  } catch {
    // The strict reader throws for one reason only.
    return undefined;
  }
}

/** Reads one whose `format` has been looked at already; throws FormatError. */
export const statement: Field<Statement> = (value, at) => {
  const get = members(value, at, ['format', 'publicKey', 'signature', 'signedAt']);
  return {
    format: get('format', oneOf(STATEMENT_FORMAT)),
    publicKey: get('publicKey', base64(isKey, 'base64, SubjectPublicKeyInfo P-256')),
    signature: get(
      'signature',
      base64(({ length }) => length === SIGNATURE_LENGTH, 'base64, 64 bytes'),
    ),
    signedAt: get('signedAt', instant),
  };
};

/**
 * The bytes that are signed. The key is among them: else somebody could name another one under which the same signature
 * holds, which ECDSA has.
 */
export function statementBytes(
  stated: Stated,
  { publicKey, signedAt }: Pick<Statement, 'publicKey' | 'signedAt'>,
): Uint8Array {
  const { depositor, evidence, files, folder, service } = stated;
  const described = files.map(({ mediaType, name, role, sha256, size, sm3 }) => ({
    ...{ mediaType, name, role, sha256, size, sm3 },
  }));
  const document = {
    ...{ depositor, evidence, files: described, folder },
    ...{ format: STATEMENT_FORMAT, publicKey: encodeBase64(publicKey), service, signedAt },
  };
  return utf8(canonicalize(document as unknown as Json));
}
