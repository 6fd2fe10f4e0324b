import type { Manifest } from '../core/entry/manifest.ts';
import { STATEMENT_FORMAT, statement, statementBytes } from '../core/entry/statement.ts';
import { FormatError } from '../core/reason.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';

/** A clock that is ahead of ours by more than this, or a date that somebody made up. */
const MAX_AHEAD_MS = 5 * 60_000;

export type StatementFault = 'statement-malformed' | 'statement-signature-wrong' | 'statement-in-future';

/** What the depositor signed is not this deposit; nothing was stored. */
export class StatementRefused extends Error {
  readonly fault: StatementFault;
  readonly detail: Readonly<Record<string, string | number>>;
  /** the text that a signature would have to be over, where it was looked at */
  readonly toSign: string | undefined;

  constructor(fault: StatementFault, detail: FormatError['detail'] = {}, toSign?: string, cause?: unknown) {
    super(fault, { cause });
    this.name = 'StatementRefused';
    this.fault = fault;
    this.detail = detail as Readonly<Record<string, string | number>>;
    this.toSign = toSign;
  }
}

/**
 * The same check that every checker makes of the certificate later: no deposit is taken whose certificate would be
 * invalid for its own depositor's signature. `entry` is the manifest as it would be stored.
 */
export async function requireStatement(
  entry: string,
  nowMs: number,
  verifier: SignatureVerifier,
): Promise<void> {
  const manifest = JSON.parse(entry) as Manifest;
  const given = read(manifest);
  const { publicKey, signature, signedAt } = given;
  if (Date.parse(signedAt) > nowMs + MAX_AHEAD_MS)
    throw new StatementRefused('statement-in-future', { signedAt });
  const message = statementBytes(manifest, given);
  const request = { algorithm: 'ecdsa-p256-sha256', spki: publicKey, message, signature } as const;
  if (await verifier.verify(request)) return;
  throw new StatementRefused('statement-signature-wrong', {}, Buffer.from(message).toString('utf8'));
}

function read(manifest: Manifest) {
  try {
    const given = manifest.statement!;
    if (given['format'] !== STATEMENT_FORMAT)
      throw new FormatError('field-value-wrong', { at: 'statement.format', expected: STATEMENT_FORMAT });
    return statement(given, 'statement');
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new StatementRefused('statement-malformed', error.detail, undefined, error);
  }
}
