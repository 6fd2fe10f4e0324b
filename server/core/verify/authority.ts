import type { Certificate } from '../read/x509.ts';
import type { Reason } from '../reason.ts';
import { askingOnce, type SignatureVerifier } from './signatures.ts';
import type { CheckedToken } from './token.ts';
import type { Trust, TrustedAuthority, TrustedIssuer } from './trust.ts';
import { leadTo, wayUp } from './way.ts';

/*
 * Whose token is it? The operator's own, whatever else its root is listed as; somebody else's; or nobody's that the
 * reader knows.
 */

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
