import { RANGE_PLACE } from './embed.ts';
import type { Unsigned } from './program.ts';

/**
 * Signs a document: all its bytes but the place of the signature itself, to the last one (ISO 32000-2 §12.8.1). The
 * places are found from the offset of the signature's own object, never by searching the file: an attachment may hold
 * whatever somebody wrote into a title.
 */
export async function sealed(
  { bytes, offset }: Unsigned,
  sign: (signed: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const file = Buffer.from(bytes);
  const contents = file.indexOf('/Contents <', offset) + '/Contents '.length;
  const end = file.indexOf('>', contents) + 1;
  writeRange(file, offset, [contents, end, file.length - end]);
  const signed = Buffer.concat([file.subarray(0, contents), file.subarray(end)]);
  const cms = Buffer.from(await sign(signed)).toString('hex');
  const room = end - contents - 2;
  if (cms.length > room) throw new Error(`a signature of ${cms.length / 2} bytes, room for ${room / 2}`);
  // What is behind the signature are zeros, which readers leave out: DER says how long it is.
  file.write(cms.padEnd(room, '0'), contents + 1, 'latin1');
  return file;
}

function writeRange(file: Buffer, from: number, numbers: readonly number[]): void {
  const place = `/${RANGE_PLACE}`;
  for (const number of numbers) {
    const at = file.indexOf(place, from);
    file.write(String(number).padStart(place.length, ' '), at, 'latin1');
  }
}
