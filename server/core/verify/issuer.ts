import type { Certificate } from '../certificate/certificate.ts';
import { checkSignature, type ParsedSignature, parseSignature } from '../read/jws.ts';
import type { Certificate as X509 } from '../read/x509.ts';
import { FormatError, type Reason } from '../reason.ts';
import { verifyChain } from './chain.ts';
import { type Check, reason } from './report.ts';
import type { SignatureVerifier } from './signatures.ts';
import type { Trust } from './trust.ts';

export interface IssuerFinding {
  readonly checks: readonly [signature: Check, issuer: Check];
  /** readable subject of the signing certificate, where the signature could be read */
  readonly signer: string | undefined;
  /** the trust list's name for the issuer, where trusted */
  readonly issuer: string | undefined;
  /** x5c, where the signature holds */
  readonly certificates: readonly X509[];
}

const once = (id: 'signature' | 'issuer', status: Check['status'], why: Check['reason']): Check => ({
  id,
  at: undefined,
  status,
  reason: why,
});

/**
 * Whether the signature holds, and whether the trust list knows whose it is. `x5c` shows the way and is never a trust
 * anchor. The certificates must have been valid at each of `times` (Unix ms).
 */
export async function checkIssuer(
  certificate: Pick<Certificate, 'signature' | 'signedBytes'>,
  trust: Trust | undefined,
  verifier: SignatureVerifier,
  times: readonly number[],
): Promise<IssuerFinding> {
  let signature: ParsedSignature;
  try {
    signature = parseSignature(certificate.signature);
    await checkSignature(signature, certificate.signedBytes, verifier);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const checks = [
      once('signature', 'failed', error),
      once('issuer', 'skipped', reason('earlier-check-failed')),
    ] as const;
    return { checks, signer: undefined, issuer: undefined, certificates: [] };
  }
  const { certificates } = signature;
  const signer = certificates[0].subject.name;
  const passed = once('signature', 'passed', reason('signature-holds', { signer }));
  if (trust === undefined)
    return {
      checks: [passed, once('issuer', 'unknown', reason('no-issuer-list', { signer }))],
      signer,
      issuer: undefined,
      certificates,
    };
  const [check, issuer] = await trusted(signature, trust, verifier, signer, times);
  return { checks: [passed, check], signer, issuer, certificates };
}

/**
 * timeStamping (RFC 3161 §2.3) and documentSigning (RFC 9336): a key for tokens or PDFs signs no certificates. Theirs stand
 * in the same entry of the trust list, and the one that answers anybody's requests must not be able to.
 */
const FOREIGN: ReadonlySet<string> = new Set(['1.3.6.1.5.5.7.3.8', '1.3.6.1.5.5.7.3.36']);

async function trusted(
  signature: ParsedSignature,
  trust: Trust,
  verifier: SignatureVerifier,
  signer: string,
  times: readonly number[],
): Promise<[Check, string | undefined]> {
  const misused = signature.certificates[0].extendedKeyUsage?.purposes.find((one) => FOREIGN.has(one));
  if (misused !== undefined)
    return [once('issuer', 'failed', reason('issuer-key-purpose', { signer, purpose: misused })), undefined];
  const refusals: Reason[] = [];
  for (const issuer of trust.issuers) {
    const refusal = await whyNotIssuedBy(signature, issuer.certificates, verifier, times);
    if (refusal === undefined)
      return [once('issuer', 'passed', reason('issuer-trusted', { name: issuer.name })), issuer.name];
    refusals.push(refusal);
  }
  // An issuer whose certificate has expired says more than all those who are simply somebody else.
  const telling = refusals.find((why) => why.code !== 'chain-anchor-unknown');
  return [once('issuer', 'failed', telling ?? reason('issuer-not-trusted', { signer })), undefined];
}

async function whyNotIssuedBy(
  { certificates: [leaf, ...intermediates] }: ParsedSignature,
  anchors: readonly X509[],
  verifier: SignatureVerifier,
  times: readonly number[],
): Promise<Reason | undefined> {
  for (const atMs of times) {
    const chain = await verifyChain({ leaf, intermediates, anchors, atMs, verifier });
    if (!chain.ok) return chain.reason;
  }
  return undefined;
}
