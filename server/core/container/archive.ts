import { MANIFEST_FORMAT } from '../entry/manifest.ts';
import { HEADERS_FORMAT } from '../headers/headers.ts';
import { equalBytes, utf8 } from '../read/bytes.ts';
import { FormatError } from '../reason.ts';
import { formatOf, RENEWAL_FORMAT } from '../renewal/renewal.ts';
import { TRUST_FORMAT } from '../verify/trust.ts';

/*
 * Many certificates in one archive (ZIP) or one folder, with evidence among them. A name says what may be a certificate;
 * what belongs to which, digests say and nothing else does.
 */

/** What a notary's office, a court or a platform checks in one go. */
export const MAX_ARCHIVE_CERTIFICATES = 1_000;

/** Each certificate with its evidence; a directory of so many entries is held in memory. */
export const MAX_ARCHIVE_ENTRIES = 10_000;

/** `aside`: what systems put beside files of their own accord. */
export type ArchiveKind = 'certificate' | 'pdf' | 'package' | 'file' | 'aside';

const BY_ENDING: readonly (readonly [RegExp, ArchiveKind])[] = [
  [/(?:^|\/)(?:__MACOSX\/|\.DS_Store$)/, 'aside'],
  [/\.json$/i, 'certificate'],
  [/\.pdf$/i, 'pdf'],
  [/\.zip$/i, 'package'],
];

/** What an entry may be, by its name. */
export const archiveKind = (name: string): ArchiveKind =>
  BY_ENDING.find(([ending]) => ending.test(name))?.[1] ?? 'file';

/** Names of members stand in order (RFC 8785), and the first of a certificate is this. */
const BEGIN = utf8('{"anchors":');

/** What begins otherwise is no certificate, and need not be read to know it. */
export const beginsAsCertificate = (bytes: Uint8Array): boolean =>
  equalBytes(bytes.subarray(0, BEGIN.length), BEGIN);

/** A character a byte: what is looked for is ASCII. */
const ONE_EACH = new TextDecoder('latin1');

/** Whether it is worth reading as another document of ours. */
export const namesOurFormat = (bytes: Uint8Array): boolean => ONE_EACH.decode(bytes).includes('"kezheng-');

/** They lie beside certificates in packages of ours, and are none. */
const BESIDE: readonly string[] = [MANIFEST_FORMAT, TRUST_FORMAT, RENEWAL_FORMAT, HEADERS_FORMAT];

/** Another document of ours, by its format. One whose format was damaged is taken for a certificate, so that it is told. */
export const liesBeside = (bytes: Uint8Array): boolean => BESIDE.includes(formatOf(bytes) ?? '');

/** Throws where there are none, or more than one call may have. */
export function checkCertificateCount(count: number, limit: number): void {
  if (count === 0) throw new FormatError('archive-without-certificate');
  if (count > limit) throw new FormatError('archive-certificates-too-many', { limit });
}

/** Is told of bytes before they are read as certificates; throws where they become too many. */
export type ReadingCost = (bytes: number) => void;

export function createReadingCost(limit: number): ReadingCost {
  let all = 0;
  return (bytes) => {
    all += bytes;
    if (all > limit) throw new FormatError('archive-certificates-too-large', { limit });
  };
}
