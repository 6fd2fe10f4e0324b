import { isIP } from 'node:net';
import { decodeBase64 } from './core/read/base64.ts';
import { type Field, list, pattern, text } from './core/read/fields.ts';
import { isList, isObject, type Json, parseJson } from './core/read/json.ts';
import { parseCertificate } from './core/read/x509.ts';
import { FormatError } from './core/reason.ts';
import { PROMISE_POLICY } from './core/token/policies.ts';
import { bothLanguages } from './messages/sentence.ts';
import { checkPublic, placeOf } from './outbox/place.ts';
import { type Destination, DoorProblem } from './ports/door.ts';
import type { OutsideAuthority } from './ports/tsp.ts';

/*
 * The file behind KEZHENG_TSA_AUTHORITIES_FILE: a JSON list of {label, url, policies, roots}, and nothing else. Written
 * by people, so everything that is wrong in it is told at once, by its place: `[1].roots[0]`, counted from 0.
 */

export interface Wrong {
  readonly zh: string;
  readonly en: string;
}

/** Each batch asks them all. */
const MAX_AUTHORITIES = 32;

/** Roots of 32 authorities with several each, in PEM. */
export const MAX_AUTHORITIES_BYTES = 1024 * 1024;

const NAMES = ['label', 'policies', 'roots', 'url'] as const;
type Name = (typeof NAMES)[number];

export function parseAuthorities(
  bytes: Uint8Array,
  allow: readonly Destination[],
): { readonly authorities: readonly OutsideAuthority[]; readonly wrong: readonly Wrong[] } {
  const findings = new Findings();
  const entries = findings.at('', () => entriesOf(bytes)) ?? [];
  const authorities = entries.flatMap((entry, i) => authorityOf(entry, `[${i}]`, allow, findings) ?? []);
  checkTwice(
    entries.map((entry) => placeIn(entry, allow)),
    findings,
  );
  return { authorities: Object.freeze(authorities), wrong: findings.wrong };
}

function entriesOf(bytes: Uint8Array): readonly Json[] {
  if (bytes.length > MAX_AUTHORITIES_BYTES)
    throw new FormatError('field-value-wrong', { at: '[]', expected: `≤ ${MAX_AUTHORITIES_BYTES} bytes` });
  return some<Json>((value) => value, MAX_AUTHORITIES)(parseJson(bytes), '[]');
}

/** An address that stands twice would be asked twice for one and the same word. */
function checkTwice(places: readonly (string | undefined)[], findings: Findings): void {
  places.forEach((place, i) => {
    const first = places.indexOf(place);
    if (place !== undefined && first < i)
      findings.add(`[${i}].url`, { zh: `与 [${first}].url 相同`, en: `is the same as [${first}].url` });
  });
}

/** In the one spelling that requests have; undefined where it is none, which is told elsewhere. */
function placeIn(entry: Json, allow: readonly Destination[]): string | undefined {
  const url = isObject(entry) ? entry['url'] : undefined;
  try {
    return typeof url === 'string' ? placeOf(url, allow).url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where a part of it is wrong; every such part has been written down then. */
function authorityOf(
  entry: Json,
  at: string,
  allow: readonly Destination[],
  findings: Findings,
): OutsideAuthority | undefined {
  const before = findings.wrong.length;
  findings.at(at, () => {
    if (!isObject(entry)) throw new FormatError('field-type-wrong', { at, expected: 'object' });
  });
  if (!isObject(entry)) return undefined;
  for (const name of Object.keys(entry))
    findings.at(at, () => {
      if (!(NAMES as readonly string[]).includes(name))
        throw new FormatError('field-unknown', { at: `${at}.${name}` });
    });
  const read = <T>(name: Name, field: Field<T>): T | undefined =>
    findings.at(`${at}.${name}`, () => {
      const value = entry[name];
      if (value === undefined) throw new FormatError('field-missing', { at: `${at}.${name}` });
      return field(value, `${at}.${name}`);
    });
  const [label, url, policies] = [
    read('label', labelText),
    read('url', address(allow)),
    read('policies', some(policy, 16)),
  ];
  // One by one, so that each root that cannot be used is told by its own place.
  const roots = read(
    'roots',
    some<Json>((value) => value, 16),
  )?.map((root, i) => findings.at(`${at}.roots[${i}]`, () => certificate(root, `${at}.roots[${i}]`)));
  if (findings.wrong.length > before) return undefined;
  return Object.freeze({
    label: label!,
    url: url!,
    policies: Object.freeze(policies!),
    roots: Object.freeze(roots!.map((root) => root!)),
  });
}

/** A list with at least one, and no more than so many. */
const some =
  <T>(field: Field<T>, most: number): Field<readonly T[]> =>
  (value, at) => {
    if (isList(value) && (value.length === 0 || value.length > most))
      throw new FormatError('field-value-wrong', { at, expected: `1–${most}` });
    return list(field)(value, at);
  };

/** It is printed on certificates and compared with trust lists: nothing in it that nobody sees. */
const labelText: Field<string> = (value, at) => {
  const label = text(value, at);
  const { length } = label;
  if (length === 0 || length > 100 || label !== label.trim() || /(?! )[\p{C}\p{Z}]/u.test(label))
    throw new FormatError('field-value-wrong', { at, expected: '1–100 visible characters' });
  return label;
};

/** X.660: the first arc is 0, 1 or 2, and below 2 the second is less than 40. */
const oid = pattern(
  /^(?=.{3,128}$)(?:[01]\.(?:[0-9]|[1-3][0-9])|2\.(?:0|[1-9][0-9]*))(?:\.(?:0|[1-9][0-9]*))*$/,
  'object identifier, dotted',
);

/** Those that may be accepted: under the promise policy a token is the operator's own word, whoever signed it. */
const policy: Field<string> = (value, at) => {
  const given = oid(value, at);
  if (given === PROMISE_POLICY)
    throw new FormatError('field-value-wrong', { at, expected: `≠ ${PROMISE_POLICY}` });
  return given;
};

/** What the door would refuse whenever it is asked, it refuses at the start. */
const address =
  (allow: readonly Destination[]): Field<string> =>
  (value, at) => {
    const url = text(value, at);
    const place = placeOf(url, allow);
    if (isIP(place.host) !== 0) checkPublic(place, place.host);
    return url;
  };

const PEM = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/;

/** One certificate, PEM or the base64 of its DER; one that the checker of tokens could not read is told now. */
const certificate: Field<Uint8Array> = (value, at) => {
  const given = text(value, at);
  if (given.includes('-----') && !PEM.test(given))
    throw new FormatError('field-value-wrong', { at, expected: 'PEM of one certificate, or its base64' });
  const der = decodeBase64((PEM.exec(given)?.[1] ?? given).replaceAll(/\s/g, ''));
  parseCertificate(der);
  return der;
};

class Findings {
  readonly wrong: Wrong[] = [];

  add(at: string, { zh, en }: Wrong): void {
    this.wrong.push({ zh: `${at}${at && '：'}${zh}`, en: `${at}${at && ': '}${en}` });
  }

  /** What `work` makes; what it refuses is written down, with its place. */
  at<T>(at: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (error instanceof DoorProblem) this.add(at, bothLanguages('outside', error.code, error.detail));
      else if (error instanceof FormatError)
        // Readers of fields tell the place themselves, inside of certificates nobody knows it.
        this.add('at' in error.detail ? '' : at, bothLanguages('reason', error.code, error.detail));
      else throw error;
      return undefined;
    }
  }
}
