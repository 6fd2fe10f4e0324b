import { equalBytes } from '../read/bytes.ts';
import type { Certificate } from '../read/x509.ts';
import type { Reason } from '../reason.ts';
import { reason } from './report.ts';
import { askingOnce, type SignatureVerifier } from './signatures.ts';
import type { CheckedToken } from './token.ts';
import type { Trust, TrustedAuthority, TrustedIssuer } from './trust.ts';
import { type Led, leadTo, sorted, type Twin, twinsOf, waysUp } from './ways.ts';

/*
 * Whose token is it? The operator's own, whatever else its root is listed as; somebody else's; or nobody's that the
 * reader knows.
 */

/** What else tells whether the keys of a path were good, so that nobody helps himself by showing another path. */
export interface Beside {
  /** Every path from the signer to a certificate of the list. */
  readonly paths: readonly (readonly Certificate[])[];
  readonly twins: readonly Twin[];
}

interface Path {
  readonly path: readonly Certificate[];
  readonly beside: Beside;
}

type Whose =
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

export type Standing =
  | Exclude<Whose, { readonly path: unknown }>
  | (Extract<Whose, { readonly path: unknown }> & Path);

/** An entry of the list, and the ways to it. */
interface Reached<T> extends Led {
  readonly one: T;
}

export async function standingOf(
  { info, signer, others: unsigned }: CheckedToken,
  trust: Trust,
  signatures: SignatureVerifier,
): Promise<Standing> {
  const verifier = askingOnce(signatures);
  const others = sorted(unsigned);
  const ways = await waysUp(signer, others, verifier);
  const lead = (anchors: readonly Certificate[]) => leadTo(ways, anchors, info.genTimeMs, verifier);
  const own: Reached<TrustedIssuer>[] = [];
  for (const one of trust.issuers) own.push({ one, ...(await lead(one.certificates)) });
  const outside: Reached<TrustedAuthority>[] = [];
  for (const one of trust.authorities) outside.push({ one, ...(await lead(one.roots)) });
  const found = ofOperator(signer, own) ?? ofAuthority(info.policy, outside);
  if (!('path' in found)) return found;
  const issuers = [
    ...others,
    ...own.flatMap(({ one }) => one.certificates),
    ...outside.flatMap(({ one }) => one.roots),
  ];
  const paths = [...own, ...outside].flatMap((led) => led.paths);
  const twins = await twinsOf(found.path, [signer, ...others], issuers, verifier);
  return { ...found, beside: { paths, twins } };
}

/** Good or not, what is the operator's is nobody else's, whatever lists it too; undefined where nothing of it is. */
function ofOperator(signer: Certificate, own: readonly Reached<TrustedIssuer>[]): Whose | undefined {
  for (const { one: issuer, paths } of own)
    if (paths[0] !== undefined) return { by: 'operator', issuer, path: paths[0] };
  const [broken] = own.flatMap(({ reasons }) => reasons);
  if (broken) return { by: 'broken', reason: broken };
  const owner = own.find(({ one }) => one.certificates.some(({ spki }) => equalBytes(spki, signer.spki)));
  if (owner === undefined) return undefined;
  const detail = { subject: signer.subject.name, label: owner.one.name };
  return { by: 'broken', reason: reason('token-key-of-issuer', detail) };
}

function ofAuthority(policy: string, outside: readonly Reached<TrustedAuthority>[]): Whose {
  const reached = outside.filter(({ paths }) => paths.length > 0);
  const listed = reached.find(({ one }) => one.policies.includes(policy));
  if (listed) return { by: 'independent', authority: listed.one, path: listed.paths[0]! };
  const [broken] = outside.flatMap(({ paths, reasons }) => (paths.length > 0 ? [] : reasons));
  if (broken) return { by: 'broken', reason: broken };
  return reached[0] ? { by: 'unlisted-policy', authority: reached[0].one } : { by: 'unknown' };
}
