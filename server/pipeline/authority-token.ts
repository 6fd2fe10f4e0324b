import { createHash } from 'node:crypto';
import { equalBytes } from '../core/read/bytes.ts';
import { FormatError } from '../core/reason.ts';
import { sha256Imprint } from '../core/token/imprint.ts';
import type { TstInfo } from '../core/token/info.ts';
import { encodeRequest } from '../core/token/request.ts';
import { parseResponse } from '../core/token/response.ts';
import { type Standing, standingOf } from '../core/verify/authority.ts';
import { checkAllRevocation, parseEvidence, type RevocationEvidence } from '../core/verify/revocation.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { type CheckedToken, checkToken } from '../core/verify/token.ts';
import type { Trust } from '../core/verify/trust.ts';
import type { Clock } from '../ports/clock.ts';
import { RevocationProblem, type RevocationResult, type RevocationSource } from '../ports/revocation.ts';
import type { TokenEvidence } from '../ports/store.ts';
import type { ClockWord } from '../ports/time.ts';
import { TokenProblem, type TspTransport } from '../ports/tsp.ts';

/*
 * One token of an outside authority: asked for, and checked in full before anybody keeps it, with the very code that
 * checks certificates. What is kept here must hold at a court; what does not is refused while another can be had.
 */

export interface TokenDeps {
  readonly tsp: TspTransport;
  readonly revocation: RevocationSource;
  readonly signatures: SignatureVerifier;
  readonly clock: Clock;
  /** what is thought of our clock, which said this time just now */
  readonly clockWord: (wallMs: number) => ClockWord;
  /** NONCE_BYTES random bytes */
  readonly nonce: () => Uint8Array;
}

export interface Asked {
  readonly url: string;
  /** this authority alone, and what the operator itself signs with as issuer */
  readonly trust: Trust;
}

export interface Obtained {
  readonly token: Uint8Array;
  readonly evidence: readonly TokenEvidence[];
  /** why nothing was learnt about certificates that name somebody who knows */
  readonly unanswered: readonly Unanswered[];
}

type Unanswered = RevocationResult['problems'][number] & { readonly code: string };

/** As many as most clients send; an answer to another question repeats them with a chance of 2^-62. */
export const NONCE_BYTES = 8;

/**
 * Between question and answer, and so much to either side: authorities tell whole seconds, their clocks and ours differ.
 * One that is a minute off dates nothing. Without others to compare with our own clock has no say.
 */
const MAX_OFF_MS = 60_000;

/** Throws FormatError or TokenProblem where the token is refused, DoorProblem where none was to be had. */
export async function obtainToken(
  deps: TokenDeps,
  { url, trust }: Asked,
  document: Uint8Array,
  signal: AbortSignal,
): Promise<Obtained> {
  const digest = createHash('sha256').update(document).digest();
  const nonce = positive(deps.nonce());
  const query = encodeRequest({ imprint: sha256Imprint(digest), nonce, certReq: true });
  const askedMs = deps.clock.nowMs();
  const token = tokenIn(await deps.tsp.ask(url, query, signal));
  const checked = await checkToken({ token, certificates: [] }, { digest }, deps.signatures);
  if (checked.info.nonce === undefined || !equalBytes(checked.info.nonce, nonce))
    throw new TokenProblem('tsp-nonce-differs');
  checkTime(checked.info, askedMs, deps);
  const found = await pathOf(checked, trust, deps.signatures);
  const { answers, unanswered } = await collect(found, checked.info.genTimeMs, deps, signal);
  const certificates = found.path.map(({ raw }) => ({ kind: 'certificate', value: raw }) as const);
  return { token, evidence: [...certificates, ...answers], unanswered };
}

/** Content octets of an INTEGER in its shortest form: neither negative nor with a zero in front. */
function positive(nonce: Uint8Array): Uint8Array {
  const octets = Uint8Array.from(nonce);
  octets[0] = (octets[0]! & 0x3f) | 0x40;
  return octets;
}

