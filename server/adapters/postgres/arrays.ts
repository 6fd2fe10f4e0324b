/*
 * Arrays as PostgreSQL sends them in binary (array_send in its source): a group's entries go over as they are, where
 * text would have every quote of every entry escaped here and unescaped there.
 *
 * Number of dimensions (0 where empty), 1 where some element is null, type of the elements; then for the one
 * dimension its length and its first index; then each element with its length, −1 for null. All big-endian, 4 bytes.
 */

/** Object identifiers of types, fixed in pg_type.dat. */
const UUID = 2950;
const INT8 = 20;
const BYTEA = 17;
const TEXT = 25;

type Element = Uint8Array | undefined;

const HEAD = 20;
const EMPTY_HEAD = 12;

function binaryArray(type: number, elements: readonly Element[]): Buffer {
  const lengths = elements.reduce((sum, element) => sum + 4 + (element?.length ?? 0), 0);
  const target = Buffer.allocUnsafe(elements.length === 0 ? EMPTY_HEAD : HEAD + lengths);
  target.writeInt32BE(elements.length === 0 ? 0 : 1, 0);
  target.writeInt32BE(elements.includes(undefined) ? 1 : 0, 4);
  target.writeInt32BE(type, 8);
  if (elements.length === 0) return target;
  target.writeInt32BE(elements.length, 12);
  target.writeInt32BE(1, 16);
  let at = HEAD;
  for (const element of elements) {
    at = target.writeInt32BE(element?.length ?? -1, at);
    if (element === undefined) continue;
    target.set(element, at);
    at += element.length;
  }
  return target;
}

const int8 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
};

export const uuids = (bytes: readonly Uint8Array[]): Buffer => binaryArray(UUID, bytes);
export const bigints = (values: readonly number[]): Buffer => binaryArray(INT8, values.map(int8));
export const byteas = (bytes: readonly Element[]): Buffer => binaryArray(BYTEA, bytes);
/** In UTF-8. */
export const texts = (bytes: readonly Element[]): Buffer => binaryArray(TEXT, bytes);
