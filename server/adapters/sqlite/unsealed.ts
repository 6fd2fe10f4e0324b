const LEAF = 32;

/**
 * Leaves of the entries that wait for a batch, one after the other: sealing a million would otherwise read a gigabyte
 * of entries to get 32 megabytes.
 */
export interface Unsealed {
  readonly count: number;
  append(leaf: Uint8Array): void;
  /** A copy of the oldest. */
  copy(limit: number): Uint8Array<ArrayBuffer>;
  drop(count: number): void;
}

export function createUnsealed(): Unsealed {
  let bytes = new Uint8Array(1024 * LEAF);
  let start = 0;
  let end = 0;

  /** Doubles, or moves to the front where half of it is free: a leaf is copied a constant number of times. */
  function makeRoom(): void {
    const used = bytes.subarray(start, end);
    const target = used.length * 2 > bytes.length ? new Uint8Array(bytes.length * 2) : bytes;
    target.set(used);
    bytes = target;
    end -= start;
    start = 0;
  }

  return {
    get count() {
      return (end - start) / LEAF;
    },
    append(leaf) {
      if (end === bytes.length) makeRoom();
      bytes.set(leaf, end);
      end += LEAF;
    },
    copy: (limit) => bytes.slice(start, Math.min(end, start + limit * LEAF)),
    drop(count) {
      start += count * LEAF;
      if (start !== end) return;
      // After a million leaves their room is given back.
      bytes = new Uint8Array(1024 * LEAF);
      start = end = 0;
    },
  };
}
