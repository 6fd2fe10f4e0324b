import { sha256 } from '../hash/sha256.ts';
import { type Headers, parseHeaders } from '../headers/headers.ts';
import { FormatError } from '../reason.ts';
import type { ComparedBlock } from './anchors.ts';
import { checkIssuer } from './issuer.ts';
import { type Check, reason, type TokenFact } from './report.ts';
import type { SignatureVerifier } from './signatures.ts';
import { checkToken } from './token.ts';
import { evidenceOf, factOf, judge } from './tokens.ts';
import type { Trust } from './trust.ts';
import type { WantedBlock } from './verify.ts';

/*
 * FORMAT-MORE.md, «kezheng-headers/1»: a list that the reader chose to believe. What is checked says whose it is and
 * since when; that its hashes are right is the reader's own judgement.
 */

export interface CheckedHeaders {
  readonly headers: Headers;
  /** `signature` and `issuer`, then `token` and `authority` of each token */
  readonly checks: readonly Check[];
  readonly tokens: readonly TokenFact[];
  /** as the trust list names it; undefined where it does not */
  readonly issuer: string | undefined;
}

/** Throws FormatError where its form is wrong or its signature does not hold. */
export async function checkHeaders(
  bytes: Uint8Array,
  trust: Trust | undefined,
  verifier: SignatureVerifier,
): Promise<CheckedHeaders> {
  const headers = parseHeaders(bytes);
  const issuer = await checkIssuer(headers, trust, verifier, [Date.parse(headers.issuedAt)]);
  const [{ status, reason: why }] = issuer.checks;
  if (status === 'failed') throw new FormatError(why.code, why.detail);
  const checks: Check[] = [...issuer.checks];
  const tokens: TokenFact[] = [];
  for (const i of headers.tokens.keys()) {
    const found = await checkStamp(headers, i, trust, verifier);
    checks.push(...found.checks);
    tokens.push(...found.facts);
  }
  return { headers, checks, tokens, issuer: issuer.issuer };
}

async function checkStamp(
  { tokens, stampedBytes }: Headers,
  i: number,
  trust: Trust | undefined,
  verifier: SignatureVerifier,
) {
  const at = `tokens[${i}]`;
  const stamp = tokens[i]!;
  try {
    const checked = await checkToken(stamp, { digest: sha256(stampedBytes) }, verifier);
    const judged = await judge(checked, evidenceOf(stamp.revocation), trust, verifier);
    const fact = factOf(at, 'rfc3161-headers/1', checked, judged);
    const { type, genTime, signer: subject } = fact;
    const checks: readonly Check[] = [
      { id: 'token', at, status: 'passed', reason: reason('token-holds', { type, genTime, subject }) },
      { id: 'authority', at, status: judged.status, reason: judged.why },
    ];
    return { checks, facts: [fact] };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const checks: readonly Check[] = [
      { id: 'token', at, status: 'failed', reason: error },
      { id: 'authority', at, status: 'skipped', reason: reason('earlier-check-failed') },
    ];
    return { checks, facts: [] };
  }
}

/** What the list says of these blocks; `source` is what it is called. */
export const blocksFromHeaders = (
  { blocks }: Headers,
  wanted: readonly Pick<WantedBlock, 'chainId' | 'number'>[],
  source: string,
): readonly ComparedBlock[] =>
  wanted.flatMap(({ chainId, number }) =>
    blocks
      .filter((block) => block.chainId === chainId && block.number === number)
      .map(({ genesisHash, hash }) => ({ source, chainId, genesisHash, number, hash })),
  );
