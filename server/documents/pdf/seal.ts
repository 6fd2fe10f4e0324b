import { RANGE_PLACE } from './embed.ts';
import type { Unsigned } from './program.ts';

/*
 * The signature's place in a document: all its bytes but the place itself are signed, to the last one (ISO 32000-2
 * §12.8.1). The places are found from the offset of the signature's own object, never by searching the file: an
 * attachment may hold whatever somebody wrote into a title.
 */

/** Offset and length of what stands before the signature, and of what stands behind it. */
export type ByteRange = readonly [begin: 0, before: number, behind: number, rest: number];

/** A document whose place of the signature is known and empty. */
export interface Ranged {
  readonly pdf: Uint8Array;
  readonly byteRange: ByteRange;
}

export async function sealed(
  unsigned: Unsigned,
  sign: (signed: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const document = ranged(unsigned);
  return filled(document, await sign(signedBytes(document)));
}

/** Writes down what will be signed; from here on no other byte may change. */
export function ranged({ bytes, offset }: Unsigned): Ranged {
  const pdf = Buffer.from(bytes);
  const contents = pdf.indexOf('/Contents <', offset) + '/Contents '.length;
  const end = pdf.indexOf('>', contents) + 1;
  writeRange(pdf, offset, [contents, end, pdf.length - end]);
  return { pdf, byteRange: [0, contents, end, pdf.length - end] };
}

function writeRange(file: Buffer, from: number, numbers: readonly number[]): void {
  const place = `/${RANGE_PLACE}`;
  for (const number of numbers) {
    const at = file.indexOf(place, from);
    file.write(String(number).padStart(place.length, ' '), at, 'latin1');
  }
}

export const signedBytes = ({ pdf, byteRange: [, before, behind, rest] }: Ranged): Uint8Array =>
  Buffer.concat([pdf.subarray(0, before), pdf.subarray(behind, behind + rest)]);

/** Bytes that a signature may have. */
export const roomOf = ({ byteRange: [, before, behind] }: Ranged): number => (behind - before - 2) / 2;

/** The document with its signature; what is behind that are zeros, which readers leave out: DER says how long it is. */
export function filled(document: Ranged, cms: Uint8Array): Uint8Array {
  const room = roomOf(document);
  if (cms.length > room) throw new Error(`a signature of ${cms.length} bytes, room for ${room}`);
  const file = Buffer.from(document.pdf);
  const hex = Buffer.from(cms).toString('hex');
  file.write(hex.padEnd(2 * room, '0'), document.byteRange[1] + 1, 'latin1');
  return file;
}
