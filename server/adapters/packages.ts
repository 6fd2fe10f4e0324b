import {
  configure,
  type Entry,
  type FileEntry,
  Reader,
  ZipReader,
} from '@zip.js/zip.js/lib/zip-core-custom.js';
import { MAX_CERTIFICATE_BYTES } from '../core/certificate/certificate.ts';
import {
  chooseCase,
  entryLimit,
  isCasePackage,
  MAX_CASE_BYTES,
  readCase,
} from '../core/container/case-package.ts';
import {
  type Filed,
  type OpenedCase,
  type OpenedPackage,
  type Packed,
  type Source,
  upTo,
} from '../core/container/open.ts';
import {
  checkEntryCount,
  chooseFrom,
  createMeter,
  type Meter,
  originalName,
  unreadablePackage,
} from '../core/container/package.ts';
import { FormatError } from '../core/reason.ts';

/*
 * Reads packages (ZIP, ZIP64) in the service, on the command line and in the page: without workers of the library's own
 * and without WebAssembly, which the policy of our pages forbids. Decompression is the platform's.
 */

configure({ useWebWorkers: false, useCompressionStream: true });

/** The library reads a directory in one piece; that of a thousand entries with long names has 100 KiB. */
const MAX_PIECE_BYTES = 4 * 1024 * 1024;

class SourceReader extends Reader<Source> {
  readonly #source: Source;

  constructor(source: Source) {
    super(source);
    this.#source = source;
    this.size = source.size;
  }

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    if (length > MAX_PIECE_BYTES) throw unreadablePackage('directory too large');
    return this.#source.read(offset, length);
  }
}

/** What the library throws names its own reason; trouble with the source is the caller's. */
async function understood<T>(work: () => Promise<T>, troubles: readonly unknown[]): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const [trouble] = troubles;
    if (trouble !== undefined) throw trouble;
    if (error instanceof FormatError || !(error instanceof Error)) throw error;
    throw unreadablePackage(error.message);
  }
}

/** Keeps what went wrong with reading, which the library may wrap. */
function watched(source: Source, troubles: unknown[]): Source {
  return {
    size: source.size,
    async read(offset, length) {
      try {
        return await source.read(offset, length);
      } catch (error) {
        troubles.push(error);
        throw error;
      }
    },
  };
}

type Listed = Entry & { readonly name: string; readonly isFolder: boolean };
type Options = ConstructorParameters<typeof ZipReader>[1];

/** What an archive lists, up to so many entries: by one number, or the largest that a name allows. */
async function listed(
  reader: SourceReader,
  most: (name: string) => number | undefined,
  options: Options = {},
): Promise<readonly Listed[]> {
  const zip = new ZipReader(reader, {
    // Whatever two programs could read in two ways is refused: the one decides and the other shows.
    strictness: 'strict',
    checkSignature: true,
    checkOverlappingEntry: true,
    ...options,
  });
  const entries: Listed[] = [];
  let allowed = 0;
  for await (const entry of zip.getEntriesGenerator()) {
    entries.push(Object.assign(entry, { name: entry.filename, isFolder: entry.directory }));
    allowed = Math.max(allowed, most(entry.filename) ?? 0);
    checkEntryCount(entries.length, allowed);
  }
  return entries;
}

export async function openPackage(source: Source, limit: number): Promise<OpenedPackage | OpenedCase> {
  const troubles: unknown[] = [];
  const meter = createMeter(limit);
  return understood(async () => {
    const reader = new SourceReader(watched(source, troubles));
    const entries = await listed(reader, entryLimit);
    if (isCasePackage(entries)) return caseOf(entries, Math.min(limit, MAX_CASE_BYTES), troubles);
    checkEntryCount(entries.length);
    const { certificate, originals } = chooseFrom(entries);
    return {
      certificate: await upTo(unpack(fileOf(certificate), meter, troubles), MAX_CERTIFICATE_BYTES + 1),
      originals: await Promise.all(originals.map((entry) => packed(fileOf(entry), source, meter, troubles))),
    };
  }, troubles);
}

/** What belongs to a case is small, and is held. */
function caseOf(entries: readonly Listed[], limit: number, troubles: unknown[]): OpenedCase {
  const meter = createMeter(limit);
  const read = (entry: Entry, most: number) => upTo(unpack(fileOf(entry), meter, troubles), most);
  return { readCase: () => understood(() => readCase(chooseCase(entries), read), troubles) };
}

/** All files of an archive, whoever packed it. What is wrong with one of them is told when that one is unpacked. */
export async function openArchive(
  source: Source,
  limits: { readonly bytes: number; readonly entries: number },
): Promise<readonly Filed[]> {
  const troubles: unknown[] = [];
  const meter = createMeter(limits.bytes);
  return understood(async () => {
    const reader = new SourceReader(watched(source, troubles));
    const entries = await listed(reader, () => limits.entries, { decodeText: nameAsWritten });
    return entries
      .filter((entry) => !entry.isFolder)
      .map((entry) => ({
        name: entry.name,
        async *unpack() {
          yield* unpack(fileOf(entry), meter, troubles);
        },
      }));
  }, troubles);
}

const STRICT = { fatal: true } as const;

/**
 * Chinese Windows writes names in its own code page and marks them as nothing: read as the standard says (CP437) they are
 * not to be read. Only where names decide nothing: two programs may read them in two ways.
 */
function nameAsWritten(bytes: Uint8Array, encoding: string): string | undefined {
  if (encoding !== 'cp437') return undefined;
  for (const name of ['utf-8', 'gb18030'])
    try {
      return new TextDecoder(name, STRICT).decode(bytes);
    } catch {
      // Not in this one.
    }
  return undefined;
}

function fileOf(entry: Entry): FileEntry {
  if (entry.directory || entry.encrypted) throw unreadablePackage(`${entry.filename}: no plain file`);
  return entry;
}

async function packed(entry: FileEntry, source: Source, meter: Meter, troubles: unknown[]): Promise<Packed> {
  return {
    name: originalName(entry.filename),
    plain: await plainPlace(entry, source),
    unpack: () => unpack(entry, meter, troubles),
  };
}

/** APPNOTE 4.3.7: behind 30 bytes come name and extra field, each of the length that stands there, and then the bytes. */
async function plainPlace(entry: FileEntry, source: Source): Promise<Packed['plain']> {
  if (entry.compressionMethod !== 0) return undefined;
  const head = await source.read(entry.offset, 30);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const lengths = head.length < 30 ? 0 : view.getUint16(26, true) + view.getUint16(28, true);
  return { offset: entry.offset + 30 + lengths, size: entry.compressedSize };
}

/** The bytes as they come out; whoever stops reading stops the work. */
async function* unpack(
  entry: FileEntry,
  meter: Meter,
  troubles: readonly unknown[],
): AsyncGenerator<Uint8Array> {
  const count = meter.entry(entry.filename, entry.compressedSize);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const stop = new AbortController();
  const work = understood(() => entry.getData(writable, { signal: stop.signal }), troubles);
  const reader = readable.getReader();
  // What fails before it writes anything would leave the reader waiting; why it failed is asked below.
  work.catch(() => reader.cancel()).catch(() => {});
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(async (error: unknown) => {
        await work;
        throw error;
      });
      if (done) break;
      count(value.length);
      yield value;
    }
    await work;
  } finally {
    stop.abort();
    await reader.cancel().catch(() => {});
  }
}
