import { sha256 } from '../../core/hash/sha256.ts';
import { equalBytes } from '../../core/read/bytes.ts';
import { names } from '../../core/read/certificate-id.ts';
import { parseSignedData, type SignedData } from '../../core/read/cms.ts';
import { detachedCms, signedAttributes, withSignatureTimeStamp } from '../../core/read/encode-cms.ts';
import { type Certificate, parseCertificate } from '../../core/read/x509.ts';
import { FormatError } from '../../core/reason.ts';
import { verifyChain } from '../../core/verify/chain.ts';
import type { SignatureVerifier } from '../../core/verify/signatures.ts';
import { readable } from '../../core/verify/signer.ts';
import { checkToken } from '../../core/verify/token.ts';
import type { OfficeSignature } from '../../ports/office-key.ts';
import { filled, type Ranged, roomOf, signedBytes } from '../pdf/seal.ts';
import { MAX_DEED_CMS_BYTES } from './prepare.ts';
import { DeedProblem } from './problem.ts';

/*
 * The signature of a deed, checked in full before it is put in: whose it is, over what, and that nothing else came with
 * it. Whoever signs with the wrong token at the desk hears it here and not in court. Then a time-stamp over the
 * signature, so that it holds when its certificate has expired (CAdES-T, ETSI EN 319 142-1 B-T).
 */

export interface OfficeSeal {
  /**
   * The chains that the office registered, DER: the certificate of its key first, then each the issuer of the one before
   * it, up to four. Two while one certificate takes over from another.
   */
  readonly registered: readonly (readonly Uint8Array[])[];
  readonly nowMs: number;
  readonly verifier: SignatureVerifier;
  /** an RFC 3161 token (DER, its signer's certificate inside) over this SHA-256, of an authority of the caller's choice */
  readonly stamp: (imprint: Uint8Array) => Promise<Uint8Array>;
}

export interface SealedDeed {
  readonly pdf: Uint8Array;
  /** subject of the certificate that signed, for people */
  readonly signer: string;
  /** of the time-stamp over the signature, Unix milliseconds */
  readonly stampedMs: number;
}

/** id-data, RFC 5652 §4, as `oid` gives it: what is signed stands outside. */
const DATA = '2a864886f70d010701';

/** Throws DeedProblem; nothing is put in before everything is checked. */
export async function sealDeed(deed: Ranged, cms: Uint8Array, office: OfficeSeal): Promise<SealedDeed> {
  refuseSealed(deed);
  const { data, signer } = await checkedCms(signedBytes(deed), cms, office);
  const { token, genTimeMs } = await stamped(data.signature, office);
  const whole = withSignatureTimeStamp(cms, token);
  if (whole.length > roomOf(deed))
    throw new DeedProblem('deed-token-too-long', { limit: roomOf(deed), actual: whole.length });
  return { pdf: filled(deed, whole), signer: signer.subject.name, stampedMs: genTimeMs };
}

/** Signs with a key that `sign` unlocks for this one signature; from there on as with any CMS that comes in. */
export async function signDeed(
  deed: Ranged,
  office: OfficeSeal,
  sign: (bytesToSign: (certificates: readonly Uint8Array[]) => Uint8Array) => Promise<OfficeSignature>,
): Promise<SealedDeed> {
  const digest = sha256(signedBytes(deed));
  let attributes: Uint8Array = new Uint8Array();
  const signed = await sign(([own]) => (attributes = signedAttributes(digest, own!)));
  // A key file may bring a root along that the office did not register.
  const known = office.registered.flat();
  const certificates = signed.certificates.filter(
    (raw, i) => i === 0 || known.some((one) => equalBytes(one, raw)),
  );
  return sealDeed(deed, detachedCms({ ...signed, attributes, certificates }), office);
}

/** A deed is signed once: a second signature would take the place of the first. */
function refuseSealed({ pdf, byteRange: [, before, behind] }: Ranged): void {
  const place = pdf.subarray(before + 1, behind - 1);
  if (place.some((byte) => byte !== ZERO)) throw new DeedProblem('deed-already-sealed');
}

const ZERO = 0x30;

