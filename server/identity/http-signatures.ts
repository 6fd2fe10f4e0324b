import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  FieldMalformed,
  type InnerList,
  type Item,
  isInnerList,
  type Member,
  parseDictionary,
  serializeInnerList,
  serializeItem,
  trimmed,
} from './structured-fields.ts';

/*
 * Requests that a machine signs (RFC 9421), with the digest of their content (RFC 9530). The signature says which key it
 * is of, when it was made, and what it covers; what it has to cover is said here.
 */

/** A message as it came. */
export interface SignedMessage {
  readonly method: string;
  /** http or https, as callers see it */
  readonly scheme: string;
  /** host, with its port where there is one */
  readonly authority: string;
  /** as it stands in the request's first line */
  readonly target: string;
  /** of an answer, which a test of the RFC signs */
  readonly status?: number;
  /** names and values by turns, as they came */
  readonly rawHeaders: readonly string[];
}

export type SignatureFault =
  /** the fields cannot be read, or do not belong together */
  | 'signature-malformed'
  /** a component that is not known here, or not in this message */
  | 'signature-component-unknown'
  /** something that has to be covered is not */
  | 'signature-component-missing'
  /** made too long ago or in the future, or beyond its own end */
  | 'signature-out-of-date'
  | 'signature-wrong'
  | 'content-digest-missing'
  | 'content-digest-unknown';

export class SignatureRefused extends Error {
  readonly fault: SignatureFault;
  readonly detail: Readonly<Record<string, string | number>>;
  constructor(fault: SignatureFault, detail: Readonly<Record<string, string | number>> = {}) {
    super(`${fault} ${JSON.stringify(detail)}`);
    this.name = 'SignatureRefused';
    this.fault = fault;
    this.detail = detail;
  }
}

export interface MessageSignature {
  readonly label: string;
  readonly keyId: string;
  /** Unix seconds */
  readonly created: number | undefined;
  readonly expires: number | undefined;
  readonly algorithm: string | undefined;
  readonly input: InnerList;
  readonly signature: Uint8Array;
}

/** More than one is for others on the way; more than this is an attack. */
const MAX_SIGNATURES = 4;
/** Every component that we know and every field that one of our requests has are fewer; each costs a look at all fields. */
const MAX_COMPONENTS = 32;
/** Characters. Four signatures that cover everything have 2,000; Node's own limit is all fields together, 16 KiB. */
const MAX_FIELD = 4_096;

const dictionary = (text: string): ReadonlyMap<string, Member> => {
  if (text.length > MAX_FIELD) throw new SignatureRefused('signature-malformed', { limit: MAX_FIELD });
  try {
    return parseDictionary(text);
  } catch (error) {
    if (error instanceof FieldMalformed)
      throw new SignatureRefused('signature-malformed', { position: error.at });
    throw error;
  }
};

/** §4: every signature of the message, with its key's name; those without one are nothing to us. */
export function signaturesOf(message: SignedMessage): readonly MessageSignature[] {
  const inputs = dictionary(fieldValue(message, 'signature-input') ?? '');
  const signatures = dictionary(fieldValue(message, 'signature') ?? '');
  if (inputs.size === 0 || inputs.size > MAX_SIGNATURES) throw new SignatureRefused('signature-malformed');
  return [...inputs].flatMap(([label, input]) => {
    const signature = signatures.get(label);
    if (
      !isInnerList(input) ||
      signature === undefined ||
      isInnerList(signature) ||
      signature.bare.kind !== 'bytes'
    )
      throw new SignatureRefused('signature-malformed', { label });
    const keyId = stringOf(input, 'keyid', label);
    if (keyId === undefined) return [];
    return {
      label,
      keyId,
      created: integerOf(input, 'created', label),
      expires: integerOf(input, 'expires', label),
      algorithm: stringOf(input, 'alg', label),
      input,
      signature: signature.bare.value,
    };
  });
}

function stringOf({ parameters }: InnerList, name: string, label: string): string | undefined {
  const bare = parameters.get(name);
  if (bare !== undefined && bare.kind !== 'string')
    throw new SignatureRefused('signature-malformed', { label });
  return bare?.value;
}

