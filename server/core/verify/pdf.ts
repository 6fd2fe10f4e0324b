import { type Pdf, type Seal, sealOf } from '../container/pdf.ts';
import { parseSignedData } from '../read/cms.ts';
import type { Certificate } from '../read/x509.ts';
import { FormatError, type Reason } from '../reason.ts';
import { type Check, reason, type Status } from './report.ts';
import type { SignatureVerifier } from './signatures.ts';
import { checkSignedBy, findSigner, othersOf } from './signer.ts';
import type { Trust } from './trust.ts';
import { leadTo, sorted, type Way, waysUp } from './ways.ts';

/*
 * What is printed on the pages is worth as much as the certificate inside only where the issuer itself signed the whole
 * document: otherwise anybody can draw other pages around a good certificate.
 */

/** id-data, RFC 5652 §4, as `oid` gives it: what is signed stands outside. */
const DATA = '2a864886f70d010701';

/** id-kp-documentSigning, RFC 9336 §3.1. */
const DOCUMENT_SIGNING = '1.3.6.1.5.5.7.3.36';

const once = (status: Status, why: Reason): Check => ({
  id: 'pdf-pages',
  at: undefined,
  status,
  reason: why,
});

/**
 * The signature covers the file from its first to its last byte, and it is the issuer's. `whenValid` says, for the moment
 * that the signer claims, at which moments its certificates must have been valid.
 */
export async function checkPages(
  pdf: Pdf,
  trust: Trust | undefined,
  verifier: SignatureVerifier,
  whenValid: (signedMs: number) => readonly number[],
): Promise<Check> {
  try {
    const seal = sealOf(pdf);
    if (seal === undefined) return once('unknown', reason('pdf-not-signed'));
    const { signer, others } = await signed(seal, verifier);
    const name = signer.subject.name;
    if (trust === undefined) return once('unknown', reason('no-issuer-list', { signer: name }));
    return await standing(signer, others, trust, verifier, whenValid(seal.signedMs));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return once('failed', error.code === 'token-content-digest-differs' ? reason('pdf-changed') : error);
  }
}

interface SignedBy {
  readonly signer: Certificate;
  readonly others: readonly Certificate[];
}

/** Throws FormatError: the form, the digest of the document, who signed, and the signature. */
async function signed({ cms, signed: detached }: Seal, verifier: SignatureVerifier): Promise<SignedBy> {
  const data = parseSignedData(cms, { version: 1, contentType: DATA, detached });
  const signer = findSigner(data, data.certificates);
  await checkSignedBy(data, signer, verifier);
  return { signer, others: othersOf(signer, data.certificates) };
}

async function standing(
  signer: Certificate,
  others: readonly Certificate[],
  trust: Trust,
  verifier: SignatureVerifier,
  times: readonly number[],
): Promise<Check> {
  const detail = { signer: signer.subject.name };
  const ways = await waysUp(signer, sorted(others), verifier);
  let broken: Reason | undefined;
  for (const issuer of trust.issuers) {
    const refusal = await whyNotLed(ways, issuer.certificates, verifier, times);
    if (refusal === 'elsewhere') continue;
    if (refusal === undefined)
      return signer.extendedKeyUsage?.purposes.includes(DOCUMENT_SIGNING)
        ? once('passed', reason('pdf-signed', { ...detail, name: issuer.name }))
        : once('failed', reason('pdf-signer-purpose', detail));
    broken = refusal;
  }
  return broken ? once('failed', broken) : once('unknown', reason('pdf-signer-unknown', detail));
}

/** At each of the times; `elsewhere` where no way ends at any of the anchors. */
async function whyNotLed(
  ways: readonly Way[],
  anchors: readonly Certificate[],
  verifier: SignatureVerifier,
  times: readonly number[],
): Promise<Reason | 'elsewhere' | undefined> {
  for (const atMs of times) {
    const { paths, reasons } = await leadTo(ways, anchors, atMs, verifier);
    if (paths.length === 0) return reasons[0] ?? 'elsewhere';
  }
  return undefined;
}
