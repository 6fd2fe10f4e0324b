import { short } from '../certificate/path.ts';
import { type Revocation, revocationList, type Stamped, stamped } from '../certificate/tokens.ts';
import { encodeBase64, encodeBase64Url } from '../read/base64.ts';
import { utf8 } from '../read/bytes.ts';
import { type Field, instant, list, members, oneOf, prefixedHex, text, uint } from '../read/fields.ts';
import { canonicalize, type JsonObject, parseCanonical } from '../read/json.ts';
import { buildProtected, type SignatureMember, signatureMember, signingInput } from '../read/jws.ts';
import { FormatError } from '../reason.ts';

/*
 * kezheng-headers/1, FORMAT-MORE.md: the blocks that hold an operator's roots, signed and stamped. When the chain and its
 * explorers are gone, a reader who believes this list, or a notary who certified it, still has hashes to compare with.
 */

export const HEADERS_FORMAT = 'kezheng-headers/1';

/** A block every ten minutes for twenty years is a million. More than this many are told by year. */
export const MAX_HEADERS = 200_000;

/** A block has some 230 bytes with its chain's name; 64 MiB are read in seconds. */
export const MAX_HEADERS_BYTES = 64 * 1024 * 1024;

/** One token of the operator and one of each authority that it asks. */
const MAX_TOKENS = 40;

export interface HeaderBlock {
  /** name of the chain, for people */
  readonly chain: string;
  readonly chainId: number;
  /** 0x… */
  readonly genesisHash: string;
  readonly number: number;
  /** 0x… */
  readonly hash: string;
  /** instant */
  readonly time: string;
}

export interface HeadersToken extends Stamped {
  readonly revocation: readonly Revocation[];
}

export interface Headers {
  /** as the issuer calls itself */
  readonly name: string;
  readonly issuedAt: string;
  /** by chain id, genesis hash and number, ascending, each once */
  readonly blocks: readonly HeaderBlock[];
  readonly tokens: readonly HeadersToken[];
  readonly signature: SignatureMember;
  readonly signedBytes: Uint8Array;
  readonly stampedBytes: Uint8Array;
}

const block: Field<HeaderBlock> = (value, at) => {
  const get = members(value, at, ['chain', 'chainId', 'genesisHash', 'hash', 'number', 'time']);
  return {
    chain: get('chain', text),
    chainId: get('chainId', uint),
    genesisHash: get('genesisHash', prefixedHex(32)),
    number: get('number', uint),
    hash: get('hash', prefixedHex(32)),
    time: get('time', instant),
  };
};

const token: Field<HeadersToken> = (value, at) => {
  const get = members(value, at, ['certificates', 'revocation', 'token', 'type']);
  get('type', oneOf('rfc3161-headers/1'));
  return { ...stamped(get), revocation: get('revocation', revocationList) };
};

/** Negative where `a` comes first. */
export const byPlace = (a: HeaderBlock, b: HeaderBlock): number =>
  a.chainId - b.chainId || compareText(a.genesisHash, b.genesisHash) || a.number - b.number;

const compareText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const ordered: Field<readonly HeaderBlock[]> = (value, at) => {
  const blocks = list(block)(value, at);
  checkCount(blocks.length);
  const wrong = blocks.findIndex((one, i) => i > 0 && byPlace(blocks[i - 1]!, one) >= 0);
  if (wrong > 0) throw new FormatError('headers-out-of-order', { at: `${at}[${wrong}]` });
  return blocks;
};

function checkCount(actual: number): void {
  if (actual > MAX_HEADERS) throw new FormatError('headers-too-many', { limit: MAX_HEADERS, actual });
}

/** What tokens are over: all but them, so that they come after the signature. */
function bytesToStamp(document: JsonObject): Uint8Array {
  const { tokens: _, ...unstamped } = document;
  return utf8(canonicalize(unstamped));
}

function bytesToSign(document: JsonObject): Uint8Array {
  const { signature: _, tokens: __, ...unsigned } = document;
  return utf8(canonicalize(unsigned));
}

/** Throws FormatError with the place and the rule that was broken. */
export function parseHeaders(bytes: Uint8Array): Headers {
  if (bytes.length > MAX_HEADERS_BYTES)
    throw new FormatError('certificate-too-large', { limit: MAX_HEADERS_BYTES, actual: bytes.length });
  const document = parseCanonical(bytes);
  const get = members(document, 'headers', ['blocks', 'format', 'issuedAt', 'name', 'signature', 'tokens']);
  get('format', oneOf(HEADERS_FORMAT));
  return {
    name: get('name', text),
    issuedAt: get('issuedAt', instant),
    blocks: get('blocks', ordered),
    tokens: get('tokens', short(list(token), MAX_TOKENS)),
    signature: get('signature', signatureMember),
    signedBytes: bytesToSign(document as JsonObject),
    stampedBytes: bytesToStamp(document as JsonObject),
  };
}

export interface HeadersParts {
  readonly name: string;
  readonly issuedAt: string;
  /** In any order; a block that stands twice counts once. */
  readonly blocks: readonly HeaderBlock[];
}

export interface HeadersDraft {
  /** what tokens are to be over */
  readonly stampedBytes: Uint8Array;
  /** The exact bytes with these tokens. */
  finish(tokens: readonly HeadersToken[]): Uint8Array;
}

/** Signed, and not stamped yet. */
export async function draftHeaders(
  { name, issuedAt, blocks }: HeadersParts,
  x5c: readonly Uint8Array[],
  sign: (bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<HeadersDraft> {
  const sorted = blocks.toSorted(byPlace);
  // Two hashes at one place both stay, so that no reader takes the list for a good one.
  const distinct = sorted.filter(
    (one, i) => i === 0 || byPlace(sorted[i - 1]!, one) !== 0 || sorted[i - 1]!.hash !== one.hash,
  );
  checkCount(distinct.length);
  const unsigned = {
    blocks: distinct.map((one) => ({ ...one })),
    format: HEADERS_FORMAT,
    issuedAt,
    name,
  } satisfies JsonObject;
  const header = buildProtected(x5c);
  const signed = encodeBase64Url(await sign(signingInput(header, bytesToSign(unsigned))));
  const document: JsonObject = { ...unsigned, signature: { protected: header, signature: signed } };
  return {
    stampedBytes: bytesToStamp(document),
    finish: (tokens) => utf8(canonicalize({ ...document, tokens: tokens.map(tokenJson) })),
  };
}

const tokenJson = ({ token: der, certificates, revocation }: HeadersToken): JsonObject => ({
  certificates: certificates.map(encodeBase64),
  revocation: revocation.map(({ kind, value }) => ({ kind, value: encodeBase64(value) })),
  token: encodeBase64(der),
  type: 'rfc3161-headers/1',
});
