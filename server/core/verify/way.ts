import { equalBytes } from '../read/bytes.ts';
import type { Certificate, Usage } from '../read/x509.ts';
import type { Reason } from '../reason.ts';
import { MAX_CHAIN, verifyChain } from './chain.ts';
import type { SignatureVerifier } from './signatures.ts';

/*
 * From a signer up to whomever the reader trusts, where certificates come in any order: in tokens and signed documents.
 */

/** Which of the two a key for tokens or documents has, is left open (RFC 3161 §2.3, RFC 9336 §3). */
const USAGES: readonly Usage[] = ['digitalSignature', 'nonRepudiation'];

/**
 * From the signer upwards: each the first whose name and key fit the one below. One that names itself as its issuer is a
 * root, which leads further up to nobody and which the reader has by another way, if at all.
 */
export async function wayUp(
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
export async function leadTo(
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
