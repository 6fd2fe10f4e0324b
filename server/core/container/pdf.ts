import { concat, equalBytes, fromHex, latin1, utf8 } from '../read/bytes.ts';
import { firstDer } from '../read/der.ts';
import { instant } from '../read/fields.ts';
import { FormatError } from '../reason.ts';

/*
 * The certificate on paper, FORMAT-MORE.md §4: a PDF with the certificate inside, as it is, and one signature over all of it.
 * This is no reader of PDF: two objects are found by their bytes, and each must stand there exactly as we write it.
 * Whoever wants another document to pass must make our signature, which covers every byte.
 */

/** With 100 files and the longest names some 3 MiB; it is held whole. */
export const MAX_PDF_BYTES = 16 * 1024 * 1024;

/** Four certificates of 8,192 bytes and a signature of 8,192 bits take 36 KiB. */
const MAX_CMS_BYTES = 65_536;

export interface Pdf {
  readonly bytes: Uint8Array;
  /** the certificate's exact bytes */
  readonly certificate: Uint8Array;
  /** where they begin */
  readonly at: number;
}

const PDF_BEGINS = utf8('%PDF-');
/** RFC 8785 has no line end outside of strings and writes those inside as \n: no certificate holds this itself. */
const CERTIFICATE_BEGINS = 'stream\n{"anchors":';
const STREAM = 'stream\n'.length;
const STREAM_ENDS = utf8('\nendstream\nendobj\n');

/** An embedded file (ISO 32000-2 §7.11.4) without a filter, its length written directly and twice. */
const CERTIFICATE_OBJECT =
  /\n[1-9][0-9]{0,6} 0 obj\n<<\n\/Type \/EmbeddedFile\n\/Subtype \/application#2fjson\n\/Params <<\n\/Size ([1-9][0-9]{0,6})\n>>\n\/Length ([1-9][0-9]{0,6})\n>>\n$/;
const LONGEST_HEAD = 256;

export const isPdf = (bytes: Uint8Array): boolean =>
  equalBytes(bytes.subarray(0, PDF_BEGINS.length), PDF_BEGINS);

/** Takes the one certificate out of it. Throws FormatError. */
export function openPdf(bytes: Uint8Array): Pdf {
  if (bytes.length > MAX_PDF_BYTES)
    throw new FormatError('pdf-too-large', { limit: MAX_PDF_BYTES, actual: bytes.length });
  if (!isPdf(bytes)) throw new FormatError('pdf-not-one');
  const [place, ...others] = placesOf(CERTIFICATE_BEGINS, bytes);
  if (place === undefined) throw new FormatError('pdf-without-certificate');
  if (others.length > 0) throw new FormatError('pdf-certificates-several', { count: 1 + others.length });
  const misplaced = (): FormatError => new FormatError('pdf-certificate-misplaced', { offset: place });
  const head = CERTIFICATE_OBJECT.exec(latin1(bytes.subarray(Math.max(0, place - LONGEST_HEAD), place)));
  if (head === null || head[1] !== head[2]) throw misplaced();
  const at = place + STREAM;
  const end = at + Number(head[1]);
  if (!equalBytes(bytes.subarray(end, end + STREAM_ENDS.length), STREAM_ENDS)) throw misplaced();
  return { bytes, certificate: bytes.subarray(at, end), at };
}

/** The signature of the document, not yet looked into. */
export interface Seal {
  /** DER */
  readonly cms: Uint8Array;
  /** all bytes but the place of the signature */
  readonly signed: Uint8Array;
  /** when it was signed, as the signer says */
  readonly signedMs: number;
}

const RANGE = '/ByteRange';
/** ISO 32000-2 §12.8.1, table 255: what stands before and behind the value of Contents. */
const BEFORE_CONTENTS =
  /\n[1-9][0-9]{0,6} 0 obj\n<<\n\/Type \/Sig\n\/Filter \/Adobe\.PPKLite\n\/SubFilter \/ETSI\.CAdES\.detached\n\/ByteRange \[0 +([0-9]{1,8}) +([0-9]{1,8}) +([0-9]{1,8})\]\n\/Contents $/;
const CONTENTS = /^<([0-9a-f]+)>$/;
const BEHIND_CONTENTS = /^\n\/M \(D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z\)\n>>\nendobj\n/;
/** From the word `/ByteRange` to the value of Contents, and from that to the end of the object. */
const LONGEST_RANGE = 64;
const LONGEST_TAIL = 48;

/** Undefined where the document is not signed. Throws FormatError, also where the signature does not cover all of it. */
export function sealOf({ bytes, certificate, at }: Pdf): Seal | undefined {
  // A title may hold whatever somebody wrote: what stands in the certificate itself is no part of the document.
  const [place, ...others] = placesOf(RANGE, bytes).filter(
    (one) => one < at || one > at + certificate.length,
  );
  if (place === undefined) return undefined;
  if (others.length > 0) throw new FormatError('pdf-signatures-several', { count: 1 + others.length });
  const contents = place + bytes.subarray(place, place + LONGEST_RANGE).indexOf(LESS_THAN);
  const head = BEFORE_CONTENTS.exec(latin1(bytes.subarray(Math.max(0, place - LONGEST_HEAD), contents)));
  const [from, to, rest] = (head ?? []).slice(1).map(Number) as [number?, number?, number?];
  if (from !== contents || to! - from > 2 * MAX_CMS_BYTES + 2)
    throw new FormatError('pdf-signature-malformed');
  const [, hex] = CONTENTS.exec(latin1(bytes.subarray(from, to))) ?? [];
  const [, ...moment] = BEHIND_CONTENTS.exec(latin1(bytes.subarray(to, to! + LONGEST_TAIL))) ?? [];
  if (hex === undefined || moment.length === 0) throw new FormatError('pdf-signature-malformed');
  const behind = bytes.length - to! - rest!;
  if (behind > 0) throw new FormatError('pdf-bytes-behind', { count: behind });
  if (behind < 0) throw new FormatError('pdf-cut-off', { count: -behind });
  return {
    cms: withoutPadding(fromHex(hex)),
    signed: concat(bytes.subarray(0, from), bytes.subarray(to)),
    signedMs: momentOf(moment),
  };
}

const LESS_THAN = 0x3c;

/** Behind the CMS, which says itself how long it is, the place is filled with zeros and with nothing else. */
function withoutPadding(contents: Uint8Array): Uint8Array {
  const { raw } = firstDer(contents);
  const padding = contents.subarray(raw.length);
  if (padding.some((byte) => byte !== 0)) throw new FormatError('pdf-signature-malformed');
  return raw;
}

/** ISO 32000-2 §7.9.4, in UTC and to the second. */
function momentOf([year, month, day, hour, minute, second]: readonly string[]): number {
  return Date.parse(instant(`${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`, 'pdf./M'));
}

/** A character a byte. Only ASCII is looked for: what the others are called does not matter. */
const ONE_EACH = new TextDecoder('latin1');

/** By the search for strings, which costs the same whatever somebody fills 16 MiB with. */
function placesOf(part: string, whole: Uint8Array): readonly number[] {
  const text = ONE_EACH.decode(whole);
  const places: number[] = [];
  for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + 1)) places.push(at);
  return places;
}
