import { sha256 } from '../../server/core/hash/sha256.ts';
import { concat, fromHex, toHex, utf8 } from '../../server/core/read/bytes.ts';
import { contextTag, TAG } from '../../server/core/read/der.ts';
import { encode, encodeInteger, encodeOid } from '../../server/core/read/encode-der.ts';
import { parseCertificate } from '../../server/core/read/x509.ts';
import type { CertificateKey } from './keys.ts';
import { type DigestName, digestOf } from './token.ts';
import { ECDSA_SHA256 } from './x509.ts';

/*
 * Documents with a certificate inside, written by hand: a page, the certificate, one signature. Each part can be made wrong.
 */

const sequence = (...parts: readonly Uint8Array[]) => encode(TAG.sequence, ...parts);
const set = (...parts: readonly Uint8Array[]) => encode(TAG.set, ...parts);
const octets = (bytes: Uint8Array) => encode(TAG.octetString, bytes);
const attribute = (oid: string, value: Uint8Array) => sequence(encodeOid(oid), set(value));

const DATA = '1.2.840.113549.1.7.1';
const DIGEST_OIDS: Readonly<Partial<Record<DigestName, string>>> = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};

export interface Sealer {
  readonly certificate: Uint8Array;
  readonly key: CertificateKey;
}

export interface CmsRequest {
  readonly by: Sealer;
  /** on the way to a root, or of no use */
  readonly others?: readonly Uint8Array[];
  readonly version?: number;
  readonly contentType?: string;
  /** what is in it, where it is not detached */
  readonly content?: Uint8Array;
  /** whose certificate the attribute names, where not the signer's; null: there is no such attribute */
  readonly named?: Uint8Array | null;
  readonly signature?: (signature: Uint8Array) => Uint8Array;
}

/** A detached signature over `bytes`, as server/core/read/encode-cms.ts makes it. */
export function sealOver(bytes: Uint8Array, request: CmsRequest): Uint8Array {
  const { by, others = [], version = 1, contentType = DATA, content, named = by.certificate } = request;
  const digest = by.key.digest ?? 'sha256';
  const digestAlgorithm = sequence(encodeOid(DIGEST_OIDS[digest]!));
  const { issuer, serial } = parseCertificate(by.certificate);
  const attributes = ordered([
    attribute('1.2.840.113549.1.9.3', encodeOid(contentType)),
    attribute('1.2.840.113549.1.9.4', octets(digestOf(digest, bytes))),
    ...(named === null
      ? []
      : [attribute('1.2.840.113549.1.9.16.2.47', sequence(sequence(sequence(octets(sha256(named))))))]),
  ]);
  const signature = by.key.signDer(set(...attributes));
  const signer = sequence(
    encodeInteger(1n),
    sequence(issuer.raw, encode(TAG.integer, fromHex(serial))),
    digestAlgorithm,
    encode(contextTag(0, 'constructed'), ...attributes),
    by.key.algorithm ?? ECDSA_SHA256,
    octets(request.signature?.(signature) ?? signature),
  );
  const inside = content ? [encode(contextTag(0, 'constructed'), octets(content))] : [];
  const signedData = sequence(
    encodeInteger(BigInt(version)),
    set(digestAlgorithm),
    sequence(encodeOid(contentType), ...inside),
    encode(contextTag(0, 'constructed'), ...ordered([by.certificate, ...others])),
    set(signer),
  );
  return sequence(encodeOid('1.2.840.113549.1.7.2'), encode(contextTag(0, 'constructed'), signedData));
}

const ordered = (members: readonly Uint8Array[]): readonly Uint8Array[] =>
  members.toSorted((a, b) => (toHex(a) < toHex(b) ? -1 : 1));

/** Room for the signature, bytes. */
const ROOM = 6_144;
const PLACE = '**********';

export interface PdfRequest {
  readonly certificate: Uint8Array;
  /** undefined: there is no signature */
  readonly cms: ((signed: Uint8Array) => Uint8Array) | undefined;
  /** D:YYYYMMDDhhmmssZ */
  readonly moment?: string;
  /** in front of the signature's object, each a whole object without its number */
  readonly more?: readonly Uint8Array[];
  /** text of the file before it is signed: characters are bytes */
  readonly change?: (text: string) => string;
}

