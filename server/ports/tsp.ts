/** An outside time-stamp authority, as the operator configured it. */
export interface OutsideAuthority {
  /** Who runs it, as trust lists call them; several addresses may share a label, and count once. */
  readonly label: string;
  readonly url: string;
  /** Object identifiers, dotted: those of its policies that are accepted. At least one. */
  readonly policies: readonly string[];
  /** DER. At least one. */
  readonly roots: readonly Uint8Array[];
}

/** The way to an authority and back (RFC 3161 §3.4). What is in the bytes, the asking and the checking, is core's matter. */
export interface TspTransport {
  /** DER of a TimeStampReq → what came back as TimeStampResp, unread; or a DoorProblem. */
  ask(url: string, query: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
}

/** Why no token came of an answer, beside the reasons of core. Sentences: subject `outside`. */
export const TOKEN_CODES = [
  'tsp-not-granted',
  'tsp-nonce-differs',
  'tsp-time-implausible',
  'tsp-own-authority',
  'revocation-unanswered',
] as const;

export type TokenCode = (typeof TOKEN_CODES)[number];

export class TokenProblem extends Error {
  readonly code: TokenCode;
  readonly detail: Readonly<Record<string, string | number>>;
  constructor(code: TokenCode, detail: Readonly<Record<string, string | number>> = {}, cause?: unknown) {
    super(`${code} ${JSON.stringify(detail)}`, { cause });
    this.name = 'TokenProblem';
    this.code = code;
    this.detail = detail;
  }
}

/** What became of asking an authority for one token. */
export const TOKEN_OUTCOMES = ['kept', 'away', 'refused'] as const;
export type TokenOutcome = (typeof TOKEN_OUTCOMES)[number];
