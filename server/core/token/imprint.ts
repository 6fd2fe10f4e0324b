import { concat, fromHex } from '../read/bytes.ts';
import { dotted, type Element, readFields, TAG } from '../read/der.ts';
import { hashIdentifier } from '../read/digests.ts';
import { encode } from '../read/encode-der.ts';
import { FormatError } from '../reason.ts';

/*
 * MessageImprint, RFC 3161 §2.4.1: which digest of what is stamped.
 */

export type ImprintAlgorithm = 'sha256' | 'sha384' | 'sha512' | 'sm3';

interface Known {
  readonly name: ImprintAlgorithm;
  /** Bytes of a digest. */
  readonly length: number;
}

/** By the hex of the identifier's content: RFC 5754 §2, and SM3 of GM/T 0006 (1.2.156.10197.1.401). SHA-1 is not there. */
const ALGORITHMS: ReadonlyMap<string, Known> = new Map([
  ['608648016503040201', { name: 'sha256', length: 32 }],
  ['608648016503040202', { name: 'sha384', length: 48 }],
  ['608648016503040203', { name: 'sha512', length: 64 }],
  ['2a811ccf55018311', { name: 'sm3', length: 32 }],
]);

export interface Imprint {
  readonly algorithm: ImprintAlgorithm;
  readonly digest: Uint8Array;
  /** DER, as it came: the token repeats it byte for byte, with the parameters that the request had (§2.4.2). */
  readonly raw: Uint8Array;
}

export function readImprint(element: Element): Imprint {
  return readFields(element, TAG.sequence, (fields) => {
    const { name, length } = readAlgorithm(fields.next(TAG.sequence));
    const digest = fields.next(TAG.octetString).content;
    if (digest.length !== length)
      throw new FormatError('tsp-imprint-length-wrong', { expected: length, actual: digest.length });
    return { algorithm: name, digest, raw: element.raw };
  });
}

function readAlgorithm(identifier: Element): Known {
  const id = hashIdentifier(identifier);
  const known = ALGORITHMS.get(id);
  if (known === undefined) throw new FormatError('tsp-algorithm-unsupported', { algorithm: dotted(id) });
  return known;
}

/** DER of the AlgorithmIdentifier, without parameters as RFC 5754 §2 asks. */
const IDENTIFIERS: Readonly<Record<ImprintAlgorithm, Uint8Array>> = Object.fromEntries(
  [...ALGORITHMS].map(([id, { name }]) => [name, encode(TAG.sequence, encode(TAG.oid, fromHex(id)))]),
) as Record<ImprintAlgorithm, Uint8Array>;

export const encodeImprint = (algorithm: ImprintAlgorithm, digest: Uint8Array): Uint8Array =>
  encode(TAG.sequence, IDENTIFIERS[algorithm], encode(TAG.octetString, digest));

/** SHA-256 of something, on the hot path: everything before the digest is constant. */
const SHA256_PREFIX = encodeImprint('sha256', new Uint8Array(32)).slice(0, -32);

export const sha256Imprint = (digest: Uint8Array): Uint8Array => concat(SHA256_PREFIX, digest);
