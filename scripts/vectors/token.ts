import { createHash } from 'node:crypto';
import { concat, utf8 } from '../../server/core/read/bytes.ts';
import { contextTag, parseDer, TAG } from '../../server/core/read/der.ts';
import {
  encode,
  encodeGeneralizedTime,
  encodeInteger,
  encodeOid,
} from '../../server/core/read/encode-der.ts';
import { parseCertificate } from '../../server/core/read/x509.ts';
import type { CertificateKey } from './keys.ts';
import { ECDSA_SHA256, nameOf } from './x509.ts';

/*
 * Time-stamp tokens, revocation lists and OCSP answers from their parts up, each of which can be made wrong.
 */

const sequence = (...parts: readonly Uint8Array[]) => encode(TAG.sequence, ...parts);
const set = (...parts: readonly Uint8Array[]) => encode(TAG.set, ...parts);
const octets = (bytes: Uint8Array) => encode(TAG.octetString, bytes);
const context = (number: number, ...parts: readonly Uint8Array[]) =>
  encode(contextTag(number, 'constructed'), ...parts);
const int = (value: number) => encodeInteger(BigInt(value));
const algorithm = (oid: string) => sequence(encodeOid(oid));
const attribute = (oid: string, ...values: readonly Uint8Array[]) => sequence(encodeOid(oid), set(...values));

const DIGESTS = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const;
export type DigestName = keyof typeof DIGESTS;

export const digestOf = (name: DigestName, bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(name).update(bytes).digest());

export interface Stamper {
  readonly certificate: Uint8Array;
  readonly key: CertificateKey;
}

export interface TokenRequest {
  /** what is stamped */
  readonly digest: Uint8Array;
  readonly policy: string;
  /** ISO 8601 */
  readonly genTime: string;
  /** GeneralizedTime as it is to be written, in place of that */
  readonly genTimeText?: string;
  readonly by: Stamper;
  readonly imprint?: DigestName;
  readonly serial?: number;
  /** in place of one second */
  readonly accuracy?: Uint8Array | null;
  readonly ess?: 'v1' | 'v2' | 'both' | 'none';
  readonly essOf?: Uint8Array;
  readonly certificates?: readonly Uint8Array[];
  readonly contentType?: string;
  readonly version?: number;
  readonly signerVersion?: number;
  /** what the attribute says, where it is not the digest of the content */
  readonly messageDigest?: Uint8Array;
  readonly attributes?: (attributes: readonly Uint8Array[]) => readonly Uint8Array[];
  readonly signature?: (signature: Uint8Array) => Uint8Array;
  readonly signatureAlgorithm?: Uint8Array;
  readonly crls?: boolean;
  readonly unsignedAttributes?: boolean;
  readonly signers?: number;
  readonly extension?: 'critical' | 'other';
}

/** Seconds, milliseconds ([0]) and microseconds ([1]). */
export const accuracyOf = (seconds?: number, millis?: number, micros?: number): Uint8Array =>
  sequence(
    ...(seconds === undefined ? [] : [int(seconds)]),
    ...(millis === undefined ? [] : [encodeInteger(BigInt(millis), contextTag(0, 'primitive'))]),
    ...(micros === undefined ? [] : [encodeInteger(BigInt(micros), contextTag(1, 'primitive'))]),
  );

function tstInfo(request: TokenRequest): Uint8Array {
  const { imprint = 'sha256', digest, accuracy = accuracyOf(1) } = request;
  const extension = sequence(
    encodeOid('1.2.3.4'),
    ...(request.extension === 'critical' ? [encode(TAG.boolean, Uint8Array.of(0xff))] : []),
    octets(int(1)),
  );
  return sequence(
    int(1),
    encodeOid(request.policy),
    sequence(algorithm(DIGESTS[imprint]), octets(digest)),
    int(request.serial ?? 4660),
    request.genTimeText === undefined
      ? encodeGeneralizedTime(Date.parse(request.genTime))
      : encode(TAG.generalizedTime, utf8(request.genTimeText)),
    ...(accuracy === null ? [] : [accuracy]),
    ...(request.extension === undefined ? [] : [context(1, extension)]),
  );
}

