import { equalBytes } from '../read/bytes.ts';
import type { Certificate, Usage } from '../read/x509.ts';
import type { Reason } from '../reason.ts';
import { MAX_CHAIN, verifyChain } from './chain.ts';
import { reason } from './report.ts';
import { askingOnce, type SignatureVerifier } from './signatures.ts';
import type { CheckedToken } from './token.ts';
import type { Trust, TrustedAuthority, TrustedIssuer } from './trust.ts';

/*
 * Whose token is it? The operator's own, whatever else its root is listed as; somebody else's; or nobody's that the
 * reader knows.
 */

/** RFC 3161 leaves open which of the two a time-stamp key has. */
const USAGES: readonly Usage[] = ['digitalSignature', 'nonRepudiation'];

export type Standing =
  | { readonly by: 'operator'; readonly issuer: TrustedIssuer; readonly path: readonly Certificate[] }
  | {
      readonly by: 'independent';
      readonly authority: TrustedAuthority;
      readonly path: readonly Certificate[];
    }
  /** A listed authority, under a policy that is not listed for it. */
  | { readonly by: 'unlisted-policy'; readonly authority: TrustedAuthority }
  /** A listed key is at the end, but the way to it breaks a rule. */
  | { readonly by: 'broken'; readonly reason: Reason }
  | { readonly by: 'unknown' };

export async function standingOf(
  { info, signer, others }: CheckedToken,
  trust: Trust,
  signatures: SignatureVerifier,
): Promise<Standing> {
  const verifier = askingOnce(signatures);
  const way = await wayUp(signer, others, verifier);
  const lead = (anchors: readonly Certificate[]) => leadTo(way, anchors, info.genTimeMs, verifier);
  let standing: Standing = { by: 'unknown' };
  for (const issuer of trust.issuers) {
    const led = await lead(issuer.certificates);
    if (led && 'path' in led) return { by: 'operator', issuer, path: led.path };
    if (led) standing = { by: 'broken', reason: led.reason };
  }
  // The operator's, good or not: it is nobody else's, whatever lists it too.
  if (standing.by === 'broken') return standing;
  const owner = trust.issuers.find(({ certificates }) =>
    certificates.some(({ spki }) => equalBytes(spki, signer.spki)),
  );
  if (owner)
    return {
      by: 'broken',
      reason: reason('token-key-of-issuer', { subject: signer.subject.name, label: owner.name }),
    };
  for (const authority of trust.authorities) {
    const led = await lead(authority.roots);
    if (led === undefined) continue;
    if ('reason' in led) standing = { by: 'broken', reason: led.reason };
    else if (authority.policies.includes(info.policy))
      return { by: 'independent', authority, path: led.path };
    else if (standing.by === 'unknown') standing = { by: 'unlisted-policy', authority };
  }
  return standing;
}

/**
 * From the signer upwards: each the first whose name and key fit the one below. One that names itself as its issuer is a
 * root, which leads further up to nobody and which the reader has by another way, if at all.
 */
async function wayUp(
  signer: Certificate,
  others: readonly Certificate[],
  verifier: SignatureVerifier,
): Promise<readonly Certificate[]> {
  const way = [signer];
  while (way.length < MAX_CHAIN) {
    const next = await firstIssuer(
      way.at(-1)!,
      others.filter((one) => !way.includes(one) && !equalBytes(one.issuer.raw, one.subject.raw)),
      verifier,
    );
    if (next === undefined) return way;
    way.push(next);
  }
  return way;
}

async function firstIssuer(
  child: Certificate,
  candidates: readonly Certificate[],
  verifier: SignatureVerifier,
): Promise<Certificate | undefined> {
  for (const candidate of candidates) if (await issued(candidate, child, verifier)) return candidate;
  return undefined;
}

/** Name and key fit. */
async function issued(
  issuer: Certificate,
  child: Certificate,
  verifier: SignatureVerifier,
): Promise<boolean> {
  const { algorithm, tbs: message, signature } = child;
  if (algorithm === undefined || !equalBytes(child.issuer.raw, issuer.subject.raw)) return false;
  return verifier.verify({ algorithm, spki: issuer.spki, message, signature });
}

type Led = { readonly path: readonly Certificate[] } | { readonly reason: Reason };

/** The shortest part of the way that ends at one of the anchors; undefined where none does. */
async function leadTo(
  way: readonly Certificate[],
  anchors: readonly Certificate[],
  atMs: number,
  verifier: SignatureVerifier,
): Promise<Led | undefined> {
  let broken: Led | undefined;
  for (let length = 1; length <= way.length; length++) {
    const [leaf, ...intermediates] = way.slice(0, length) as [Certificate, ...Certificate[]];
    const last = way[length - 1]!;
    for (const anchor of anchors) {
      if (!equalBytes(anchor.raw, last.raw) && !(await issued(anchor, last, verifier))) continue;
      const request = { leaf, intermediates, anchors: [anchor], atMs, verifier, leafUsages: USAGES };
      const chain = await verifyChain(request);
      if (chain.ok) return { path: chain.path };
      broken ??= { reason: chain.reason };
    }
  }
  return broken;
}
