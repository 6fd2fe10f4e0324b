import { buffer } from 'node:stream/consumers';
import { crc32, deflateRawSync } from 'node:zlib';
import type { Source } from '../../server/core/container/open.ts';
import { type PackageItem, zipOf } from '../../server/documents/package/zip.ts';

/* Packages: as the service makes them, and by hand with anything in them that is not true. */

export const packed = (items: readonly PackageItem[]): Promise<Buffer> =>
  buffer(zipOf(items, Date.parse('2026-11-22T07:00:00.000Z')));

export const sourceOf = (bytes: Uint8Array): Source => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});

/** An entry by hand: what its headers say, where that is not what is so. */
export interface Entry {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly deflated?: boolean;
  readonly claimed?: { readonly size?: number; readonly packed?: number; readonly crc?: number };
  /** name in the local header */
  readonly localName?: string;
  /** the local header that the directory points to: that of another entry */
  readonly at?: number;
  readonly flags?: number;
  readonly method?: number;
}

const u16 = (value: number) => Buffer.from([value & 255, value >> 8]);
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** APPNOTE 4.3: local headers, directory, end record. */
export function byHand(
  entries: readonly Entry[],
  { before = Buffer.alloc(0), behind = Buffer.alloc(0) }: { before?: Buffer; behind?: Buffer } = {},
): Buffer {
  const parts: Buffer[] = [before];
  const directory: Buffer[] = [];
  const offsets: number[] = [];
  let offset = before.length;
  for (const {
    name,
    bytes,
    deflated = false,
    claimed = {},
    localName = name,
    at,
    flags = 0x800,
    method,
  } of entries) {
    const body = deflated ? deflateRawSync(bytes) : Buffer.from(bytes);
    const common = Buffer.concat([
      u16(20),
      u16(flags),
      u16(method ?? (deflated ? 8 : 0)),
      u32(0x5c760000),
      u32(claimed.crc ?? crc32(bytes)),
      u32(claimed.packed ?? body.length),
      u32(claimed.size ?? bytes.length),
    ]);
    const local = Buffer.concat([
      u32(0x04034b50),
      common,
      u16(Buffer.byteLength(localName)),
      u16(0),
      Buffer.from(localName),
      body,
    ]);
    offsets.push(offset);
    directory.push(
      Buffer.concat([
        u32(0x02014b50),
        u16(20),
        common,
        u16(Buffer.byteLength(name)),
        Buffer.alloc(12),
        u32(at === undefined ? offset : offsets[at]!),
        Buffer.from(name),
      ]),
    );
    parts.push(local);
    offset += local.length;
  }
  const whole = Buffer.concat(directory);
  const end = Buffer.concat([
    u32(0x06054b50),
    u32(0),
    u16(entries.length),
    u16(entries.length),
    u32(whole.length),
    u32(offset),
    u16(0),
  ]);
  return Buffer.concat([...parts, whole, end, behind]);
}
