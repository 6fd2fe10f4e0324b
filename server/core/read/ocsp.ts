import { sha1 } from '../hash/sha1.ts';
import { FormatError } from '../reason.ts';
import type { SignatureAlgorithm } from '../verify/signatures.ts';
import { toHex } from './bytes.ts';
import { checkedAlgorithm, type Revocation, readReason } from './crl.ts';
import {
  bitStringBytes,
  contextTag,
  type Element,
  generalizedTime,
  listOf,
  oid,
  parseDer,
  readFields,
  serialNumber,
  TAG,
} from './der.ts';
import { readDigest } from './digests.ts';
import { readExtension } from './x509.ts';

/*
 * An OCSP answer, RFC 6960 §4.2, strictly DER.
 */

/** What one answer says of one certificate, which it names by digests of its issuer's name and key. */
export interface OcspStatus {
  readonly hash: (bytes: Uint8Array) => Uint8Array;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Hex of the INTEGER's content. */
  readonly serial: string;
  readonly status: 'good' | 'unknown' | Revocation;
  /** Undefined where it does not say how long it holds. */
  readonly nextUpdateMs: number | undefined;
}

export interface OcspAnswer {
  readonly kind: 'ocsp';
  readonly producedAtMs: number;
  readonly statuses: readonly OcspStatus[];
  readonly tbs: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  /** DER: those whom the issuer may have asked to answer for it. */
  readonly certificates: readonly Uint8Array[];
}

const CONTEXT_0 = contextTag(0, 'constructed');
const CONTEXT_1 = contextTag(1, 'constructed');

/** One answers, perhaps with the way up from it; each costs whoever checks a signature. */
const MAX_CERTIFICATES = 4;

/** id-pkix-ocsp-basic and SHA-1, as `oid` gives them. */
const BASIC = '2b0601050507300101';
const SHA1 = '2b0e03021a';

export function parseOcsp(bytes: Uint8Array): OcspAnswer {
  return readFields(parseDer(bytes), TAG.sequence, (fields) => {
    const { content } = fields.next(TAG.enumerated);
    // Any status but successful comes without an answer.
    if (content.length !== 1 || content[0] !== 0) throw new FormatError('ocsp-not-answered');
    return readFields(fields.next(CONTEXT_0), CONTEXT_0, (explicit) =>
      readFields(explicit.next(TAG.sequence), TAG.sequence, (of) => {
        if (oid(of.next(TAG.oid)) !== BASIC) throw new FormatError('ocsp-not-answered');
        return readBasic(parseDer(of.next(TAG.octetString).content));
      }),
    );
  });
}

function readBasic(element: Element): OcspAnswer {
  return readFields(element, TAG.sequence, (fields) => {
    const tbs = fields.next(TAG.sequence);
    const algorithm = checkedAlgorithm(fields.next(TAG.sequence));
    const signature = bitStringBytes(fields.next(TAG.bitString));
    const explicit = fields.optional(CONTEXT_0);
    const certificates = explicit
      ? readFields(explicit, CONTEXT_0, (of) => listOf(of.next(TAG.sequence), TAG.sequence, TAG.sequence))
      : [];
    if (certificates.length > MAX_CERTIFICATES)
      throw new FormatError('ocsp-certificates-too-many', {
        limit: MAX_CERTIFICATES,
        actual: certificates.length,
      });
    return {
      kind: 'ocsp',
      tbs: tbs.raw,
      algorithm,
      signature,
      certificates: certificates.map(({ raw }) => raw),
      ...readData(tbs),
    };
  });
}

/** ResponseData. Who answers, its signature shows; version 1, the default, is written by leaving it out. */
function readData(tbs: Element) {
  return readFields(tbs, TAG.sequence, (fields) => {
    if (fields.any().tag === CONTEXT_0) throw new FormatError('revocation-version-unsupported');
    const producedAtMs = generalizedTime(fields.next(TAG.generalizedTime));
    const statuses = listOf(fields.next(TAG.sequence), TAG.sequence, TAG.sequence).map(readSingle);
    refuseCritical(fields.optional(CONTEXT_1));
    return { producedAtMs, statuses };
  });
}

function readSingle(element: Element): OcspStatus {
  return readFields(element, TAG.sequence, (fields) => {
    const id = readCertId(fields.next(TAG.sequence));
    const status = readStatus(fields.any());
    generalizedTime(fields.next(TAG.generalizedTime));
    const nextUpdate = fields.optional(CONTEXT_0);
    const nextUpdateMs = nextUpdate && readFields(nextUpdate, CONTEXT_0, (of) => generalizedTime(of.any()));
    refuseCritical(fields.optional(CONTEXT_1));
    return { ...id, status, nextUpdateMs };
  });
}

function readCertId(element: Element) {
  return readFields(element, TAG.sequence, (fields) => {
    const algorithm = fields.next(TAG.sequence);
    const isSha1 = toHex(algorithm.children[0]?.content ?? new Uint8Array()) === SHA1;
    return {
      hash: isSha1 ? sha1 : readDigest(algorithm).of,
      issuerNameHash: fields.next(TAG.octetString).content,
      issuerKeyHash: fields.next(TAG.octetString).content,
      serial: serialNumber(fields.next(TAG.integer)),
    };
  });
}

/** good [0] and unknown [2] are IMPLICIT NULL; revoked [1] says when and maybe why. */
function readStatus(element: Element): OcspStatus['status'] {
  const text = toHex(element.raw);
  if (text === '8000') return 'good';
  if (text === '8200') return 'unknown';
  return readFields(element, CONTEXT_1, (fields) => {
    const atMs = generalizedTime(fields.next(TAG.generalizedTime));
    const reason = fields.optional(CONTEXT_0);
    return { atMs, reason: reason && readFields(reason, CONTEXT_0, (of) => readReason(of.any())) };
  });
}

function refuseCritical(explicit: Element | undefined): void {
  if (explicit === undefined) return;
  const list = readFields(explicit, CONTEXT_1, (of) => listOf(of.any(), TAG.sequence, TAG.sequence));
  if (list.some((element) => readFields(element, TAG.sequence, readExtension).critical))
    throw new FormatError('ocsp-extension-critical');
}
