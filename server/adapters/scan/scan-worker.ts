import { hash, randomFillSync } from 'node:crypto';
import { closeSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { fileEntryText } from '../../core/entry/file-entry.ts';
import { type LeftOut, SEEN_LENGTH, SEEN_STAT_LENGTH } from '../../ports/scan.ts';
import type { Reply } from '../../ports/work.ts';
import { asBuffer } from '../workers/node-hash.ts';
import type { Ask } from '../workers/thread.ts';
import { type NotRead, notRead, readWhole } from './read-file.ts';
import type { KnownFile, ScanData, ScanFolderPart, ScanJob } from './scan.ts';
import { namesOf, openFolder, textOf, throughFile } from './walk.ts';

/* Reads and hashes the files of a job, one after the other. */

const { folder, bytes } = workerData as ScanData;
const port = parentPort!;

const DIGEST = 32;
const SALT = 16;
const LINE_END = 10;

/** The coarsest clock of a file system in use (FAT) ticks every two seconds: a change in the same tick shows nowhere. */
const TICK_MS = 3_000;

const isJustTouched = ({ mtimeMs, ctimeMs }: Stats): boolean =>
  Math.abs(Date.now() - Math.max(mtimeMs, ctimeMs)) < TICK_MS;

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
    const size = isJustTouched(stat) ? Number.NaN : stat.size;
    this.#stats.set([size, stat.mtimeMs, stat.ctimeMs, stat.ino], (this.files * SEEN_LENGTH) / 8);
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

/** More than this read in one job and the rest goes back: other threads may be idle, and a break would lose it all. */
const MOST_BYTES = 64 << 20;

function scan({ folders, earlier }: ScanJob) {
  const all = folders.flatMap(({ names, ...at }) => names.split('\0').map((name) => ({ name, at })));
  const block = new Block(all.length);
  const salts = randomFillSync(Buffer.allocUnsafe(all.length * SALT)).toString('hex');
  const leftOut: LeftOut[] = [];
  let [reused, read, done] = [0, 0, 0];
  let held: Held | undefined;
  for (const [i, { name: last, at }] of all.entries()) {
    if (read > MOST_BYTES) break;
    done++;
    if (held?.at !== at) {
      held?.close();
      held = hold(at);
    }
    const path = `${at.prefix}${last}`;
    const known = earlier[i];
    const found =
      'why' in held
        ? held
        : readWhole(
            `${held.through}/${textOf(last)}`,
            (now) => known !== undefined && isAsSeen(known, now) && isLeafOf(known),
            (bytesRead) => {
              read += bytesRead;
              Atomics.add(bytes, 0, BigInt(bytesRead));
            },
          );
    if ('why' in found) leftOut.push({ ...namesOf(path), why: found.why, code: found.code, folder: false });
    else if ('sha256' in found) {
      const salt = salts.slice(2 * SALT * i, 2 * SALT * (i + 1));
      const { stat, ...digests } = found;
      block.add(fileEntryText({ name: textOf(path), salt, size: stat.size, ...digests }), stat);
    } else {
      block.add(known!.line, found);
      reused++;
    }
  }
  held?.close();
  return { lines: block.lines, seen: block.seen, files: block.files, reused, leftOut, done, read };
}

/** The folder whose files are being read, by what is open: its name may lead elsewhere by now. */
type Held = { readonly at: ScanFolderPart; close(): void } & ({ readonly through: string } | NotRead);

function hold(at: ScanFolderPart): Held {
  const path = join(folder, textOf(at.prefix));
  try {
    const file = openFolder(path, at.id, at.prefix === '');
    return { at, through: throughFile(file), close: () => closeSync(file) };
  } catch (error) {
    return { at, close() {}, ...notRead(error) };
  }
}

function isAsSeen({ seen }: KnownFile, stat: Stats): boolean {
  const [size, mtimeMs, ctimeMs, ino] = new Float64Array(seen.slice(0, SEEN_STAT_LENGTH).buffer);
  return stat.size === size && stat.mtimeMs === mtimeMs && stat.ctimeMs === ctimeMs && stat.ino === ino;
}

/** After a power cut the two files may not fit together, or hold what was never written. */
function isLeafOf({ line, seen }: KnownFile): boolean {
  const preimage = new Uint8Array(1 + line.length);
  preimage.set(line, 1);
  return hash('sha256', preimage, 'buffer').equals(seen.subarray(SEEN_STAT_LENGTH));
}
