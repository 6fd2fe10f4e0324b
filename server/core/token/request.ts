import { concat } from '../read/bytes.ts';
import {
  contextTag,
  dotted,
  type Element,
  integer,
  oid,
  parseDer,
  readDefaultFalse,
  readFields,
  smallInteger,
  TAG,
} from '../read/der.ts';
import { encode, encodeOid } from '../read/encode-der.ts';
import { FormatError } from '../reason.ts';
import { type Imprint, readImprint } from './imprint.ts';
import type { PkiFailure } from './response.ts';

/*
 * TimeStampReq, RFC 3161 §2.4.1, strictly DER: what we do not understand is refused, and the refusal has its number.
 */

/** One with SHA-512, policy and nonce has about 150 bytes; only extensions, which are refused, make one longer. */
export const MAX_REQUEST_BYTES = 1024;

/** Clients send 8 octets, some 16; 20 are those of a serial number. Every octet costs room in the token. */
export const MAX_NONCE_OCTETS = 20;

export interface TimeStampRequest {
  readonly imprint: Imprint;
  /** Dotted; undefined where the client leaves it to us. */
  readonly policy: string | undefined;
  /** Content octets of the INTEGER, which may be negative; the token repeats them. */
  readonly nonce: Uint8Array | undefined;
  /** Whether the answer must hold the signer's certificate. */
  readonly certReq: boolean;
}

const EXTENSIONS = contextTag(0, 'constructed');

/** Throws FormatError; `failureOf` has the number for it. `policies` (dotted) are those that may be asked for. */
export function parseRequest(bytes: Uint8Array, policies: readonly string[]): TimeStampRequest {
  if (bytes.length > MAX_REQUEST_BYTES)
    throw new FormatError('tsp-request-too-long', { limit: MAX_REQUEST_BYTES, actual: bytes.length });
  return readFields(parseDer(bytes), TAG.sequence, (fields) => {
    const version = smallInteger(fields.next(TAG.integer));
    if (version !== 1) throw new FormatError('tsp-version-unsupported', { version });
    const imprint = readImprint(fields.next(TAG.sequence));
    const policy = readPolicy(fields.optional(TAG.oid), policies);
    const nonce = readNonce(fields.optional(TAG.integer));
    const certReq = readDefaultFalse(fields);
    if (fields.optional(EXTENSIONS)) throw new FormatError('tsp-extension-unaccepted');
    return { imprint, policy, nonce, certReq };
  });
}

function readPolicy(element: Element | undefined, policies: readonly string[]): string | undefined {
  if (element === undefined) return undefined;
  const policy = dotted(oid(element));
  if (!policies.includes(policy)) throw new FormatError('tsp-policy-unaccepted', { policy });
  return policy;
}

function readNonce(element: Element | undefined): Uint8Array | undefined {
  if (element === undefined) return undefined;
  const { content } = element;
  if (content.length > MAX_NONCE_OCTETS)
    throw new FormatError('tsp-nonce-too-long', { limit: MAX_NONCE_OCTETS, actual: content.length });
  integer(element);
  return content;
}

const FAILURES: Readonly<Record<string, PkiFailure>> = {
  'tsp-algorithm-unsupported': 'badAlg',
  'tsp-request-too-long': 'badRequest',
  'tsp-version-unsupported': 'badRequest',
  'tsp-nonce-too-long': 'badRequest',
  'tsp-policy-unaccepted': 'unacceptedPolicy',
  'tsp-extension-unaccepted': 'unacceptedExtension',
};

/** The PKIFailureInfo for what `parseRequest` threw: everything about the encoding, imprint lengths too, is the format. */
export const failureOf = ({ code }: FormatError): PkiFailure => FAILURES[code] ?? 'badDataFormat';

export interface RequestParts {
  /** DER, of `encodeImprint`. */
  readonly imprint: Uint8Array;
  readonly policy?: string;
  /** Octets of a number that is not negative. */
  readonly nonce?: Uint8Array;
  readonly certReq: boolean;
}

/** What we ask of other authorities. */
export const encodeRequest = ({ imprint, policy, nonce, certReq }: RequestParts): Uint8Array =>
  encode(
    TAG.sequence,
    encode(TAG.integer, Uint8Array.of(1)),
    imprint,
    ...(policy === undefined ? [] : [encodeOid(policy)]),
    ...(nonce === undefined ? [] : [encodeUnsigned(nonce)]),
    ...(certReq ? [encode(TAG.boolean, Uint8Array.of(0xff))] : []),
  );

/** INTEGER of these octets read as a number that is not negative: in the fewest octets (X.690 §8.3.2). */
export function encodeUnsigned(octets: Uint8Array): Uint8Array {
  let start = 0;
  while (octets[start] === 0) start++;
  const shortest = octets.subarray(start);
  return (shortest[0] ?? 0x80) < 0x80
    ? encode(TAG.integer, shortest)
    : encode(TAG.integer, concat(Uint8Array.of(0), shortest));
}
