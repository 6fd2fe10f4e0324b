import {
  contextTag,
  dotted,
  type Element,
  generalizedTime,
  integer,
  listOf,
  oid,
  parseDer,
  readDefaultFalse,
  readFields,
  serialNumber,
  smallInteger,
  TAG,
} from '../read/der.ts';
import { readExtension } from '../read/x509.ts';
import { FormatError } from '../reason.ts';
import { type Imprint, readImprint } from './imprint.ts';

/*
 * TSTInfo, RFC 3161 §2.4.2: what an authority says. DER, as that section demands.
 */

export interface TstInfo {
  /** Dotted. */
  readonly policy: string;
  readonly imprint: Imprint;
  /** Hex of the INTEGER's content. */
  readonly serial: string;
  /** What is finer than a millisecond is cut off. */
  readonly genTimeMs: number;
  /** genTime as the latest that it may be: what is finer counts as a whole millisecond. */
  readonly genTimeUpMs: number;
  /** Undefined where the token does not say it; what is finer than a millisecond counts as a whole one. */
  readonly accuracyMs: number | undefined;
  /** Content octets of the INTEGER. */
  readonly nonce: Uint8Array | undefined;
}

/** A clock that may be a day off dates nothing; it also keeps the sum with genTime within four-digit years. */
const MAX_ACCURACY_MS = 86_400_000;

const TSA = contextTag(0, 'constructed');
const EXTENSIONS = contextTag(1, 'constructed');

export function parseTstInfo(bytes: Uint8Array): TstInfo {
  return readFields(parseDer(bytes), TAG.sequence, (fields) => {
    const version = smallInteger(fields.next(TAG.integer));
    if (version !== 1) throw new FormatError('tsp-version-unsupported', { version });
    const policy = dotted(oid(fields.next(TAG.oid)));
    const imprint = readImprint(fields.next(TAG.sequence));
    const serial = serialNumber(fields.next(TAG.integer));
    const genTime = fields.next(TAG.generalizedTime);
    const genTimeMs = generalizedTime(genTime);
    const accuracy = fields.optional(TAG.sequence);
    // Whether two tokens of one authority can be ordered by their times: nothing here orders tokens.
    readDefaultFalse(fields);
    const nonce = fields.optional(TAG.integer);
    if (nonce) integer(nonce);
    // «A hint in identifying the name of the TSA»: who it is, signingCertificate says.
    fields.optional(TSA);
    const extensions = fields.optional(EXTENSIONS);
    if (extensions) refuseCritical(extensions);
    return {
      policy,
      imprint,
      serial,
      genTimeMs,
      // A fraction does not end with 0: where it is longer, there is something behind the milliseconds.
      genTimeUpMs: genTimeMs + (genTime.content.length > 'YYYYMMDDhhmmss.mmmZ'.length ? 1 : 0),
      accuracyMs: accuracy && readAccuracy(accuracy),
      nonce: nonce?.content,
    };
  });
}

/** Accuracy: seconds, [0] milliseconds, [1] microseconds, the two from 1 to 999. */
function readAccuracy(element: Element): number {
  return readFields(element, TAG.sequence, (fields) => {
    const seconds = fields.optional(TAG.integer);
    const millis = fields.optional(MILLIS);
    const micros = fields.optional(MICROS);
    const ms =
      (seconds ? smallInteger(seconds) : 0) * 1000 +
      (millis ? thousandth(millis, MILLIS) : 0) +
      (micros ? Math.ceil(thousandth(micros, MICROS) / 1000) : 0);
    if (ms > MAX_ACCURACY_MS) throw new FormatError('token-accuracy-invalid', { ms });
    return ms;
  });
}

const MILLIS = contextTag(0, 'primitive');
const MICROS = contextTag(1, 'primitive');

function thousandth(element: Element, tag: number): number {
  const value = smallInteger(element, tag);
  if (value < 1 || value > 999) throw new FormatError('token-accuracy-invalid', { ms: value });
  return value;
}

function refuseCritical(extensions: Element): void {
  for (const element of listOf(extensions, EXTENSIONS, TAG.sequence)) {
    const { id, critical } = readFields(element, TAG.sequence, readExtension);
    if (critical) throw new FormatError('token-extension-critical', { oid: dotted(id) });
  }
}
