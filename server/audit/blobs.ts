import { createHash } from 'node:crypto';
import type { BlobRoom } from '../ports/blobs.ts';
import type { BlobInspector, Inspector } from '../ports/inspect.ts';
import { manifestIn, storedFiles } from './entries.ts';
import { at, type Report } from './finding.ts';

/*
 * Stored files against the entries that name them. Runs after the snapshot: hashing takes hours where there is much,
 * and entries and files are only ever added. The files are listed first, so that everything an entry names is there or
 * is looked for once more.
 */

export interface BlobDeps {
  readonly inspector: Inspector;
  readonly blobs: BlobInspector;
  readonly report: Report;
  /** whether bytes are hashed, or only looked for */
  readonly hash: boolean;
}

/** In the canonical form of every entry that names a file whose bytes the service saw. */
const STORED = '"digests":"computed"';

const NAME = /^[0-9a-f]{64}$/;
/** Entries of one look at the store, which is let go before their files are hashed. */
const PAGE = 500;

export async function checkFiles(deps: BlobDeps): Promise<void> {
  const { blobs, report } = deps;
  const files = await listed(blobs, 'files');
  let sequence = Number.MIN_SAFE_INTEGER;
  let count = 0;
  for (;;) {
    const page = await filesAfter(deps.inspector, sequence);
    for (const file of page.files) {
      await checkFile(deps, files, file);
      if (++count % 1_000 === 0) report.progress('files', count);
    }
    if (page.last === undefined) break;
    sequence = page.last;
  }
  report.progress('files', count);
  await nameUnreferenced(deps, 'files', files);
}

interface NamedFile {
  readonly sha256: string;
  readonly sm3: string;
  readonly size: number;
  readonly sequence: number;
}

/** What the entries after `sequence` and up to `through` name, a page of them; `last` undefined: there are no more. */
export async function filesAfter(
  inspector: Inspector,
  sequence: number,
  through = Number.MAX_SAFE_INTEGER,
): Promise<{ readonly files: readonly NamedFile[]; readonly last: number | undefined }> {
  const snapshot = await inspector.begin();
  try {
    const files: NamedFile[] = [];
    let [last, count]: [number | undefined, number] = [undefined, 0];
    for await (const entry of snapshot.entries(sequence + 1, through)) {
      last = entry.sequence;
      // What cannot be read was told with the journal; most entries have no file, and reading them once was enough.
      const bytes = Buffer.from(entry.bytes.buffer, entry.bytes.byteOffset, entry.bytes.length);
      const document = bytes.includes(STORED) ? manifestIn(bytes) : undefined;
      if (document !== undefined)
        for (const file of storedFiles(document)) files.push({ ...file, sequence: entry.sequence });
      if (++count === PAGE) break;
    }
    return { files, last };
  } finally {
    await snapshot.end();
  }
}

async function checkFile({ blobs, report, hash }: BlobDeps, files: Listed, file: NamedFile): Promise<void> {
  const place = at('files', file.sha256);
  const what = `entries/${file.sequence}`;
  const known = files.find(file.sha256);
  const size = known?.size ?? (await blobs.size('files', file.sha256));
  if (size === undefined) return report.found('file-missing', place, { what, expected: file.size });
  if (size !== file.size)
    return report.found('file-size-differs', place, { what, expected: file.size, found: size });
  if (!hash) return;
  const digests = known?.hashed() ?? (await hashOf(blobs, file.sha256));
  if (digests === undefined) return report.found('file-missing', place, { what, expected: file.size });
  known?.keep(digests);
  if (digests.sha256 !== file.sha256)
    report.found('file-differs', place, { what, expected: file.sha256, found: digests.sha256 });
  else if (digests.sm3.slice(0, PREFIX_HEX) !== file.sm3.slice(0, PREFIX_HEX))
    report.found('file-sm3-differs', place, { what, expected: file.sm3, found: digests.sm3 });
}

interface BothDigests {
  readonly sha256: string;
  readonly sm3: string;
}

