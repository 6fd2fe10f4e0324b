import { equalBytes, toHex } from '../read/bytes.ts';
import type { Certificate, Usage } from '../read/x509.ts';
import type { Reason } from '../reason.ts';
import { MAX_CHAIN, verifyChain } from './chain.ts';
import type { SignatureVerifier } from './signatures.ts';

/*
 * Ways from the signer of a token or document to certificates that the reader knows. Nothing signs the certificates in between, so
 * that all ways are looked at, and their order decides nothing.
 */

/** Which of the two a key for tokens or documents has, is left open (RFC 3161 §2.3, RFC 9336 §3). */
const USAGES: readonly Usage[] = ['digitalSignature', 'nonRepudiation'];

export type Way = readonly Certificate[];

/** By their bytes, whatever order they come in. */
export const sorted = (certificates: readonly Certificate[]): readonly Certificate[] =>
  certificates.toSorted((a, b) => (toHex(a.raw) < toHex(b.raw) ? -1 : 1));

/**
 * Every way from the signer upwards, the short ones first: name and key of each fit the one below. One that names itself
 * as its issuer is a root, which leads further up to nobody and which the reader has by another way, if at all. Of
 * sixteen certificates there are some hundred ways at most: two that issue each other are no more than eight of each.
 */
export async function waysUp(
  signer: Certificate,
  others: readonly Certificate[],
  verifier: SignatureVerifier,
): Promise<readonly Way[]> {
  const links = others.filter((one) => !equalBytes(one.issuer.raw, one.subject.raw));
  let last: Way[] = [[signer]];
  const ways: Way[] = [];
  while (last.length > 0) {
    ways.push(...last);
    const longer: Way[] = [];
    for (const way of last)
      if (way.length < MAX_CHAIN)
        for (const next of links)
          if (!way.includes(next) && (await issued(next, way.at(-1)!, verifier))) longer.push([...way, next]);
    last = longer;
  }
  return ways;
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

/** Of the ways that end at one of the anchors: those that break no rule, the short ones first, and why others do. */
export interface Led {
  readonly paths: readonly Way[];
  readonly reasons: readonly Reason[];
}

export async function leadTo(
  ways: readonly Way[],
  anchors: readonly Certificate[],
  atMs: number,
  verifier: SignatureVerifier,
): Promise<Led> {
  const paths: Way[] = [];
  const reasons: Reason[] = [];
  for (const way of ways) {
    const [leaf, ...intermediates] = way as [Certificate, ...Certificate[]];
    const last = way.at(-1)!;
    for (const anchor of anchors) {
      if (!equalBytes(anchor.raw, last.raw) && !(await issued(anchor, last, verifier))) continue;
      const request = { leaf, intermediates, anchors: [anchor], atMs, verifier, leafUsages: USAGES };
      const chain = await verifyChain(request);
      if (chain.ok) paths.push(chain.path);
      else reasons.push(chain.reason);
    }
  }
  return { paths, reasons };
}

export type Twin = readonly [twin: Certificate, issuer: Certificate];

/** Every certificate with a key of the path, its end left out, and each that issued it. */
export async function twinsOf(
  path: Way,
  certificates: readonly Certificate[],
  issuers: readonly Certificate[],
  verifier: SignatureVerifier,
): Promise<readonly Twin[]> {
  const keys = path.slice(0, -1).map(({ spki }) => spki);
  const twins: Twin[] = [];
  for (const one of certificates.filter(({ spki }) => keys.some((key) => equalBytes(key, spki))))
    for (const issuer of issuers) if (await issued(issuer, one, verifier)) twins.push([one, issuer]);
  return twins;
}
