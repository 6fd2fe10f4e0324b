import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type DeedCode, DeedProblem } from '../documents/deed/problem.ts';
import { Unsealable } from '../identity/sealed.ts';
import { TooManyWaiting } from '../identity/turns.ts';
import { bothLanguages, sentence } from '../messages/sentence.ts';
import { BlobUnavailable } from '../ports/blobs.ts';
import { type Pkcs12Code, Pkcs12Problem } from '../ports/office-key.ts';
import { OidcProblem } from '../ports/oidc.ts';
import { StoreOverloaded, StoreUnavailable } from '../ports/store.ts';
import { PasskeyRefused } from '../ports/webauthn.ts';
import { expectedBy, type SchemaError } from './expected.ts';

/** The only table of statuses. A code that is missing here does not compile; its sentences stand in messages/. */
const STATUS = {
  'not-found': 404,
  'not-authenticated': 401,
  'key-expired': 401,
  'key-revoked': 401,
  'session-over': 401,
  'credentials-wrong': 401,
  'sign-in-waits': 429,
  'no-membership': 403,
  'forged-request': 403,
  'scope-missing': 403,
  'not-allowed': 403,
  'password-wrong': 403,
  'password-too-short': 422,
  'password-too-long': 422,
  'password-like-login': 422,
  'password-common': 422,
  'login-invalid': 422,
  'login-taken': 409,
  'invitation-over': 410,
  'member-already': 409,
  'roles-unfit': 422,
  'last-admin': 409,
  'reset-not-yours': 409,
  'sign-in-step-over': 410,
  'code-wrong': 403,
  'passkey-refused': 403,
  'proof-needed': 403,
  'second-factor-needed': 403,
  'too-many-passkeys': 409,
  'second-factor-missing': 409,
  'last-way-in': 409,
  'elsewhere-not-set-up': 404,
  'elsewhere-refused': 403,
  'elsewhere-unknown': 403,
  'elsewhere-taken': 409,
  'elsewhere-away': 503,
  'secret-unreadable': 500,
  'identity-number-erased': 410,
  'identity-number-malformed': 422,
  'identity-number-check': 422,
  'identity-number-birth': 422,
  'registration-closed': 403,
  'uscc-invalid': 422,
  'public-key-invalid': 422,
  'public-key-known': 409,
  'key-not-rotatable': 409,
  'signature-malformed': 400,
  'signature-component-unknown': 400,
  'signature-component-missing': 401,
  'signature-out-of-date': 401,
  'signature-wrong': 401,
  'signature-replayed': 401,
  'content-digest-missing': 400,
  'content-digest-unknown': 400,
  'content-digest-mismatch': 400,
  'request-invalid': 400,
  'body-malformed': 400,
  'media-type-unsupported': 415,
  'body-too-large': 413,
  'file-too-large': 413,
  'too-many-files': 422,
  'verification-too-costly': 422,
  'file-missing': 422,
  'part-unexpected': 422,
  'evidence-part-first': 422,
  'text-invalid': 422,
  'file-name-invalid': 422,
  'digest-mismatch': 422,
  'size-mismatch': 422,
  'captured-order': 422,
  'statement-malformed': 422,
  'statement-signature-wrong': 422,
  'statement-in-future': 422,
  'too-many-records': 413,
  'idempotency-key-invalid': 400,
  'idempotency-key-reused': 422,
  'upload-broken': 400,
  'range-not-satisfiable': 416,
  'file-not-stored': 404,
  // Our loss, and nothing that the caller could set right.
  'stored-file-missing': 500,
  'stored-file-damaged': 500,
  'certificate-not-ready': 409,
  'action-refused': 409,
  'action-input-invalid': 422,
  'case-busy': 503,
  'case-full': 422,
  'action-too-large': 413,
  'chain-not-seen': 503,
  'container-unreadable': 422,
  'ots-manifest-too-large': 422,
  'token-not-there': 409,
  'webhook-address-refused': 422,
  'too-many-webhooks': 422,
  'webhook-disabled': 409,
  'too-many-requests': 429,
  'page-not-built': 503,
  'trust-not-known': 503,
  'chain-away': 503,
  'store-unavailable': 503,
  overloaded: 503,
  'internal-error': 500,
} as const;

