import { type Certificate, manifestOf } from '../certificate/certificate.ts';
import { STATEMENT_FORMAT, type Statement, statement, statementBytes } from '../entry/statement.ts';
import { sha256 } from '../hash/sha256.ts';
import { toHex } from '../read/bytes.ts';
import type { FormatError } from '../reason.ts';
import { type Check, reason, type StatementFact } from './report.ts';
import type { SignatureVerifier } from './signatures.ts';

export interface StatementFinding {
  readonly check: Check;
  /** where its signature holds */
  readonly fact: StatementFact | undefined;
}

/**
 * The depositor's own signature, over what the manifest says. `known`: SHA-256 (hex) of the keys that the reader knows to
 * be the depositor's, by whatever way; without any the key is told and nobody stands behind whose it is.
 */
export async function checkStatement(
  certificate: Certificate,
  known: readonly string[],
  verifier: SignatureVerifier,
): Promise<StatementFinding> {
  const finding = (
    status: Check['status'],
    why: Check['reason'],
    fact?: StatementFact,
  ): StatementFinding => ({
    check: { id: 'statement', at: undefined, status, reason: why },
    fact,
  });
  const manifest = manifestOf(certificate);
  const given = manifest?.statement ?? null;
  if (given === null)
    return known.length === 0
      ? finding('skipped', reason('no-statement'))
      : finding('failed', reason('statement-missing'));
  if (given['format'] !== STATEMENT_FORMAT)
    return finding('unknown', reason('statement-format-unknown', { format: String(given['format']) }));
  let read: Statement;
  try {
    read = statement(given, 'statement');
  } catch (error) {
    // Readers of fields throw nothing else.
    return finding('failed', error as FormatError);
  }
  const { publicKey, signature, signedAt } = read;
  const key = toHex(sha256(publicKey));
  const message = statementBytes(manifest!, read);
  const holds = await verifier.verify({
    algorithm: 'ecdsa-p256-sha256',
    spki: publicKey,
    message,
    signature,
  });
  if (!holds) return finding('failed', reason('statement-signature-wrong', { key }));
  const isKnown = known.includes(key);
  if (known.length > 0 && !isKnown) return finding('failed', reason('statement-key-other', { key }));
  const why = reason(isKnown ? 'statement-signed-known' : 'statement-signed', { key, signedAt });
  return finding('passed', why, { key, signedAt, known: isKnown });
}