function integerOf({ parameters }: InnerList, name: string, label: string): number | undefined {
  const bare = parameters.get(name);
  if (bare !== undefined && bare.kind !== 'integer')
    throw new SignatureRefused('signature-malformed', { label });
  return bare?.value;
}

// ---------------------------------------------------------------- the text that is signed (§2.5)

/** Lines of components and their values, the last one of what the signature says of itself. */
export function signatureBase(message: SignedMessage, input: InnerList): string {
  if (input.items.length > MAX_COMPONENTS)
    throw new SignatureRefused('signature-malformed', { limit: MAX_COMPONENTS });
  const seen = new Set<string>();
  const query = queryParameters(message);
  const lines = input.items.map((item) => {
    const name = serializeItem(item);
    if (item.bare.kind !== 'string' || seen.has(name)) throw new SignatureRefused('signature-malformed');
    seen.add(name);
    return `${name}: ${componentValue(message, item, item.bare.value, query)}`;
  });
  return [...lines, `"@signature-params": ${serializeInnerList(input)}`].join('\n');
}

function componentValue(
  message: SignedMessage,
  item: Item,
  name: string,
  query: ReturnType<typeof queryParameters>,
): string {
  const unknown = (): never => {
    throw new SignatureRefused('signature-component-unknown', { component: serializeItem(item) });
  };
  if (name === '@query-param') return query(item) ?? unknown();
  // `sf`, `bs`, `key`, `req` and `tr` ask for another reading of a field, which no client of ours needs.
  if (item.parameters.size > 0) return unknown();
  const value = name.startsWith('@') ? DERIVED[name]?.(message) : fieldValue(message, name);
  return value ?? unknown();
}

/** §2.2. */
const DERIVED: Readonly<Record<string, (message: SignedMessage) => string | undefined>> = {
  '@method': ({ method }) => method,
  '@target-uri': (message) => `${message.scheme}://${authorityOf(message)}${message.target}`,
  '@authority': (message) => authorityOf(message),
  '@scheme': ({ scheme }) => scheme,
  '@request-target': ({ target }) => target,
  '@path': ({ target }) => target.split('?', 1)[0] || '/',
  '@query': ({ target }) => `?${queryOf(target)}`,
  '@status': ({ status }) => status?.toString(),
};

const queryOf = (target: string): string => target.slice(target.indexOf('?') + 1 || target.length);

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: ':80', https: ':443' };

/** A host and maybe a port: with anything else in it, where it ends and the path begins would be anybody's guess. */
const AUTHORITY = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

function authorityOf({ authority, scheme }: SignedMessage): string {
  if (!AUTHORITY.test(authority))
    throw new SignatureRefused('signature-malformed', { component: '@authority' });
  const lower = authority.toLowerCase();
  const port = DEFAULT_PORTS[scheme];
  return port !== undefined && lower.endsWith(port) ? lower.slice(0, -port.length) : lower;
}

/** §2.2.8: once in the query, its name and value encoded anew. The query is read once, and only where it is asked for. */
function queryParameters({ target }: SignedMessage) {
  let read: readonly (readonly [string, string])[] | undefined;
  return ({ parameters }: Item): string | undefined => {
    const name = parameters.get('name');
    if (name?.kind !== 'string' || parameters.size !== 1) return undefined;
    read ??= [...new URLSearchParams(queryOf(target))].map(([key, value]) => [encoded(key), encoded(value)]);
    const values = read.filter(([key]) => key === name.value);
    return values.length === 1 ? values[0]![1] : undefined;
  };
}

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/** §2.1: all values of this name, joined; undefined where there is none. */
function fieldValue({ rawHeaders }: SignedMessage, name: string): string | undefined {
  const values: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.toLowerCase() === name)
      // A field over several lines (obs-fold) does not come this far.
      values.push(trimmed(rawHeaders[i + 1]!, ' \t'));
  return values.length === 0 ? undefined : values.join(', ');
}

// ---------------------------------------------------------------- keys

export const SIGNING_ALGORITHMS = ['ed25519', 'ecdsa-p256-sha256'] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