const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

const stream = (head: string, bytes: Uint8Array): Uint8Array =>
  concat(utf8(`<<\n${head}/Length ${bytes.length}\n>>\nstream\n`), bytes, utf8('\nendstream'));

export const embedded = (certificate: Uint8Array): Uint8Array =>
  stream(
    `/Type /EmbeddedFile\n/Subtype /application#2fjson\n/Params <<\n/Size ${certificate.length}\n>>\n`,
    certificate,
  );

const PAGE_TEXT = 'BT /F1 18 Tf 72 760 Td (kezheng test vector) Tj ET';

function objectsOf({ certificate, cms, moment, more = [] }: PdfRequest): readonly Uint8Array[] {
  const form = cms === undefined ? '' : '/AcroForm <<\n/SigFlags 3\n/Fields [6 0 R]\n>>\n';
  const names = '/Names <<\n/EmbeddedFiles <<\n/Names [(certificate.json) 9 0 R]\n>>\n>>\n';
  const seal = `<<\n/Type /Sig\n/Filter /Adobe.PPKLite\n/SubFilter /ETSI.CAdES.detached\n/ByteRange [0 /${PLACE} /${PLACE} /${PLACE}]\n/Contents <${'0'.repeat(2 * ROOM)}>\n/M (${moment ?? 'D:20261122080000Z'})\n>>`;
  return [
    utf8(`<<\n/Type /Catalog\n/Pages 2 0 R\n${form}${names}>>`),
    utf8('<<\n/Type /Pages\n/Kids [3 0 R]\n/Count 1\n>>'),
    utf8(
      '<<\n/Type /Page\n/Parent 2 0 R\n/MediaBox [0 0 595 842]\n/Contents 4 0 R\n/Resources <<\n/Font <<\n/F1 5 0 R\n>>\n>>\n/Annots [6 0 R]\n>>',
    ),
    stream('', utf8(PAGE_TEXT)),
    utf8('<<\n/Type /Font\n/Subtype /Type1\n/BaseFont /Helvetica\n>>'),
    utf8(
      `<<\n/Type /Annot\n/Subtype /Widget\n/FT /Sig\n/T (seal)\n${cms === undefined ? '' : '/V 7 0 R\n'}/F 132\n/Rect [0 0 0 0]\n/P 3 0 R\n>>`,
    ),
    cms === undefined ? utf8('null') : utf8(seal),
    embedded(certificate),
    utf8('<<\n/Type /Filespec\n/F (certificate.json)\n/UF (certificate.json)\n/EF <<\n/F 8 0 R\n>>\n>>'),
    ...more,
  ];
}

export function makePdf(request: PdfRequest): Uint8Array {
  const { cms } = request;
  let file = '%PDF-1.7\n%\xff\xff\xff\xff\n';
  const offsets: number[] = [];
  const objects = objectsOf(request);
  for (const [i, object] of objects.entries()) {
    offsets.push(file.length);
    file += `${i + 1} 0 obj\n${latin(object)}\nendobj\n`;
  }
  const at = file.length;
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  for (const offset of offsets) file += `${String(offset).padStart(10, '0')} 00000 n \n`;
  file += `trailer\n<<\n/Size ${objects.length + 1}\n/Root 1 0 R\n>>\nstartxref\n${at}\n%%EOF\n`;
  if (cms === undefined) return bytesOf(request.change?.(file) ?? file);
  const begin = file.indexOf('/Contents <', offsets[6]) + '/Contents '.length;
  const end = file.indexOf('>', begin) + 1;
  for (const number of [begin, end, file.length - end])
    file = file.replace(`/${PLACE}`, String(number).padStart(PLACE.length + 1));
  file = request.change?.(file) ?? file;
  const signed = bytesOf(file.slice(0, begin) + file.slice(end));
  const hex = toHex(cms(signed)).padEnd(2 * ROOM, '0');
  return bytesOf(file.slice(0, begin + 1) + hex + file.slice(end - 1));
}
