import type { Certificate } from '../read/x509.ts';
import type { Reason } from '../reason.ts';
import type { Beside } from './authority.ts';
import { reason } from './report.ts';
import { checkAllRevocation, type RevocationEvidence } from './revocation.ts';
import type { SignatureVerifier } from './signatures.ts';
import type { CheckedToken } from './token.ts';

/*
 * What rests on keys, as a later token looks at it: was it still good then (RFC 4998 §5.3)?
 */

export interface Held {
  /** `signature`, `tokens[0]`, `renewals[0]` */
  readonly at: string;
  /** Undefined for a signature: when it was made only its maker says. */
  readonly genTimeMs: number | undefined;
  /** From the signer up to a root that the reader knows; only the signer where nothing leads to one. */
  readonly way: readonly Certificate[];
  /** Whether `way` leads to such a root. */
  readonly led: boolean;
  readonly beside: Beside;
  /** What came with it. */
  readonly evidence: readonly RevocationEvidence[];
}

export const heldOf = (
  at: string,
  { info, signer }: CheckedToken,
  { path, beside }: { readonly path: readonly Certificate[] | undefined; readonly beside: Beside },
  evidence: readonly RevocationEvidence[],
): Held => ({
  at,
  genTimeMs: info.genTimeMs,
  way: path ?? [signer],
  led: path !== undefined,
  beside,
  evidence,
});

/** The last millisecond in which all of its certificates are valid: notAfter is given to the second, and included. */
export const goodUntilMs = ({ way }: Held): number =>
  Math.min(...way.map(({ notAfterMs }) => notAfterMs + 999));

/** A later token, and what came with it. */
export interface Later {
  readonly genTimeMs: number;
  readonly evidence: readonly RevocationEvidence[];
}

/** Undefined where it was still good. What the later one brought is heard about it too. */
export async function whyNotStillGood(
  held: Held,
  later: Later,
  verifier: SignatureVerifier,
): Promise<Reason | undefined> {
  const { at, genTimeMs, way, led, beside, evidence } = held;
  if (genTimeMs !== undefined && later.genTimeMs < genTimeMs)
    return reason('renewed-too-early', { layer: at, genTime: iso(later.genTimeMs), before: iso(genTimeMs) });
  const until = goodUntilMs(held);
  if (later.genTimeMs > until)
    return reason('renewed-too-late', { layer: at, genTime: iso(later.genTimeMs), goodUntil: iso(until) });
  if (!led) return reason('renewed-way-unknown', { layer: at });
  if (genTimeMs === undefined) return undefined;
  const { reason: spoilt } = await checkAllRevocation(
    way,
    beside,
    [...evidence, ...later.evidence],
    genTimeMs,
    verifier,
  );
  return spoilt;
}

const iso = (ms: number): string => new Date(ms).toISOString();
