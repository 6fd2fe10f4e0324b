import { hash, randomFillSync } from 'node:crypto';
import type { Stats } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { fileEntryText } from '../../core/entry/file-entry.ts';
import { type LeftOut, SEEN_LENGTH, SEEN_STAT_LENGTH } from '../../ports/scan.ts';
import type { Reply } from '../../ports/work.ts';
import { asBuffer } from '../workers/node-hash.ts';
import type { Ask } from '../workers/thread.ts';
import { readWhole } from './read-file.ts';
import type { KnownFile, ScanData, ScanJob } from './scan.ts';
import { namesOf, textOf } from './walk.ts';

/* Reads and hashes the files of a job, one after the other. */

const { folder, bytes } = workerData as ScanData;
const port = parentPort!;

const DIGEST = 32;
const SALT = 16;
const LINE_END = 10;

/** Lines of a block and what was seen of each, growing as they come. */
class Block {
  /** One byte before the first line, so that each has one before it. */
  #lines = Buffer.allocUnsafe(1 << 16);
  #end = 1;
  readonly #seen: ReturnType<typeof asBuffer>;
  readonly #stats: Float64Array;
  files = 0;

  constructor(most: number) {
    const seen = new Uint8Array(most * SEEN_LENGTH);
    this.#seen = asBuffer(seen);
    this.#stats = new Float64Array(seen.buffer);
  }

  /** The leaf is SHA-256(0x00 ‖ entry): the byte before the entry is made 0 while it is hashed. */
  add(entry: string | Uint8Array, stat: Stats): void {
    this.#room(typeof entry === 'string' ? entry.length * 3 : entry.length);
    const start = this.#end;
    const length =
      typeof entry === 'string' ? this.#lines.write(entry, start) : asBuffer(entry).copy(this.#lines, start);
    const end = start + length;
    this.#lines[start - 1] = 0;
    const leaf = hash('sha256', this.#lines.subarray(start - 1, end), 'binary');
    this.#lines[start - 1] = LINE_END;
    this.#lines[end] = LINE_END;
    this.#end = end + 1;
    this.#stats.set([stat.size, stat.mtimeMs, stat.ctimeMs, stat.ino], (this.files * SEEN_LENGTH) / 8);
    this.#seen.latin1Write(leaf, this.files * SEEN_LENGTH + SEEN_STAT_LENGTH, DIGEST);
    this.files++;
  }

  get lines(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#lines.subarray(1, this.#end));
  }

  get seen(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#seen.subarray(0, this.files * SEEN_LENGTH));
  }

  #room(length: number): void {
    const needed = this.#end + length + 1;
    if (needed <= this.#lines.length) return;
    const larger = Buffer.allocUnsafe(2 * needed);
    this.#lines.copy(larger, 0, 0, this.#end);
    this.#lines = larger;
  }
}

port.on('message', ({ n, job }: Ask<ScanJob>) => {
  const value = scan(job);
  const reply: Reply = { n, value };
  port.postMessage(reply, [value.lines.buffer, value.seen.buffer]);
});

function scan({ paths, earlier }: ScanJob) {
  const names = paths.split('\0');
  const block = new Block(names.length);
  const salts = randomFillSync(Buffer.allocUnsafe(names.length * SALT)).toString('hex');
  const leftOut: LeftOut[] = [];
  let reused = 0;
  for (const [i, path] of names.entries()) {
    const name = textOf(path);
    const known = earlier[i];
    const seen = known && asFloats(known.seen);
    let stat: Stats | undefined;
    const read = readWhole(
      `${folder}/${name}`,
      (now) => {
        stat = now;
        return seen !== undefined && isAsSeen(seen, now) && isLeafOf(known!);
      },
      (read) => Atomics.add(bytes, 0, BigInt(read)),
    );
    if (read === undefined) {
      block.add(known!.line, stat!);
      reused++;
    } else if ('why' in read) {
      leftOut.push({ ...namesOf(path), ...read });
    } else {
      const salt = salts.slice(2 * SALT * i, 2 * SALT * (i + 1));
      block.add(fileEntryText({ name, salt, size: read.stat.size, ...read }), read.stat);
    }
  }
  return { lines: block.lines, seen: block.seen, files: block.files, reused, leftOut };
}

const asFloats = (seen: Uint8Array): Float64Array => new Float64Array(seen.slice(0, SEEN_STAT_LENGTH).buffer);

const isAsSeen = ([size, mtimeMs, ctimeMs, ino]: Float64Array, stat: Stats): boolean =>
  stat.size === size && stat.mtimeMs === mtimeMs && stat.ctimeMs === ctimeMs && stat.ino === ino;

/** After a power cut the two files may not fit together, or hold what was never written. */
function isLeafOf({ line, seen }: KnownFile): boolean {
  const preimage = new Uint8Array(1 + line.length);
  preimage.set(line, 1);
  return hash('sha256', preimage, 'buffer').equals(seen.subarray(SEEN_STAT_LENGTH));
}
