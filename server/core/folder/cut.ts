import { MAX_CERTIFICATE_BYTES, parseCertificate } from '../certificate/certificate.ts';
import { fileEntry } from '../entry/file-entry.ts';
import { MANIFEST_FORMAT, type Manifest } from '../entry/manifest.ts';
import { fromHex, toHex, utf8 } from '../read/bytes.ts';
import { canonicalize, type JsonObject, parseCanonical } from '../read/json.ts';
import { FormatError } from '../reason.ts';
import type { Climbed } from '../tree/climb.ts';
import { leafHash, whyNotIncluded } from '../tree/tree.ts';

/** Root (hex) and size of the folder that a certificate is of; `certificate-not-of-folder` where it is of none. */
export function folderOf(certificate: Uint8Array): NonNullable<Manifest['folder']> {
  const { entry } = parseCertificate(certificate);
  const folder = entry.format === MANIFEST_FORMAT ? (entry as Manifest).folder : null;
  if (folder === null) throw new FormatError('certificate-not-of-folder');
  return folder;
}

/**
 * The certificate of one file, cut out of that of its folder: FORMAT.md §5, «Signature». `entry` are the RFC 8785 bytes
 * of its kezheng-file/1, `way` leads from there to the folder's root. Throws FormatError where the certificate is not a
 * folder's, the entry is none, or the way leads elsewhere: what comes out is as good as what went in.
 */
export function cutCertificate(certificate: Uint8Array, entry: Uint8Array, way: Climbed): Uint8Array {
  const { root, size } = folderOf(certificate);
  const document = parseCanonical(certificate) as JsonObject;
  const file = parseCanonical(entry);
  fileEntry(file, 'entry');
  const problem = whyNotIncluded(leafHash(entry), way.index, size, way.hashes, fromHex(root));
  if (problem !== undefined) throw problem;
  const hashes = way.hashes.map(toHex);
  const step = { hashes, index: way.index, manifest: document['entry']!, size, type: 'folder' };
  const inclusion = [step, ...(document['inclusion'] as readonly JsonObject[])];
  const cut = utf8(canonicalize({ ...document, entry: file, inclusion }));
  if (cut.length > MAX_CERTIFICATE_BYTES)
    throw new FormatError('certificate-too-large', { limit: MAX_CERTIFICATE_BYTES, actual: cut.length });
  return cut;
}
