/** A row of `lookup`: which kind of index, which part of it, a 48-bit hash of the key, the entry it leads to. */
export type LookupRow = readonly [kind: number, bucket: number, hash: number, sequence: number];

/** Kinds and buckets in one number, in the order of the table. */
const KIND = 2 ** 40;

/** The newest rows of the index, in memory: buckets → hashes → sequences. */
export interface Memtable {
  readonly size: number;
  add(row: LookupRow): void;
  find(kind: number, bucket: number, hash: number): readonly number[];
  /** In every bucket of a kind. */
  findAnywhere(kind: number, hash: number): readonly number[];
  /** In the order of the table, so that neighbours go into the same page. */
  sorted(): Generator<LookupRow, void, void>;
}

const asList = (found: number | readonly number[] | undefined): readonly number[] =>
  found === undefined ? [] : typeof found === 'number' ? [found] : found;

export function createMemtable(): Memtable {
  const buckets = new Map<number, Map<number, number | number[]>>();
  let size = 0;

  function bucketOf(key: number): Map<number, number | number[]> {
    let bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, (bucket = new Map()));
    return bucket;
  }

  return {
    get size() {
      return size;
    },
    add([kind, bucket, hash, sequence]) {
      const rows = bucketOf(kind * KIND + bucket);
      const before = rows.get(hash);
      if (before === undefined) rows.set(hash, sequence);
      else if (typeof before === 'number') rows.set(hash, [before, sequence]);
      else before.push(sequence);
      size++;
    },
    find: (kind, bucket, hash) => asList(buckets.get(kind * KIND + bucket)?.get(hash)),
    findAnywhere: (kind, hash) =>
      [...buckets]
        .filter(([key]) => Math.floor(key / KIND) === kind)
        .flatMap(([, rows]) => asList(rows.get(hash))),
    *sorted() {
      for (const key of [...buckets.keys()].sort((a, b) => a - b)) {
        const rows = buckets.get(key)!;
        // Numbers in a typed array sort in milliseconds where strings would stop the writer for a tenth of a second.
        for (const hash of Float64Array.from(rows.keys()).sort())
          for (const sequence of asList(rows.get(hash)))
            yield [Math.floor(key / KIND), key % KIND, hash, sequence];
      }
    },
  };
}