function tokenIn(reply: Uint8Array): Uint8Array {
  const response = parseResponse(reply);
  if (response.granted) return response.token;
  const { status, failures, text } = response;
  // What it says in words is for the log alone.
  throw new TokenProblem('tsp-not-granted', { status, failures: failures.join(' ') || '—' }, new Error(text));
}

function checkTime({ genTimeMs }: TstInfo, askedMs: number, { clock, clockWord }: TokenDeps): void {
  const nowMs = clock.nowMs();
  if (clockWord(nowMs) !== 'agreed') return;
  if (genTimeMs >= askedMs - MAX_OFF_MS && genTimeMs <= nowMs + MAX_OFF_MS) return;
  throw new TokenProblem('tsp-time-implausible', {
    genTime: new Date(genTimeMs).toISOString(),
    now: new Date(nowMs).toISOString(),
  });
}

type Found = Extract<Standing, { readonly path: unknown }>;

/** From the signer's certificate to a root, at the time that the token says; its policy is looked at too. */
async function pathOf(checked: CheckedToken, trust: Trust, signatures: SignatureVerifier): Promise<Found> {
  const standing = await standingOf(checked, trust, signatures);
  const detail = { subject: checked.signer.subject.name, policy: checked.info.policy };
  switch (standing.by) {
    case 'independent':
      return standing;
    case 'operator':
      throw new TokenProblem('tsp-own-authority', { subject: detail.subject });
    case 'broken':
      throw new FormatError(standing.reason.code, standing.reason.detail);
    case 'unlisted-policy':
      throw new FormatError('authority-policy-unlisted', { ...detail, label: standing.authority.label });
    case 'unknown':
      throw new FormatError('authority-unknown', detail);
  }
}

/** What issuers say of the certificates. Throws where one is revoked; what is of no use to a reader is left out. */
async function collect(
  found: Found,
  genTimeMs: number,
  { revocation, signatures }: TokenDeps,
  signal: AbortSignal,
): Promise<{ readonly answers: readonly TokenEvidence[]; readonly unanswered: readonly Unanswered[] }> {
  const { path } = found;
  const results = await revocation.collect(
    path.map(({ raw }) => raw),
    { signal },
  );
  const answers: TokenEvidence[] = [];
  const unanswered: Unanswered[] = [];
  // About the last nobody but the reader decides.
  for (const { answer, problems } of results.filter(({ index }) => index < path.length - 1)) {
    if (answer === undefined) {
      if (!problems.every(isWithoutAddress)) unanswered.push(...problems);
      continue;
    }
    const useless = await whyUseless(answer, found, genTimeMs, signatures);
    if (useless === undefined) answers.push(answer);
    else unanswered.push(useless);
  }
  return { answers, unanswered };
}

const isWithoutAddress = (problem: Error): boolean =>
  problem instanceof RevocationProblem && problem.code === 'revocation-address-missing';

/**
 * Whatever a wire brings may be forged: one that is not the issuer's is no reason to refuse the token, but a certificate
 * with it would not hold.
 */
async function whyUseless(
  { kind, value }: NonNullable<RevocationResult['answer']>,
  { path, beside }: Found,
  genTimeMs: number,
  signatures: SignatureVerifier,
): Promise<Unanswered | undefined> {
  const evidence = readable(kind, value);
  if (evidence instanceof FormatError) return evidence;
  const { looked, reason } = await checkAllRevocation(path, beside, [evidence], genTimeMs, signatures);
  if (reason === undefined) return looked > 0 ? undefined : new TokenProblem('revocation-unanswered');
  const why = new FormatError(reason.code, reason.detail);
  if (reason.code === 'token-certificate-revoked') throw why;
  return why;
}

function readable(kind: 'crl' | 'ocsp', value: Uint8Array): RevocationEvidence | FormatError {
  try {
    return parseEvidence(kind, value);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}