/** Of the deed and of the key that signs it; their sentences are of subject `deed`. What is not here is 422. */
const DEED_STATUS: Readonly<Partial<Record<DeedCode | Pkcs12Code, number>>> = {
  'pkcs12-too-large': 413,
  'deed-already-sealed': 409,
  'deed-office-not-set': 409,
  'deed-not-accepted': 409,
  'deed-not-checked': 409,
  'deed-not-drafted': 409,
  'deed-item-unproven': 409,
  'deed-number-taken': 409,
  'deed-not-prepared': 409,
  'deed-not-issued': 409,
  'deed-stamp-away': 503,
};

type OwnCode = keyof typeof STATUS;
export type ProblemCode = OwnCode | DeedCode | Pkcs12Code;
export const PROBLEM_CODES = Object.keys(STATUS) as OwnCode[];

const isOwn = (code: ProblemCode): code is OwnCode => code in STATUS;
const statusOf = (code: ProblemCode): number => (isOwn(code) ? STATUS[code] : (DEED_STATUS[code] ?? 422));
const subjectOf = (code: ProblemCode) => (isOwn(code) ? 'problem' : 'deed');

interface Both {
  readonly zh: string;
  readonly en: string;
}

interface More {
  readonly members?: Readonly<Record<string, unknown>>;
  /** values of `detail` that are words, as the Chinese sentence has them */
  readonly zh?: Readonly<Record<string, string>>;
  /** what is known beyond the sentence of the code */
  readonly because?: Both;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** Thrown anywhere below http/; `members` go into the answer beside what RFC 9457 names. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly detail: Readonly<Record<string, string | number>>;
  readonly members: Readonly<Record<string, unknown>>;
  readonly zh: Readonly<Record<string, string>>;
  readonly because: Both | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, detail: Readonly<Record<string, string | number>> = {}, more: More = {}) {
    super(`${code} ${JSON.stringify(detail)}`, { cause: more.cause });
    this.name = 'Problem';
    this.code = code;
    this.detail = detail;
    this.members = more.members ?? {};
    this.zh = more.zh ?? {};
    this.because = more.because;
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

export interface ProblemBody {
  readonly type: string;
  readonly code: ProblemCode;
  readonly status: number;
  readonly title: string;
  readonly titleEn: string;
  readonly [member: string]: unknown;
}

/** application/problem+json, RFC 9457: `title` is Chinese, `titleEn` beside it; `code` is stable. */
export function problemBody(problem: Problem): ProblemBody {
  const { code, detail, members, zh, because } = problem;
  return {
    type: `urn:kezheng:problem:${code}`,
    code,
    status: statusOf(code),
    title: sentence('zh', subjectOf(code), code, { ...detail, ...zh }) + (because ? `：${because.zh}` : ''),
    titleEn: sentence('en', subjectOf(code), code, detail) + (because ? `: ${because.en}` : ''),
    ...detail,
    ...members,
  };
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const body = problemBody(problem);
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds));
  if (body.status === 401) reply.header('www-authenticate', 'Bearer realm="kezheng"');
  return reply.code(body.status).type('application/problem+json; charset=utf-8').send(JSON.stringify(body));
}

/** Every error on its way out becomes a Problem; what was not foreseen is logged whole and told as nothing but its code. */
export function installProblems(app: FastifyInstance, refused: (code: ProblemCode) => void = () => {}): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = toProblem(error);
    refused(problem.code);
    if (problem.code === 'internal-error' || problem.code === 'secret-unreadable')
      request.log.error({ err: error, request: request.id }, 'unforeseen error');
    else if (problem.code === 'store-unavailable')
      request.log.warn({ err: error, request: request.id }, 'store unavailable');
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler((_request: FastifyRequest, reply) => {
    refused('not-found');
    return sendProblem(reply, new Problem('not-found'));
  });
}

