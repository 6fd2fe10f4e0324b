import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { MAX_CERTIFICATE_BYTES } from '../core/certificate/certificate.ts';
import { ENTRY_START } from '../core/entry/file-entry.ts';
import { manifest } from '../core/entry/manifest.ts';
import { folderOf } from '../core/folder/cut.ts';
import {
  END_FORMAT,
  type EndLine,
  type ReceiptLine,
  type RequestLine,
  readEnd,
  readHead,
  readReceipt,
  readRequest,
  receiptText,
  requestText,
} from '../core/folder/index-lines.ts';
import { utf8 } from '../core/read/bytes.ts';
import { parseCanonical } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { readAt } from './read-small.ts';
import { UsageError } from './usage.ts';

/* A finished index: the tree stands, and what the service says is written behind it, a line at a time. */

/** What stands behind the entries, as far as it is of this folder. */
export interface IndexTail {
  readonly end: EndLine;
  /** newest first */
  readonly requests: readonly RequestLine[];
  readonly receipt: ReceiptLine | undefined;
  /** the newest, as the service gave it */
  readonly certificate: Uint8Array | undefined;
}

/** The lines behind the end: what goes there is bounded, and comes a few times. */
const TAIL = 16 * MAX_CERTIFICATE_BYTES;
const LINE_END = 10;

export class IndexDamaged extends UsageError {
  constructor(path: string, zh: string, en: string) {
    super(`索引 ${path} 已损坏：${zh} / the index is damaged: ${en}`);
  }
}

/** Undefined where there is none. */
export async function readTail(path: string): Promise<IndexTail | undefined> {
  const file = await openIndex(path);
  if (file === undefined) return undefined;
  try {
    return tailIn(path, (await lastBytes(file)).bytes);
  } finally {
    await file.close();
  }
}

async function lastBytes(file: FileHandle): Promise<{ readonly start: number; readonly bytes: Buffer }> {
  const { size } = await file.stat();
  const start = Math.max(0, size - TAIL);
  return { start, bytes: await readAt(file, start, size - start) };
}

async function openIndex(path: string): Promise<FileHandle | undefined> {
  try {
    const file = await open(path, 'r');
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw new UsageError(
      `${path} 是文件夹；索引在其旁 / is a folder; the index is beside it (${path}.kezheng-index)`,
    );
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UsageError(`无法读取 ${path} / cannot read it (${(error as Error).message})`);
  }
}

function tailIn(path: string, bytes: Buffer): IndexTail {
  const start = bytes.lastIndexOf(`\n{"format":"${END_FORMAT}"`);
  if (start < 0) throw new IndexDamaged(path, '没有末行', 'its last line is missing');
  const [first, ...lines] = wholeLines(bytes.subarray(start + 1));
  const end = asDamage(path, () => readEnd(first ?? bytes.subarray(start + 1)));
  const all = lines.reverse();
  return {
    end,
    requests: all.flatMap((line) => readIf(line, readRequest) ?? []),
    receipt: firstOf(all, (line) => receiptOf(line, end)),
    certificate: firstOf(all, (line) => certificateOf(line, end)),
  };
}

/** Undefined where the line is something else, or was written to. */
function readIf<T>(line: Uint8Array, read: (line: Uint8Array) => T): T | undefined {
  try {
    return read(line);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function receiptOf(line: Uint8Array, end: EndLine): ReceiptLine | undefined {
  const receipt = readIf(line, readReceipt);
  const folder = receipt && readIf(utf8(receipt.manifest), folderInManifest);
  return isOf(folder, end) ? receipt : undefined;
}

function certificateOf(line: Uint8Array, end: EndLine): Uint8Array | undefined {
  return isOf(readIf(line, folderOf), end) ? line : undefined;
}

const folderInManifest = (text: Uint8Array) => manifest(parseCanonical(text), 'manifest').folder;

const isOf = (
  folder: { readonly root: string; readonly size: number } | null | undefined,
  { root, size }: EndLine,
): boolean => folder?.root === root && folder.size === size;

function firstOf<T>(lines: readonly Uint8Array[], read: (line: Uint8Array) => T | undefined): T | undefined {
  for (const line of lines) {
    const found = read(line);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What cannot be read is the index's own damage. */
function asDamage<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { zh, en } = bothLanguages('reason', error.code, error.detail);
    throw new IndexDamaged(path, zh, en);
  }
}

function wholeLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let from = 0;
  for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, from)) {
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
  return lines;
}

/** The name of the folder that it was made of. */
export async function readFolderName(path: string): Promise<string> {
  for await (const preimage of preimages(path))
    return asDamage(path, () => readHead(preimage.subarray(1)).folder);
  throw new IndexDamaged(path, '没有首行', 'its first line is missing');
}

export const appendRequest = (path: string, request: RequestLine): Promise<void> =>
  appendLine(path, Buffer.from(requestText(request)));

export const appendReceipt = (path: string, receipt: ReceiptLine): Promise<void> =>
  appendLine(path, Buffer.from(receiptText(receipt)));

export const appendCertificate = (path: string, certificate: Uint8Array): Promise<void> =>
  appendLine(path, certificate);

/** Durable when it resolves. What a crash left of an earlier line goes first. */
async function appendLine(path: string, line: Uint8Array): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { start, bytes } = await lastBytes(file);
    const at = start + bytes.lastIndexOf(LINE_END) + 1;
    await file.truncate(at);
    const whole = Buffer.concat([line, Buffer.of(LINE_END)]);
    for (let done = 0; done < whole.length; )
      done += (await file.write(whole, done, whole.length - done, at + done)).bytesWritten;
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The entries in the order of the tree, each as the bytes that its leaf is the SHA-256 of: 0x00 ‖ entry. They are only
 * there during the call.
 */
export async function eachEntry(path: string, onEntry: (preimage: Buffer) => void): Promise<void> {
  let isHead = true;
  for await (const preimage of preimages(path)) {
    if (isHead) asDamage(path, () => readHead(preimage.subarray(1)));
    else if (!preimage.subarray(1, 1 + START.length).equals(START)) return;
    else onEntry(preimage);
    isHead = false;
  }
}

const START = Buffer.from(ENTRY_START);

/** Each line with the byte before it, the end of the line before, made 0. */
async function* preimages(path: string): AsyncGenerator<Buffer> {
  const stream = createReadStream(path, { highWaterMark: 4 << 20 }) as AsyncIterable<Buffer>;
  let held: Buffer = Buffer.of(LINE_END);
  for await (const chunk of stream) {
    held = Buffer.concat([held, chunk]);
    let start = 1;
    for (let end = held.indexOf(LINE_END, start); end >= 0; end = held.indexOf(LINE_END, start)) {
      held[start - 1] = 0;
      yield held.subarray(start - 1, end);
      start = end + 1;
    }
    held = held.subarray(start - 1);
  }
}
