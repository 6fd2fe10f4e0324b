import { equalBytes } from '../read/bytes.ts';
import type { Certificate, Usage } from '../read/x509.ts';
import type { Reason, ReasonCode } from '../reason.ts';
import type { SignatureVerifier } from './signatures.ts';

/*
 * Does a certificate lead to one that the caller trusts? RFC 5280 §6, cut down: the certificates come in their order,
 * every one of them is a link, and only the caller's anchors are anchors, whatever roots the chain brings along.
 */

/** Leaf and intermediates; public hierarchies have two or three. */
export const MAX_CHAIN = 4;

/** Below 2048 bits RSA is not used for signatures any more (NIST SP 800-131A). */
export const MIN_RSA_BITS = 2048;

export interface ChainRequest {
  readonly leaf: Certificate;
  /** Each the issuer of the one before it. */
  readonly intermediates: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly atMs: number;
  readonly verifier: SignatureVerifier;
  /** Where the leaf has keyUsage, one of these must be in it; digitalSignature where this is left out. */
  readonly leafUsages?: readonly Usage[];
}

export type ChainResult =
  | { readonly ok: true; readonly path: readonly Certificate[] }
  | { readonly ok: false; readonly reason: Reason };

/** `path` goes from the leaf to the anchor; it is one certificate where the leaf is an anchor itself. */
export async function verifyChain(request: ChainRequest): Promise<ChainResult> {
  const given = [request.leaf, ...request.intermediates];
  const reason = whyNotAChain(given) ?? whyNotALeaf(request) ?? (await whyNotLinked(given, request));
  return reason ? { ok: false, reason } : leadToAnchor(given, request);
}

const refusal = (code: ReasonCode, { subject }: Certificate, detail = {}): Reason => ({
  code,
  detail: { subject: subject.name, ...detail },
});

const same = (a: Certificate, b: Certificate): boolean => equalBytes(a.raw, b.raw);

function whyNotAChain(given: readonly Certificate[]): Reason | undefined {
  if (given.length > MAX_CHAIN)
    return { code: 'chain-too-long', detail: { limit: MAX_CHAIN, actual: given.length } };
  const twice = given.find((one, i) => given.slice(0, i).some((earlier) => same(one, earlier)));
  return twice && refusal('chain-surplus', twice);
}

const mayNot = ({ keyUsage }: Certificate, usage: Usage): boolean =>
  keyUsage !== undefined && !keyUsage.usages.includes(usage);

const SIGNING: readonly Usage[] = ['digitalSignature'];

function whyNotALeaf({ leaf, atMs, leafUsages = SIGNING }: ChainRequest): Reason | undefined {
  if (leafUsages.every((usage) => mayNot(leaf, usage))) return refusal('chain-leaf-usage-wrong', leaf);
  return whyUnusable(leaf, atMs);
}

/** What holds for every certificate of a path, the anchor included: its key and its time. */
function whyUnusable(one: Certificate, atMs: number): Reason | undefined {
  const { key, notBeforeMs, notAfterMs } = one;
  if (key.kind === 'other') return refusal('chain-key-unsupported', one);
  if (key.kind === 'rsa' && key.bits < MIN_RSA_BITS)
    return refusal('chain-rsa-too-short', one, { bits: key.bits, minimum: MIN_RSA_BITS });
  // Asked in this way round, a time that is no number is refused too.
  if (!(atMs >= notBeforeMs))
    return refusal('chain-not-yet-valid', one, { notBefore: new Date(notBeforeMs).toISOString() });
  // §4.1.2.5: notAfter is included, and it is given to the second.
  if (atMs >= notAfterMs + 1000)
    return refusal('chain-expired', one, { notAfter: new Date(notAfterMs).toISOString() });
  return undefined;
}

async function whyNotLinked(
  given: readonly Certificate[],
  request: ChainRequest,
): Promise<Reason | undefined> {
  for (let length = 2; length <= given.length; length++) {
    const reason = await whyNotIssuedByLast(given.slice(0, length), request);
    if (reason) return reason;
  }
  return undefined;
}

/** The last of `path` issued the one before it. Names come first, so that only a likely key costs a verification. */
async function whyNotIssuedByLast(
  path: readonly Certificate[],
  { atMs, verifier }: ChainRequest,
): Promise<Reason | undefined> {
  const [child, issuer] = path.slice(-2) as [Certificate, Certificate];
  if (!equalBytes(child.issuer.raw, issuer.subject.raw))
    return refusal('chain-issuer-mismatch', child, {
      issuer: child.issuer.name,
      actual: issuer.subject.name,
    });
  if (child.algorithm === undefined) return refusal('chain-algorithm-unsupported', child);
  const { algorithm, tbs: message, signature } = child;
  if (!(await verifier.verify({ algorithm, spki: issuer.spki, message, signature })))
    return refusal('chain-signature-invalid', child, { issuer: issuer.subject.name });
  return whyNotAnIssuer(issuer, path.slice(1, -1)) ?? whyUnusable(issuer, atMs);
}

/** `between`: the certificates from this issuer down to the leaf, both left out. */
function whyNotAnIssuer(issuer: Certificate, between: readonly Certificate[]): Reason | undefined {
  const limit = issuer.basicConstraints?.pathLength ?? Number.POSITIVE_INFINITY;
  // §6.1.4 (l): a certificate that a CA issued to itself does not count.
  const actual = between.filter((one) => !equalBytes(one.issuer.raw, one.subject.raw)).length;
  if (!issuer.basicConstraints?.ca) return refusal('chain-issuer-not-ca', issuer);
  if (mayNot(issuer, 'keyCertSign')) return refusal('chain-issuer-usage-wrong', issuer);
  if (actual > limit) return refusal('chain-path-length-exceeded', issuer, { limit, actual });
  return undefined;
}

/** The last that was given is an anchor, or an anchor issued it. */
async function leadToAnchor(given: readonly Certificate[], request: ChainRequest): Promise<ChainResult> {
  const { anchors } = request;
  const last = given.at(-1)!;
  if (anchors.some((anchor) => same(anchor, last))) return { ok: true, path: given };
  // Trust in one on the way is not enough: those behind it prove nothing, and would be bytes that anybody may add.
  if (given.some((one) => anchors.some((anchor) => same(anchor, one))))
    return { ok: false, reason: refusal('chain-surplus', last) };
  const named = anchors.filter((anchor) => equalBytes(anchor.subject.raw, last.issuer.raw));
  const reasons: Reason[] = [];
  for (const anchor of named) {
    const path = [...given, anchor];
    const reason = await whyNotIssuedByLast(path, request);
    if (reason === undefined) return { ok: true, path };
    reasons.push(reason);
  }
  return { ok: false, reason: mostTelling(reasons) ?? unknownAnchor(last) };
}

const unknownAnchor = (last: Certificate): Reason =>
  refusal('chain-anchor-unknown', last, { issuer: last.issuer.name });

/** An anchor whose key made the signature says more than one that only bears the name. */
const mostTelling = (reasons: readonly Reason[]): Reason | undefined =>
  reasons.find((reason) => reason.code !== 'chain-signature-invalid') ?? reasons[0];