/** A path that cannot be decoded reaches no route and no hook: it is answered here, as everything else. */
export function unroutable(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
  const malformed = error.code === 'FST_ERR_BAD_URL';
  sendProblem(reply, malformed ? notAsDocumented('path', 'percent-encoded') : new Problem('not-found'));
}

/** Codes of Fastify that clients can cause. */
const FOREIGN: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media-type-unsupported',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'body-malformed',
  FST_ERR_CTP_INVALID_JSON_BODY: 'body-malformed',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'body-malformed',
};

/** What an error is to whoever called. */
export const problemOf = (error: Error): Problem => toProblem(error as FastifyError);

function toProblem(error: FastifyError): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreUnavailable || error instanceof BlobUnavailable)
    return new Problem(
      error instanceof StoreOverloaded ? 'overloaded' : 'store-unavailable',
      {},
      { retryAfterSeconds: 2, cause: error },
    );
  if (error instanceof DeedProblem) return deedProblem(error);
  if (error instanceof Pkcs12Problem) return new Problem(error.code, error.detail);
  if (error instanceof PasskeyRefused) return new Problem('passkey-refused', {}, { cause: error });
  if (error instanceof OidcProblem)
    return new Problem(error.code === 'away' ? 'elsewhere-away' : 'elsewhere-refused', {}, { cause: error });
  if (error instanceof Unsealable) return new Problem('secret-unreadable', {}, { cause: error });
  if (error instanceof TooManyWaiting)
    return new Problem('overloaded', {}, { retryAfterSeconds: 2, cause: error });
  if (error.validation !== undefined) return invalidRequest(error);
  const known = FOREIGN[error.code];
  if (known !== undefined) return new Problem(known, {}, { cause: error });
  if (error.statusCode === 429) return new Problem('too-many-requests', {}, { retryAfterSeconds: 60 });
  // A path that leads out of the folder of a page is none of its files.
  if (error.statusCode === 403 || error.statusCode === 404)
    return new Problem('not-found', {}, { cause: error });
  if (error.statusCode === 400) return new Problem('body-malformed', {}, { cause: error });
  return new Problem('internal-error', {}, { cause: error });
}

function deedProblem({ code, detail, because }: DeedProblem): Problem {
  const why = because && bothLanguages('reason', because.code, because.detail);
  const retryAfterSeconds = statusOf(code) === 503 ? 10 : undefined;
  return new Problem(code, detail, {
    ...(why && { because: why }),
    ...(retryAfterSeconds && { retryAfterSeconds }),
  });
}

/** `expected` is a code of messages/: English in the answer's member, in each language in its sentence. */
export function notAsDocumented(
  at: string,
  expected: string,
  values: Readonly<Record<string, string | number>> = {},
): Problem {
  const { zh, en } = bothLanguages('expected', expected, values);
  return new Problem('request-invalid', { at, expected: en }, { zh: { expected: zh } });
}

/** The first place that the schema refused, as a path, and what it asked for. */
export function invalidRequest(error: {
  readonly validation?: unknown;
  readonly validationContext?: string;
}): Problem {
  const errors = (Array.isArray(error.validation) ? error.validation : []) as readonly SchemaError[];
  return schemaProblem(errors, error.validationContext ?? 'body');
}

export function schemaProblem(errors: readonly SchemaError[], context: string): Problem {
  const first = errors.find((one) => one.instancePath) ?? errors[0];
  const at = `${context}${(first?.instancePath ?? '').replaceAll('/', '.')}`;
  return notAsDocumented(at, ...(first === undefined ? (['documented'] as const) : expectedBy(first)));
}