async function hashOf(blobs: BlobInspector, name: string): Promise<BothDigests | undefined> {
  const stream = await blobs.stream('files', name);
  if (stream === undefined) return undefined;
  const [sha256, sm3] = [createHash('sha256'), createHash('sm3')];
  for await (const chunk of stream) {
    sha256.update(chunk as Buffer);
    sm3.update(chunk as Buffer);
  }
  return { sha256: sha256.digest('hex'), sm3: sm3.digest('hex') };
}

/** Batches' trees that nothing refers to: a crash between the two steps of sealing leaves one. */
export async function checkTreeNames(deps: Omit<BlobDeps, 'hash'>): Promise<void> {
  const trees = await listed(deps.blobs, 'trees');
  const snapshot = await deps.inspector.begin();
  try {
    for await (const { root } of snapshot.batches()) trees.find(root);
  } finally {
    await snapshot.end();
  }
  await nameUnreferenced(deps, 'trees', trees);
}

async function nameUnreferenced(
  { blobs, report }: Omit<BlobDeps, 'hash'>,
  room: BlobRoom,
  known: Listed,
): Promise<void> {
  for await (const { name, size } of blobs.list(room)) {
    if (!NAME.test(name)) report.found('blob-name-invalid', at(room, name), { found: size });
    // One that came after the listing belongs to an entry that came after it too.
    else if (known.isUnused(name)) report.found('blob-unreferenced', at(room, name), { found: size });
  }
}

/** Digits of a name that are kept: 64 bits tell a name from every other that is there by chance. */
const PREFIX_HEX = 16;

/** What stands in a room, 33 bytes each: a hundred million files fit a small machine. */
interface Listed {
  /** Counts as used from then on. */
  find(name: string): ListedFile | undefined;
  isUnused(name: string): boolean;
}

interface ListedFile {
  readonly size: number;
  /** what it hashed to, where it was hashed before */
  hashed(): BothDigests | undefined;
  keep(digests: BothDigests): void;
}

async function listed(blobs: BlobInspector, room: BlobRoom): Promise<Listed> {
  let rows = new BigUint64Array(3_072);
  let count = 0;
  for await (const { name, size } of blobs.list(room)) {
    if (!NAME.test(name)) continue;
    if (2 * count === rows.length) {
      const larger = new BigUint64Array(2 * rows.length);
      larger.set(rows);
      rows = larger;
    }
    rows[2 * count] = prefixOf(name);
    rows[2 * count + 1] = BigInt(size);
    count++;
  }
  const order = sortedOrder(rows, count);
  const names = BigUint64Array.from(order, (i) => rows[2 * i]!);
  const sizes = Float64Array.from(order, (i) => Number(rows[2 * i + 1]!));
  const sm3 = new BigUint64Array(count);
  /** 0 unused, 1 used, 2 hashed and as its name says, 3 hashed and other */
  const states = new Uint8Array(count);

  function indexOf(name: string): number {
    const wanted = prefixOf(name);
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (names[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low < count && names[low] === wanted ? low : -1;
  }

  return {
    isUnused: (name) => states[indexOf(name)] === 0,
    find(name) {
      const i = NAME.test(name) ? indexOf(name) : -1;
      if (i < 0) return undefined;
      states[i] = Math.max(states[i]!, 1);
      return {
        size: sizes[i]!,
        hashed: () =>
          states[i] === 2 ? { sha256: name, sm3: sm3[i]!.toString(16).padStart(PREFIX_HEX, '0') } : undefined,
        keep(digests) {
          states[i] = digests.sha256 === name ? 2 : 3;
          sm3[i] = prefixOf(digests.sm3);
        },
      };
    },
  };
}

const prefixOf = (hex: string): bigint => BigInt(`0x${hex.slice(0, PREFIX_HEX)}`);

function sortedOrder(rows: BigUint64Array, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  return order.sort((a, b) => (rows[2 * a]! < rows[2 * b]! ? -1 : 1));
}
