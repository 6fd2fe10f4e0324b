import { equalBytes } from '../../core/read/bytes.ts';
import type { Door } from '../../ports/door.ts';
import { DoorProblem } from '../../ports/door.ts';
import {
  type RevocationAnswer,
  type RevocationKind,
  RevocationProblem,
  type RevocationResult,
  type RevocationSource,
} from '../../ports/revocation.ts';
import { isOwnIssuer, readSubject, type Subject } from './certificate.ts';
import { type CertIdHash, checkOcspResponse, encodeOcspRequest } from './ocsp.ts';

/** CRLs of large authorities have a few MiB; what is longer, nobody keeps. */
const MAX_CRL_BYTES = 8 * 1_024 * 1_024;

/** An answer about one certificate, with the responder's own chain. */
const MAX_OCSP_BYTES = 64 * 1_024;

/** About one certificate, of each kind: each may take as long as the door lets it. */
const MAX_ATTEMPTS = 4;

/** In a chain of more nobody finds his way, and each costs requests. */
const MAX_CERTIFICATES = 16;

const OCSP_TYPES = { request: 'application/ocsp-request', response: 'application/ocsp-response' };

/** An OCSP answer has two kilobytes about one certificate, a CRL up to megabytes about all: so it is asked for second. */
const KINDS: readonly RevocationKind[] = ['ocsp', 'crl'];
const HASHES: readonly CertIdHash[] = ['sha1', 'sha256'];

/** One attempt at an answer. */
type Attempt = () => Promise<RevocationAnswer>;

export const createRevocationSource = (door: Door): RevocationSource => ({
  async collect(certificates, { kinds = KINDS, signal } = {}) {
    const read = certificates.slice(0, MAX_CERTIFICATES).map(readOrProblem);
    const subjects = read.flatMap((one) => (one instanceof RevocationProblem ? [] : one));
    const results: RevocationResult[] = [];
    for (const [index, one] of read.entries()) {
      if (one instanceof RevocationProblem) results.push({ index, answer: undefined, problems: [one] });
      else if (!isOwnIssuer(one)) {
        const { attempts, missing } = attemptsFor(door, one, subjects, kinds, signal);
        results.push({ index, ...(await firstOf(attempts, missing)) });
      }
    }
    return results;
  },
});

function readOrProblem(der: Uint8Array): Subject | RevocationProblem {
  try {
    return readSubject(der);
  } catch (error) {
    // It throws nothing else.
    return error as RevocationProblem;
  }
}

/** In the order of the kinds; `missing`: what no attempt can even be made for. */
function attemptsFor(
  door: Door,
  certificate: Subject,
  subjects: readonly Subject[],
  kinds: readonly RevocationKind[],
  signal: AbortSignal | undefined,
): { attempts: readonly Attempt[]; missing: readonly RevocationProblem[] } {
  // Several where an authority has renewed its key under the same name.
  const issuers = subjects.filter((one) => equalBytes(one.subject, certificate.issuer));
  const stop = signal ? { signal } : {};
  const questions = issuers.flatMap((issuer) =>
    HASHES.map((hash) => encodeOcspRequest(certificate, issuer, hash)),
  );
  const of: Readonly<Record<RevocationKind, () => readonly Attempt[]>> = {
    crl: () => certificate.crlAddresses.map((url) => () => askCrl(door, url, stop)),
    ocsp: () =>
      certificate.ocspAddresses.flatMap((url) =>
        questions.map((question) => () => askOcsp(door, url, question, stop)),
      ),
  };
  const attempts = kinds.flatMap((kind) => of[kind]().slice(0, MAX_ATTEMPTS));
  const lacksIssuer = issuers.length === 0 && kinds.includes('ocsp') && certificate.ocspAddresses.length > 0;
  if (lacksIssuer) return { attempts, missing: [new RevocationProblem('revocation-issuer-missing')] };
  if (attempts.length === 0)
    return { attempts, missing: [new RevocationProblem('revocation-address-missing')] };
  return { attempts, missing: [] };
}

async function firstOf(
  attempts: readonly Attempt[],
  missing: RevocationResult['problems'],
): Promise<Pick<RevocationResult, 'answer' | 'problems'>> {
  const problems = [...missing];
  for (const attempt of attempts) {
    try {
      return { answer: await attempt(), problems };
    } catch (error) {
      const stopped = error instanceof DoorProblem && error.code === 'door-stopped';
      if (stopped || !(error instanceof DoorProblem || error instanceof RevocationProblem)) throw error;
      problems.push(error);
    }
  }
  return { answer: undefined, problems };
}

/** RFC 5280 §4.2.1.13: DER by GET. Servers give it all kinds of media types, so the bytes must say what they are. */
async function askCrl(door: Door, url: string, stop: object): Promise<RevocationAnswer> {
  const { body } = await door.ask({ url, method: 'GET', maxBytes: MAX_CRL_BYTES, expects: {}, ...stop });
  if (!isOneSequence(body)) throw new RevocationProblem('revocation-not-der', { host: hostOf(url) });
  return { kind: 'crl', value: body };
}

/** RFC 6960 §A.1. */
async function askOcsp(
  door: Door,
  url: string,
  request: Uint8Array,
  stop: object,
): Promise<RevocationAnswer> {
  const { body } = await door.ask({
    url,
    method: 'POST',
    headers: { 'content-type': OCSP_TYPES.request, accept: OCSP_TYPES.response },
    body: request,
    maxBytes: MAX_OCSP_BYTES,
    expects: { types: [OCSP_TYPES.response] },
    ...stop,
  });
  checkOcspResponse(body, hostOf(url));
  return { kind: 'ocsp', value: body };
}

/** The door has been to this address, so that it is one. */
const hostOf = (url: string): string => new URL(url).hostname;

/** A page of HTML or a PEM file is none. Not read further: a list of a million would fill the memory with its tree. */
function isOneSequence(bytes: Uint8Array): boolean {
  const [tag, first = 0x80] = bytes;
  if (tag !== 0x30 || first === 0x80 || first > 0x84) return false;
  const octets = first < 0x80 ? 0 : first - 0x80;
  const length = bytes.subarray(2, 2 + octets).reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes.length === 2 + octets + (octets === 0 ? first : length);
}