export function makeToken(request: TokenRequest): Uint8Array {
  const { by, ess = 'v2', essOf = by.certificate, signers = 1 } = request;
  const digestName = by.key.digest ?? 'sha256';
  const digest = algorithm(DIGESTS[digestName]);
  const info = tstInfo(request);
  const { issuer, serial } = parseCertificate(by.certificate);
  const v1 = attribute(
    '1.2.840.113549.1.9.16.2.12',
    sequence(sequence(sequence(octets(digestOf('sha1', essOf))))),
  );
  const v2 = attribute(
    '1.2.840.113549.1.9.16.2.47',
    sequence(sequence(sequence(octets(digestOf('sha256', essOf))))),
  );
  const given = [
    attribute('1.2.840.113549.1.9.3', encodeOid(request.contentType ?? '1.2.840.113549.1.9.16.1.4')),
    attribute('1.2.840.113549.1.9.4', octets(request.messageDigest ?? digestOf(digestName, info))),
    ...(ess === 'v1' || ess === 'both' ? [v1] : []),
    ...(ess === 'v2' || ess === 'both' ? [v2] : []),
  ].toSorted((a, b) => Buffer.compare(a, b));
  const toSign = set(...(request.attributes?.(given) ?? given));
  const tagged = toSign.slice();
  tagged[0] = 0xa0;
  const signature = by.key.signDer(toSign);
  const signer = sequence(
    int(request.signerVersion ?? 1),
    sequence(issuer.raw, encode(TAG.integer, Buffer.from(serial, 'hex'))),
    digest,
    tagged,
    request.signatureAlgorithm ?? by.key.algorithm ?? ECDSA_SHA256,
    octets(request.signature?.(signature) ?? signature),
    ...(request.unsignedAttributes ? [context(1, attribute('1.2.3.4', int(1)))] : []),
  );
  const signed = sequence(
    int(request.version ?? 3),
    set(digest),
    sequence(encodeOid('1.2.840.113549.1.9.16.1.4'), context(0, octets(info))),
    ...(request.certificates ? [context(0, ...request.certificates)] : []),
    ...(request.crls ? [context(1, sequence())] : []),
    set(...Array.from({ length: signers }, () => signer)),
  );
  return sequence(encodeOid('1.2.840.113549.1.7.2'), context(0, signed));
}

export interface RevokedCertificate {
  readonly certificate: Uint8Array;
  /** YYMMDDhhmmss; left out: good */
  readonly at?: string;
  /** CRLReason */
  readonly reason?: number;
}

const enumerated = (value: number) => encode(TAG.enumerated, Uint8Array.of(value));
const serialOf = (certificate: Uint8Array) =>
  encode(TAG.integer, Buffer.from(parseCertificate(certificate).serial, 'hex'));

export interface ListRequest {
  readonly issuer: string;
  readonly key: CertificateKey;
  readonly revoked?: readonly RevokedCertificate[];
  /** an extension of the whole list, critical */
  readonly critical?: string;
  readonly version?: number;
  /** YYMMDDhhmmss; null: it does not say */
  readonly until?: string | null;
}

const UNTIL = '261223000000';

export function makeCrl(request: ListRequest): Uint8Array {
  const { issuer, key, revoked = [], critical, version = 1, until = UNTIL } = request;
  const time = (text: string) => encode(TAG.utcTime, utf8(`${text}Z`));
  const entries = revoked.map(({ certificate, at, reason }) =>
    sequence(
      serialOf(certificate),
      time(at!),
      ...(reason === undefined
        ? []
        : [sequence(sequence(encodeOid('2.5.29.21'), octets(enumerated(reason))))]),
    ),
  );
  const TRUE = encode(TAG.boolean, Uint8Array.of(0xff));
  const algorithmOf = key.algorithm ?? ECDSA_SHA256;
  const tbs = sequence(
    int(version),
    algorithmOf,
    nameOf(issuer),
    time('261123000000'),
    ...(until === null ? [] : [time(until)]),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    ...(critical === undefined
      ? []
      : [context(0, sequence(sequence(encodeOid(critical), TRUE, octets(sequence()))))]),
  );
  return sequence(tbs, algorithmOf, encode(TAG.bitString, Uint8Array.of(0), key.signDer(tbs)));
}

export interface AnswerRequest {
  readonly about: RevokedCertificate;
  readonly issuer: Uint8Array;
  readonly key: CertificateKey;
  readonly hash?: DigestName;
  readonly certificates?: readonly Uint8Array[];
  readonly unknown?: boolean;
  readonly status?: number;
  /** as in a list */
  readonly until?: string | null;
}

export function makeOcsp(request: AnswerRequest): Uint8Array {
  const { about, key, hash = 'sha1', certificates, until = UNTIL } = request;
  const issuer = parseCertificate(request.issuer);
  const keyBits = parseDer(issuer.spki).children[1]!.content.slice(1);
  const time = (text: string) => encode(TAG.generalizedTime, utf8(`20${text}Z`));
  const { at, reason } = about;
  const revoked =
    at === undefined
      ? undefined
      : context(1, time(at), ...(reason === undefined ? [] : [context(0, enumerated(reason))]));
  const status = request.unknown
    ? encode(contextTag(2, 'primitive'))
    : (revoked ?? encode(contextTag(0, 'primitive')));
  const single = sequence(
    sequence(
      algorithm(DIGESTS[hash]),
      octets(digestOf(hash, issuer.subject.raw)),
      octets(digestOf(hash, keyBits)),
      serialOf(about.certificate),
    ),
    status,
    time('261123000000'),
    ...(until === null ? [] : [context(0, time(until))]),
  );
  const tbs = sequence(context(1, issuer.subject.raw), time('261123000000'), sequence(single));
  const basic = sequence(
    tbs,
    key.algorithm ?? ECDSA_SHA256,
    encode(TAG.bitString, Uint8Array.of(0), key.signDer(tbs)),
    ...(certificates ? [context(0, sequence(...certificates))] : []),
  );
  if (request.status !== undefined) return sequence(enumerated(request.status));
  return sequence(enumerated(0), context(0, sequence(encodeOid('1.3.6.1.5.5.7.48.1.1'), octets(basic))));
}

export const flipped = (bytes: Uint8Array): Uint8Array =>
  concat(bytes.slice(0, -1), Uint8Array.of(bytes.at(-1)! ^ 1));
