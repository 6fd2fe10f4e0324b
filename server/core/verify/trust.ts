import { decodeBase64 } from '../read/base64.ts';
import type { Field } from '../read/fields.ts';
import { list, members, oneOf, pattern, prefixedHex, text, uint } from '../read/fields.ts';
import { parseJson } from '../read/json.ts';
import { parseCertificate as parseX509, type Certificate as X509 } from '../read/x509.ts';
import { FormatError } from '../reason.ts';

/*
 * kezheng-trust/1: whom the one who checks believes. It comes to a checker by another way than the certificate does;
 * nothing in a certificate can add to it. Written by people, so whitespace and order are free.
 */

export const TRUST_FORMAT = 'kezheng-trust/1';

/** A log of roots: this operator, in this contract, on the chain with this genesis block. */
export interface TrustedLog {
  readonly chainId: number;
  readonly genesisHash: string;
  readonly contract: string;
  readonly operator: string;
  /** the chain's name, and who runs it */
  readonly chain: string;
  readonly runBy: string;
  /** A test chain proves nothing to a court. */
  readonly test: boolean;
}

export interface TrustedAuthority {
  /** one label for each independent body: two tokens of one label count once */
  readonly label: string;
  readonly roots: readonly X509[];
  readonly policies: readonly string[];
}

export interface TrustedIssuer {
  readonly name: string;
  /** roots, or the signing certificate itself */
  readonly certificates: readonly X509[];
}

export interface Trust {
  readonly name: string;
  readonly logs: readonly TrustedLog[];
  readonly authorities: readonly TrustedAuthority[];
  readonly issuers: readonly TrustedIssuer[];
}

export const MAX_TRUST_BYTES = 4 * 1024 * 1024;

const boolean: Field<boolean> = (value, at) => {
  if (typeof value !== 'boolean')
    throw new FormatError('field-type-wrong', { at, expected: 'true or false' });
  return value;
};

const x509: Field<X509> = (value, at) => parseX509(decodeBase64(text(value, at)));

const log: Field<TrustedLog> = (value, at) => {
  const get = members(value, at, [
    'chain',
    'chainId',
    'contract',
    'genesisHash',
    'operator',
    'runBy',
    'test',
  ]);
  return {
    chainId: get('chainId', uint),
    genesisHash: get('genesisHash', prefixedHex(32)),
    contract: get('contract', prefixedHex(20)),
    operator: get('operator', prefixedHex(20)),
    chain: get('chain', text),
    runBy: get('runBy', text),
    test: get('test', boolean),
  };
};

const authority: Field<TrustedAuthority> = (value, at) => {
  const get = members(value, at, ['label', 'policies', 'roots']);
  const oid = pattern(/^[0-2](?:\.(?:0|[1-9][0-9]*))+$/, 'object identifier');
  return { label: get('label', text), roots: get('roots', list(x509)), policies: get('policies', list(oid)) };
};

const issuer: Field<TrustedIssuer> = (value, at) => {
  const get = members(value, at, ['certificates', 'name']);
  return { name: get('name', text), certificates: get('certificates', list(x509)) };
};

/** Reads a trust list; throws FormatError with the place and the rule that was broken. */
export function parseTrust(bytes: Uint8Array): Trust {
  if (bytes.length > MAX_TRUST_BYTES)
    throw new FormatError('certificate-too-large', { limit: MAX_TRUST_BYTES, actual: bytes.length });
  const at = 'trust';
  const get = members(parseJson(bytes), at, ['authorities', 'format', 'issuers', 'logs', 'name']);
  get('format', oneOf(TRUST_FORMAT));
  return {
    name: get('name', text),
    logs: get('logs', list(log)),
    authorities: get('authorities', list(authority)),
    issuers: get('issuers', list(issuer)),
  };
}
