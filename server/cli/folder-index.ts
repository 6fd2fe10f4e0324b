import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { MAX_CERTIFICATE_BYTES } from '../core/certificate/certificate.ts';
import { ENTRY_START } from '../core/entry/file-entry.ts';
import {
  END_FORMAT,
  type EndLine,
  RECEIPT_FORMAT,
  type ReceiptLine,
  readEnd,
  readHead,
  readReceipt,
  receiptText,
} from '../core/folder/index-lines.ts';
import { FormatError } from '../core/reason.ts';
import { UsageError } from './usage.ts';

/* A finished index: the tree stands, and what the service says is written behind it, a line at a time. */

/** What stands behind the entries. */
export interface IndexTail {
  readonly end: EndLine;
  readonly receipt: ReceiptLine | undefined;
  /** the newest, as the service gave it */
  readonly certificate: Uint8Array | undefined;
}

/** The lines behind the end: receipts of up to half a megabyte each, and a few certificates. */
const TAIL = 16 * MAX_CERTIFICATE_BYTES;
const LINE_END = 10;

export class IndexDamaged extends UsageError {
  constructor(path: string, why: string) {
    super(`索引 ${path} 已损坏（${why}） / the index is damaged (${why})`);
  }
}

/** Undefined where there is none. A line that was not written to its end counts as not there. */
export async function readTail(path: string): Promise<IndexTail | undefined> {
  const file = await openIndex(path);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL);
    const bytes = Buffer.alloc(length);
    await file.read(bytes, 0, length, size - length);
    return tailIn(path, bytes);
  } finally {
    await file.close();
  }
}

async function openIndex(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UsageError(`无法读取 ${path} / cannot read it (${(error as Error).message})`);
  }
}

function tailIn(path: string, bytes: Buffer): IndexTail {
  const start = bytes.lastIndexOf(`\n{"format":"${END_FORMAT}"`);
  if (start < 0) throw new IndexDamaged(path, '没有末行 / its last line is missing');
  const lines = wholeLines(bytes.subarray(start + 1));
  return asDamage(path, () => ({
    end: readEnd(lines[0] ?? bytes.subarray(start + 1)),
    receipt: lastOf(lines, `{"format":"${RECEIPT_FORMAT}"`, readReceipt),
    certificate: lastOf(lines, '{"anchors":', (line) => line),
  }));
}

function asDamage<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) throw new IndexDamaged(path, error.code);
    throw error;
  }
}

function lastOf<T>(lines: readonly Buffer[], start: string, read: (line: Uint8Array) => T): T | undefined {
  const line = lines.findLast((one) => one.subarray(0, start.length).equals(Buffer.from(start)));
  return line === undefined ? undefined : read(line);
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

export const appendReceipt = (path: string, receipt: ReceiptLine): Promise<void> =>
  appendLine(path, Buffer.from(receiptText(receipt)));

export const appendCertificate = (path: string, certificate: Uint8Array): Promise<void> =>
  appendLine(path, certificate);

/** Durable when it resolves. What a crash left of an earlier line goes first. */
async function appendLine(path: string, line: Uint8Array): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL);
    const bytes = Buffer.alloc(length);
    await file.read(bytes, 0, length, size - length);
    const at = size - length + bytes.lastIndexOf(LINE_END) + 1;
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
