import { BlobUnavailable } from '../../ports/blobs.ts';

/** What a store said, as far as it may be told: requests, headers and signatures that the library puts in are left out. */
export class StoreAnswer extends Error {
  readonly code: string;
  readonly status: number | undefined;
  constructor(code: string, status: number | undefined, message: string) {
    super(message);
    this.name = 'StoreAnswer';
    this.code = code;
    this.status = status;
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  AccessDenied: 'access is denied',
  AccountProblem: 'the account is closed or not paid',
  AllAccessDisabled: 'the account is closed or not paid',
  AuthorizationHeaderMalformed: 'the bucket is in another region',
  CredentialsProviderError: 'no credentials were found',
  ExpiredToken: 'the credentials have expired',
  InvalidAccessKeyId: 'the access key is not known',
  InvalidToken: 'the credentials are not accepted',
  NoSuchBucket: 'there is no such bucket',
  PermanentRedirect: 'the bucket is in another region',
  QuotaExceeded: 'the quota is used up',
  RequestTimeTooSkewed: 'the clock of this machine is wrong',
  RequestTimeout: 'the request came too slowly',
  SignatureDoesNotMatch: 'the secret key is wrong, or something on the way changes requests',
  SlowDown: 'it asks for fewer requests',
  TimeoutError: 'no answer in time',
  XMinioStorageFull: 'its disks are full',
  ECONNREFUSED: 'nothing listens at the address',
  ECONNRESET: 'the connection was cut',
  EAI_AGAIN: 'the name of the server cannot be looked up',
  ENOTFOUND: 'there is no server of this name',
};

/** Answers to HEAD have no body, so no code. */
const BY_STATUS: Readonly<Record<number, string>> = {
  301: 'PermanentRedirect',
  403: 'AccessDenied',
  404: 'NotFound',
  429: 'SlowDown',
};

/** Codes whose text repeats what was sent. */
const TELLS_TOO_MUCH = new Set([
  'SignatureDoesNotMatch',
  'InvalidAccessKeyId',
  'ExpiredToken',
  'InvalidToken',
]);

interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Whatever the library threw, as BlobUnavailable; a mistake of our own in calling it stays what it is. */
export function unavailable(what: string, thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof BlobUnavailable) return thrown;
  const error = thrown as Thrown;
  if ((thrown instanceof TypeError || thrown instanceof RangeError) && error.$metadata === undefined)
    return thrown;
  const answer = answerOf(error);
  const sentence = SENTENCES[answer.code] ?? '';
  const status = answer.status === undefined ? '' : ` (${answer.status})`;
  const reason = `${answer.code}${status}${sentence && `, ${sentence}`}`;
  return new BlobUnavailable(`S3: ${reason}: could not ${what}`, answer);
}

function answerOf(error: Thrown): StoreAnswer {
  const status = error.$metadata?.httpStatusCode;
  const code = ownCode(error) ?? (status !== undefined ? BY_STATUS[status] : undefined) ?? 'UnknownError';
  const told = ALIASES[code] ?? code;
  return new StoreAnswer(told, status, TELLS_TOO_MUCH.has(told) ? told : error.message);
}

/** The library calls a cut connection a TimeoutError too, and gives names like "403" to answers without a body. */
function ownCode({ name, code }: Thrown): string | undefined {
  const isSystem = typeof code === 'string' && /^E[A-Z_]+$/.test(code);
  if (isSystem && !code.startsWith('ETIMEDOUT')) return code;
  return /^(|Error|Unknown.*|\d+)$/.test(name) ? undefined : name;
}

/** Names that the library gives to answers without a body. */
const ALIASES: Readonly<Record<string, string>> = {
  Forbidden: 'AccessDenied',
  MovedPermanently: 'PermanentRedirect',
  ServiceUnavailable: 'SlowDown',
};

/** The store's own code of what went wrong, where a store said it. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof BlobUnavailable && error.cause instanceof StoreAnswer ? error.cause.code : undefined;

/** Somebody answered, in HTTP at least. */
export const hasStatus = (error: unknown): boolean =>
  error instanceof BlobUnavailable && error.cause instanceof StoreAnswer && error.cause.status !== undefined;
