import { createHash } from 'node:crypto';
import { parseDer, TAG } from '../../core/read/der.ts';
import { encode, encodeOid } from '../../core/read/encode-der.ts';
import { RevocationProblem } from '../../ports/revocation.ts';
import type { Subject } from './certificate.ts';

/*
 * The question to an OCSP responder, RFC 6960 §4.1.1, and as much of its answer as says whether it is one. There is no
 * nonce: most responders sign ahead and know none, and the answer is judged by its own times.
 */

/**
 * By which a responder finds the certificate; nothing rests on its strength. All know SHA-1 (RFC 5019 §2.1.1);
 * SHA-256 is for those that have given it up (RFC 9654 §3.1.1).
 */
export type CertIdHash = 'sha1' | 'sha256';

const HASH_OIDS: Readonly<Record<CertIdHash, string>> = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
};

export function encodeOcspRequest(certificate: Subject, issuer: Subject, hash: CertIdHash): Uint8Array {
  const digest = (bytes: Uint8Array) => new Uint8Array(createHash(hash).update(bytes).digest());
  const certId = encode(
    TAG.sequence,
    encode(TAG.sequence, encodeOid(HASH_OIDS[hash]), encode(TAG.null)),
    encode(TAG.octetString, digest(certificate.issuer)),
    encode(TAG.octetString, digest(issuer.key)),
    encode(TAG.integer, certificate.serial),
  );
  // OCSPRequest ← TBSRequest ← requestList ← Request ← CertID; version 1 is the default and left out.
  return [1, 2, 3, 4].reduce((inner) => encode(TAG.sequence, inner), certId);
}

/** OCSPResponseStatus (§4.2.1), ENUMERATED. */
const STATUS_TAG = 0x0a;
const STATUSES = [
  'successful',
  'malformedRequest',
  'internalError',
  '',
  'tryLater',
  'sigRequired',
  'unauthorized',
];

/** The answer itself where it calls itself successful; all other ones are unsigned, and say nothing. */
export function checkOcspResponse(der: Uint8Array, host: string): void {
  const [status] = shape(der, host);
  if (status?.tag !== STATUS_TAG || status.content.length !== 1)
    throw new RevocationProblem('revocation-not-der', { host });
  const code = status.content[0]!;
  if (code !== 0)
    throw new RevocationProblem('ocsp-not-successful', { host, status: STATUSES[code] || String(code) });
}

function shape(der: Uint8Array, host: string) {
  try {
    return parseDer(der).children;
  } catch (error) {
    throw new RevocationProblem('revocation-not-der', { host }, error);
  }
}