/** §3.3.4 and §3.3.6: what a public key can be used for; undefined where for neither. */
export function algorithmOf(key: KeyObject): SigningAlgorithm | undefined {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  const isP256 = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  return isP256 ? 'ecdsa-p256-sha256' : undefined;
}

/** `spki`: SubjectPublicKeyInfo, DER. */
export function verifySignature(message: SignedMessage, signed: MessageSignature, spki: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  const algorithm = algorithmOf(key);
  if (algorithm === undefined || (signed.algorithm !== undefined && signed.algorithm !== algorithm))
    return false;
  const base = Buffer.from(signatureBase(message, signed.input), 'latin1');
  return algorithm === 'ed25519'
    ? verify(null, base, key, signed.signature)
    : verify('sha256', base, { key, dsaEncoding: 'ieee-p1363' }, signed.signature);
}

// ---------------------------------------------------------------- what a signature has to cover

/** So long a signature can be used, once. */
export const SIGNATURE_LIFE_MS = 300_000;
/** So far a caller's clock may be ahead. It is short because of what a new start has to refuse: see `signedCalls`. */
export const SIGNATURE_AHEAD_MS = 5_000;

/** Every way to say where the request goes, any of them whole. */
const TARGETS: readonly (readonly string[])[] = [
  ['@target-uri'],
  ['@authority', '@request-target'],
  ['@authority', '@path', '@query'],
];
const WITHOUT_QUERY: readonly (readonly string[])[] = [['@authority', '@path']];

/** Fields that change what a request does: where they are there they are covered. */
const WHERE_THERE = ['content-digest', 'content-type', 'idempotency-key'];

/** Throws where the signature is good for another request than this one, or for another time. */
export function requireCovered(message: SignedMessage, signed: MessageSignature, nowMs: number): void {
  const { created, expires, input } = signed;
  if (created === undefined)
    throw new SignatureRefused('signature-component-missing', { component: 'created' });
  const ageMs = nowMs - created * 1_000;
  const isOver = expires !== undefined && expires * 1_000 < nowMs;
  if (ageMs > SIGNATURE_LIFE_MS || ageMs < -SIGNATURE_AHEAD_MS || isOver)
    throw new SignatureRefused('signature-out-of-date', { created });
  const covered = new Set(input.items.map(serializeItem));
  const has = (name: string): boolean => covered.has(`"${name}"`);
  const missing = (component: string): never => {
    throw new SignatureRefused('signature-component-missing', { component });
  };
  if (!has('@method')) missing('@method');
  const ways = message.target.includes('?') ? TARGETS : [...TARGETS, ...WITHOUT_QUERY];
  if (!ways.some((way) => way.every(has))) missing('@target-uri');
  for (const name of WHERE_THERE) if (fieldValue(message, name) !== undefined && !has(name)) missing(name);
}

// ---------------------------------------------------------------- Content-Digest

const DIGESTS: Readonly<Record<string, string>> = { 'sha-256': 'sha256', 'sha-512': 'sha512' };

/** Takes the content as it comes, and says at its end whether it was the one. */
export interface ContentCheck {
  update(chunk: Uint8Array): void;
  matches(): boolean;
}

/** RFC 9530 §2: of all digests that are known each has to be right, and one at least has to be known. */
export function contentCheck(message: SignedMessage): ContentCheck {
  const field = fieldValue(message, 'content-digest');
  if (field === undefined) throw new SignatureRefused('content-digest-missing');
  const checks = [...dictionary(field)].flatMap(([name, member]) => {
    const algorithm = Object.hasOwn(DIGESTS, name) ? DIGESTS[name] : undefined;
    if (algorithm === undefined) return [];
    if (isInnerList(member) || member.bare.kind !== 'bytes')
      throw new SignatureRefused('signature-malformed');
    return { hash: createHash(algorithm), expected: member.bare.value };
  });
  if (checks.length === 0)
    throw new SignatureRefused('content-digest-unknown', { expected: 'sha-256, sha-512' });
  return {
    update: (chunk) => {
      for (const { hash } of checks) hash.update(chunk);
    },
    matches: () => checks.every(({ hash, expected }) => hash.digest().equals(expected)),
  };
}
