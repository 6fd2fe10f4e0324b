import { randomBytes } from 'node:crypto';
import type { Revocation, Stamped } from '../core/certificate/tokens.ts';
import { MAX_REVOCATION } from '../core/certificate/tokens.ts';
import type { Certificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import { encodeImprint } from '../core/token/imprint.ts';
import { encodeRequest } from '../core/token/request.ts';
import { parseResponse } from '../core/token/response.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { type CheckedToken, checkToken } from '../core/verify/token.ts';
import { evidenceOf, type Judgement, judge } from '../core/verify/tokens.ts';
import type { Trust } from '../core/verify/trust.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { DoorProblem } from '../ports/door.ts';
import { fitsCertificate, type RevocationSource } from '../ports/revocation.ts';
import type { TspTransport } from '../ports/tsp.ts';
import { printable } from './usage.ts';

/* A token of an outside authority for a command: asked for, and looked at in full before anything is made of it. */

/** What goes through the door. */
export interface Outside {
  readonly transport: TspTransport;
  readonly revocation: RevocationSource;
  close(): void;
}

/** Why an answer is no use. Sentences: subject `outside`. */
export const STAMP_CODES = ['stamp-refused', 'stamp-time-implausible'] as const;

export class StampProblem extends Error {
  readonly code: (typeof STAMP_CODES)[number];
  readonly detail: Readonly<Record<string, string | number>>;

  constructor(code: StampProblem['code'], detail: StampProblem['detail'] = {}) {
    super(`${code} ${JSON.stringify(detail)}`);
    this.name = 'StampProblem';
    this.code = code;
    this.detail = detail;
  }
}

/** Whose clock is wrong nobody knows; but a renewal with such a time would be found wrong some day, and not now. */
const MAX_APART_MS = 600_000;

export interface StampRequest {
  readonly url: string;
  readonly algorithm: 'sha256' | 'sha512';
  readonly digest: Uint8Array;
  /** Must know who runs the authority. */
  readonly trust: Trust;
  readonly signatures: SignatureVerifier;
  readonly nowMs: () => number;
}

export interface OutsideStamp extends Stamped {
  readonly checked: CheckedToken;
  readonly judged: Judgement;
  /** What issuers said of its certificates. */
  readonly revocation: readonly Revocation[];
}

/** Throws DoorProblem, StampProblem or FormatError. */
export async function askStamp(outside: Outside, request: StampRequest): Promise<OutsideStamp> {
  const { url, algorithm, digest, trust, signatures } = request;
  const nonce = newNonce();
  const query = encodeRequest({ imprint: encodeImprint(algorithm, digest), nonce, certReq: true });
  const token = tokenIn(await outside.transport.ask(url, query));
  const checked = await checkToken({ token, certificates: [] }, { algorithm, digest, nonce }, signatures);
  const { genTimeMs, accuracyMs = 0 } = checked.info;
  if (Math.abs(genTimeMs - request.nowMs()) > MAX_APART_MS + accuracyMs)
    throw new StampProblem('stamp-time-implausible', { genTime: new Date(genTimeMs).toISOString() });
  const { path } = await trusted(checked, [], trust, signatures);
  const revocation = await askRevocation(outside, path);
  const judged = await trusted(checked, revocation, trust, signatures);
  return { token, certificates: [], checked, judged, revocation };
}

/** A positive number in its shortest form, so that what comes back can be compared as it is. */
function newNonce(): Uint8Array {
  const nonce = new Uint8Array(randomBytes(16));
  nonce[0] = (nonce[0]! & 0x3f) | 0x40;
  return nonce;
}

function tokenIn(reply: Uint8Array): Uint8Array {
  const response = parseResponse(reply);
  if (response.granted) return response.token;
  const said = [...response.failures, response.text].filter(Boolean).join(', ');
  throw new StampProblem('stamp-refused', { status: response.status, said });
}

async function trusted(
  checked: CheckedToken,
  revocation: readonly Revocation[],
  trust: Trust,
  signatures: SignatureVerifier,
) {
  const { path, ...judged } = await judge(checked, evidenceOf(revocation), trust, signatures);
  if (path === undefined) throw new FormatError(judged.why.code, judged.why.detail);
  return { ...judged, path };
}

/** Those that a file has room for; that somebody does not answer holds nothing up. */
export async function askRevocation(
  { revocation }: Pick<Outside, 'revocation'>,
  path: readonly Certificate[],
): Promise<readonly Revocation[]> {
  const results = await revocation.collect(path.map(({ raw }) => raw));
  return results
    .flatMap(({ answer }) => (answer && fitsCertificate(answer) && isReadable(answer) ? answer : []))
    .slice(0, MAX_REVOCATION);
}

/** What the checker could not read would spoil the file that it stands in. */
function isReadable(answer: Revocation): boolean {
  try {
    evidenceOf([answer]);
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/** Why it came to nothing, for people; another error is a bug. */
export function whyNoStamp(error: unknown): string {
  const known = error instanceof DoorProblem || error instanceof StampProblem || error instanceof FormatError;
  if (!known) throw error;
  const subject = error instanceof FormatError ? 'reason' : 'outside';
  const { zh, en } = bothLanguages(subject, error.code, error.detail);
  return printable(`${error.code}：${zh} / ${en}`);
}
