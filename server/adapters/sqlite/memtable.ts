/** A row of `lookup`: which kind of index, which part of it, a 48-bit hash of the key, the entry it leads to. */
export type LookupRow = readonly [kind: number, bucket: number, hash: number, sequence: number];

/** The newest rows of the index, in memory. */
export interface Memtable {
  readonly size: number;
  add(row: LookupRow): void;
  find(kind: number, bucket: number, hash: number): readonly number[];
  /** In every bucket of a kind. */
  findAnywhere(kind: number, hash: number): readonly number[];
  /** In the order of the table, so that neighbours go into the same page. Nothing is added meanwhile. */
  sorted(): Generator<LookupRow, void, void>;
}

const NONE = -1;
const NOTHING: readonly number[] = [];

/** An odd number with well spread bits (2^32 divided by the golden ratio). */
const SPREAD = 0x9e3779b1;

/**
 * A hash table with chains in typed arrays: a Map of as many rows would be walked and copied by every collection of
 * garbage. `expected` rows fit without growing.
 */
export function createMemtable(expected = 1024): Memtable {
  /** Kind and bucket, numbered as they come: there are few. */
  const parts: { readonly kind: number; readonly bucket: number }[] = [];
  let bits = Math.max(4, Math.ceil(Math.log2(expected)));
  let heads = new Int32Array(2 ** bits).fill(NONE);
  let next = new Int32Array(2 ** bits);
  let part = new Uint16Array(2 ** bits);
  let hashes = new Float64Array(2 ** bits);
  let sequences = new Float64Array(2 ** bits);
  let size = 0;

  const slotOf = (hash: number): number => Math.imul((hash % 0x100000000) | 0, SPREAD) >>> (32 - bits);

  function link(row: number): void {
    const slot = slotOf(hashes[row]!);
    next[row] = heads[slot]!;
    heads[slot] = row;
  }

  function grow(): void {
    bits++;
    const enlarged = <T extends Int32Array | Uint16Array | Float64Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    part = enlarged(part, new Uint16Array(2 ** bits));
    hashes = enlarged(hashes, new Float64Array(2 ** bits));
    sequences = enlarged(sequences, new Float64Array(2 ** bits));
    next = new Int32Array(2 ** bits);
    heads = new Int32Array(2 ** bits).fill(NONE);
    for (let row = 0; row < size; row++) link(row);
  }

  function partOf(kind: number, bucket: number): number {
    for (let i = parts.length - 1; i >= 0; i--)
      if (parts[i]!.kind === kind && parts[i]!.bucket === bucket) return i;
    return parts.push({ kind, bucket }) - 1;
  }

  function collect(hash: number, isWanted: (part: number) => boolean): readonly number[] {
    let found: number[] | undefined;
    for (let row = heads[slotOf(hash)]!; row !== NONE; row = next[row]!)
      if (hashes[row] === hash && isWanted(part[row]!)) (found ??= []).push(sequences[row]!);
    return found ?? NOTHING;
  }

  return {
    get size() {
      return size;
    },
    add([kind, bucket, hash, sequence]) {
      if (size === next.length) grow();
      const row = size++;
      part[row] = partOf(kind, bucket);
      hashes[row] = hash;
      sequences[row] = sequence;
      link(row);
    },
    find(kind, bucket, hash) {
      return collect(hash, (i) => parts[i]!.kind === kind && parts[i]!.bucket === bucket);
    },
    findAnywhere: (kind, hash) => collect(hash, (i) => parts[i]!.kind === kind),
    *sorted() {
      const order = [...parts.keys()].sort(
        (a, b) => parts[a]!.kind - parts[b]!.kind || parts[a]!.bucket - parts[b]!.bucket,
      );
      for (const wanted of order) {
        const { kind, bucket } = parts[wanted]!;
        const own = new Float64Array(
          part.subarray(0, size).reduce((n, of) => n + (of === wanted ? 1 : 0), 0),
        );
        for (let row = 0, to = 0; row < size; row++) if (part[row] === wanted) own[to++] = hashes[row]!;
        // Numbers in a typed array sort in milliseconds where objects would stop the writer for a tenth of a second.
        own.sort();
        for (let i = 0; i < own.length; i++) {
          const hash = own[i]!;
          if (i > 0 && own[i - 1] === hash) continue;
          for (const sequence of collect(hash, (of) => of === wanted)) yield [kind, bucket, hash, sequence];
        }
      }
    },
  };
}
