import type { Field } from '../read/fields.ts';
import { hexBytes, list, uint } from '../read/fields.ts';
import { FormatError } from '../reason.ts';
import { MAX_TREE_SIZE } from '../tree/tree.ts';

/** The way from a leaf to a root of a tree with `size` leaves. */
export interface TreePath {
  readonly index: number;
  readonly size: number;
  readonly hashes: readonly Uint8Array[];
}

/** Tokens, statements and steps: more of one kind is an attack on the reader's patience. */
const MAX_ITEMS = 64;

/** A list of at most so many. */
export const short =
  <T>(field: Field<readonly T[]>, limit = MAX_ITEMS): Field<readonly T[]> =>
  (value, at) => {
    const items = field(value, at);
    if (items.length > limit) throw new FormatError('field-value-wrong', { at, expected: `<= ${limit}` });
    return items;
  };

const hash: Field<Uint8Array> = (value, at) => {
  const bytes = hexBytes(value, at);
  if (bytes.length !== 32)
    throw new FormatError('field-value-wrong', { at, expected: '64 lower-case hex digits' });
  return bytes;
};

const treeSize: Field<number> = (value, at) => {
  const size = uint(value, at);
  if (size < 1 || size > MAX_TREE_SIZE)
    throw new FormatError('field-value-wrong', { at, expected: `1 to ${MAX_TREE_SIZE}` });
  return size;
};

/** The members of a path, which `get` has. */
export const treePath = (get: <T>(name: 'hashes' | 'index' | 'size', field: Field<T>) => T): TreePath => ({
  index: get('index', uint),
  size: get('size', treeSize),
  hashes: get('hashes', short(list(hash))),
});
