import type { ChainAppend } from './chain.ts';

/** Appends by index, 112 bytes each: a log of a batch a minute has half a million a year. */
export interface AppendTable {
  /** False where this index is there already, and is another append. */
  add(append: ChainAppend): boolean;
  get(index: number): ChainAppend | undefined;
  /** How many there are from index 0 on without a gap. */
  readonly contiguous: number;
}

const HASH = 32;
const RECORD = 3 * HASH + 16;

/** `most`: indexes at or above it are not kept, so that nobody makes us reserve memory by a number. */
export function appendTable(most: number): AppendTable {
  let bytes = Buffer.alloc(1_024 * RECORD);
  let contiguous = 0;

  function room(index: number): void {
    if ((index + 1) * RECORD <= bytes.length) return;
    const larger = Buffer.alloc(Math.max(2 * bytes.length, (index + 1) * RECORD));
    bytes.copy(larger);
    bytes = larger;
  }

  function get(index: number): ChainAppend | undefined {
    const start = index * RECORD;
    if (start + RECORD > bytes.length) return undefined;
    const size = bytes.readDoubleLE(start + 3 * HASH);
    if (size === 0) return undefined;
    const hex = (n: number) => bytes.toString('hex', start + n * HASH, start + (n + 1) * HASH);
    return {
      index,
      root: hex(0),
      size,
      blockNumber: bytes.readDoubleLE(start + 3 * HASH + 8),
      blockHash: `0x${hex(1)}`,
      transactionHash: `0x${hex(2)}`,
    };
  }

  return {
    add(append) {
      const { index } = append;
      if (!(index < most)) return true;
      const before = get(index);
      if (before !== undefined) return JSON.stringify(before) === JSON.stringify({ ...before, ...append });
      room(index);
      const start = index * RECORD;
      bytes.write(append.root, start, 'hex');
      bytes.write(append.blockHash.slice(2), start + HASH, 'hex');
      bytes.write(append.transactionHash.slice(2), start + 2 * HASH, 'hex');
      bytes.writeDoubleLE(append.size, start + 3 * HASH);
      bytes.writeDoubleLE(append.blockNumber, start + 3 * HASH + 8);
      while (get(contiguous) !== undefined) contiguous++;
      return true;
    },
    get,
    get contiguous() {
      return contiguous;
    },
  };
}
