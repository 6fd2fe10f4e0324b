import { sha256 } from '../hash/sha256.ts';
import { sha384, sha512 } from '../hash/sha512.ts';
import { FormatError } from '../reason.ts';
import { dotted, type Element, expectTag, oid, readFields, TAG } from './der.ts';

/*
 * Digest algorithms of time stamps and OCSP answers, by their identifiers.
 */

export interface Digest {
  readonly name: 'sha256' | 'sha384' | 'sha512';
  readonly of: (bytes: Uint8Array) => Uint8Array;
}

/** By the hex of the identifier's content: RFC 5754 §2. */
const DIGESTS: ReadonlyMap<string, Digest> = new Map([
  ['608648016503040201', { name: 'sha256', of: sha256 }],
  ['608648016503040202', { name: 'sha384', of: sha384 }],
  ['608648016503040203', { name: 'sha512', of: sha512 }],
]);

/** AlgorithmIdentifier of a hash function, as `oid` gives it: parameters are absent or NULL (RFC 5754 §2). */
export function hashIdentifier(identifier: Element): string {
  return readFields(identifier, TAG.sequence, (fields) => {
    const id = oid(fields.next(TAG.oid));
    const [, parameters] = identifier.children;
    if (parameters !== undefined && expectTag(fields.any(), TAG.null).content.length > 0)
      throw new FormatError('tsp-algorithm-unsupported', { algorithm: dotted(id) });
    return id;
  });
}

/** The SHA-2 that an AlgorithmIdentifier names; another is refused. */
export function readDigest(identifier: Element): Digest {
  const id = hashIdentifier(identifier);
  const digest = DIGESTS.get(id);
  if (digest === undefined) throw new FormatError('tsp-algorithm-unsupported', { algorithm: dotted(id) });
  return digest;
}
