import type { Certificate } from '../certificate/certificate.ts';
import { checkSignature, type ParsedSignature, parseSignature } from '../read/jws.ts';
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
}

const once = (id: 'signature' | 'issuer', status: Check['status'], why: Check['reason']): Check => ({
  id,
  at: undefined,
  status,
  reason: why,
});

/** Whether the signature holds, and whether the trust list knows whose it is. `x5c` shows the way and is never a trust anchor. */
export async function checkIssuer(
  certificate: Certificate,
  trust: Trust | undefined,
  verifier: SignatureVerifier,
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
    return { checks, signer: undefined, issuer: undefined };
  }
  const signer = signature.certificates[0]!.subject.name;
  const passed = once('signature', 'passed', reason('signature-holds', { signer }));
  if (trust === undefined)
    return {
      checks: [passed, once('issuer', 'unknown', reason('no-issuer-list', { signer }))],
      signer,
      issuer: undefined,
    };
  const [check, issuer] = await trusted(signature, certificate, trust, verifier, signer);
  return { checks: [passed, check], signer, issuer };
}

async function trusted(
  signature: ParsedSignature,
  certificate: Certificate,
  trust: Trust,
  verifier: SignatureVerifier,
  signer: string,
): Promise<[Check, string | undefined]> {
  const [leaf, ...intermediates] = signature.certificates;
  const refusals: Reason[] = [];
  for (const issuer of trust.issuers) {
    const chain = await verifyChain({
      leaf: leaf!,
      intermediates,
      anchors: issuer.certificates,
      atMs: Date.parse(certificate.issuedAt),
      verifier,
    });
    if (chain.ok)
      return [once('issuer', 'passed', reason('issuer-trusted', { name: issuer.name })), issuer.name];
    refusals.push(chain.reason);
  }
  // An issuer whose certificate has expired says more than all those who are simply somebody else.
  const telling = refusals.find((why) => why.code !== 'chain-anchor-unknown');
  return [once('issuer', 'failed', telling ?? reason('issuer-not-trusted', { signer })), undefined];
}