async function checkedCms(signed: Uint8Array, cms: Uint8Array, office: OfficeSeal) {
  if (cms.length > MAX_DEED_CMS_BYTES)
    throw new DeedProblem('deed-cms-too-long', { limit: MAX_DEED_CMS_BYTES, actual: cms.length });
  const data = read(cms, signed);
  const chain = chainOf(data, office.registered);
  const [signer] = chain as [Certificate, ...Certificate[]];
  refuseSurplus(data, chain);
  await refuseUnfit(chain, office);
  const { algorithm, signed: message, signature } = data;
  if (!(await office.verifier.verify({ algorithm, spki: signer.spki, message, signature })))
    throw new DeedProblem('deed-cms-signature-wrong', { subject: signer.subject.name });
  return { data, signer };
}

/** The form, and the digest of the document: one signer, and neither content nor anything unsigned. */
function read(cms: Uint8Array, detached: Uint8Array): SignedData {
  try {
    return parseSignedData(cms, { version: 1, contentType: DATA, detached, signerKnown: true });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const differs = error.code === 'token-content-digest-differs';
    throw new DeedProblem(differs ? 'deed-cms-digest-differs' : 'deed-cms-unreadable', {}, error);
  }
}

/** The registered chain whose key the CMS names, signed and unsigned names alike; its certificates as the office gave them. */
function chainOf({ signer, signerIds }: SignedData, registered: OfficeSeal['registered']) {
  for (const chain of registered) {
    const certificates = chain.map(parseCertificate);
    const [own] = certificates;
    if (
      own !== undefined &&
      equalBytes(signer.issuer, own.issuer.raw) &&
      signer.serial === own.serial &&
      signerIds.every((id) => names(id, own))
    )
      return certificates;
  }
  throw new DeedProblem('deed-cms-signer-unregistered');
}

/**
 * The signer's certificate must be inside, for readers of the PDF; beside it only those of its chain. They are not
 * signed: one that is not byte for byte what the office registered could be anything.
 */
function refuseSurplus({ certificates }: SignedData, chain: readonly Certificate[]): void {
  const isOf = (raw: Uint8Array, { raw: known }: Certificate): boolean => equalBytes(raw, known);
  const isOnce = certificates.every(
    (raw, i) => certificates.findIndex((other) => equalBytes(raw, other)) === i,
  );
  const areKnown = certificates.every((raw) => chain.some((one) => isOf(raw, one)));
  const isThere = certificates.some((raw) => isOf(raw, chain[0]!));
  if (!isOnce || !areKnown || !isThere) throw new DeedProblem('deed-cms-certificate-surplus');
}

type Now = Pick<OfficeSeal, 'nowMs' | 'verifier'>;

/** Whether an office can register this chain: it could sign a deed today. Throws DeedProblem. */
export async function checkRegistration(chain: readonly Uint8Array[], now: Now): Promise<void> {
  const certificates = chain.flatMap((raw) => readable(raw) ?? []);
  if (chain.length === 0 || certificates.length < chain.length)
    throw new DeedProblem('deed-chain-unreadable');
  await refuseUnfit(certificates, now);
}

/** In force now, for signing, and each issued by the next one. */
async function refuseUnfit(chain: readonly Certificate[], { nowMs, verifier }: Now): Promise<void> {
  const [leaf, ...intermediates] = chain as [Certificate, ...Certificate[]];
  const result = await verifyChain({
    leaf,
    intermediates,
    anchors: [chain.at(-1)!],
    atMs: nowMs,
    verifier,
    leafUsages: ['digitalSignature', 'nonRepudiation'],
  });
  if (!result.ok) throw new DeedProblem('deed-cms-signer-unfit', {}, result.reason);
}

/** RFC 5126 §6.1.1: the imprint is over the value of the signature. What comes back is checked before it is kept. */
async function stamped(signature: Uint8Array, { stamp, verifier }: OfficeSeal) {
  const digest = sha256(signature);
  const token = await stamp(digest);
  try {
    const { info } = await checkToken({ token, certificates: [] }, { digest }, verifier);
    return { token, genTimeMs: info.genTimeMs };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new DeedProblem('deed-token-invalid', {}, error);
  }
}
