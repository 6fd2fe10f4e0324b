import { MAX_CERTIFICATE_BYTES, parseCertificate } from '../core/certificate/certificate.ts';
import {
  type ArchiveKind,
  archiveKind,
  beginsAsCertificate,
  checkCertificateCount,
  createReadingCost,
  liesBeside,
  namesOurFormat,
  type ReadingCost,
} from '../core/container/archive.ts';
import { type Filed, upTo } from '../core/container/open.ts';
import { MAX_PDF_BYTES, openPdf } from '../core/container/pdf.ts';
import { FormatError } from '../core/reason.ts';
import { type GivenFile, listedFiles } from '../core/verify/files.ts';
import { costInBytes, type Given, type Item, ItemRefused } from './check-many.ts';

/*
 * Certificates and evidence out of one archive or folder. Everything is hashed once; of what may be a certificate it is
 * seen then whether it is one. Evidence goes to each certificate that lists its digest, whatever either is called. What
 * calls itself a certificate and is none is evidence where a certificate lists it, and else an item that is told as wrong.
 */

export interface Digested {
  readonly sha256: string;
  readonly sm3: string;
  readonly size: number;
}

export interface SortDeps {
  readonly hash: (stream: AsyncIterable<Uint8Array>) => Promise<Digested>;
  /** items that there may be, and what all that may be certificates may cost together */
  readonly limits: { readonly items: number; readonly bytes: number };
}

/** What came with the certificates. */
export interface Beside {
  /** evidence, by content */
  readonly files: number;
  /** names of what no certificate lists, told when all items were read */
  unmatched(): readonly string[];
  /** names of what was not looked at: other documents of ours, what a system put there */
  readonly aside: readonly string[];
}

export interface Sorted {
  readonly items: readonly Item[];
  readonly beside: Beside;
}

/** As much of a name as is repeated. */
const MAX_NAME = 1_000;

type Seen = 'certificate' | 'doubtful' | 'evidence' | 'aside';

interface Known {
  readonly file: Filed;
  readonly name: string;
  readonly kind: ArchiveKind;
  readonly digested: Digested | undefined;
  readonly seen: Seen;
  /** why it could not be unpacked */
  readonly wrong: FormatError | undefined;
}

/** Throws FormatError where the archive as a whole is refused. */
export async function sortFiles(files: readonly Filed[], deps: SortDeps): Promise<Sorted> {
  const all: Known[] = [];
  const { hash, limits } = deps;
  const cost = createReadingCost(limits.bytes);
  for (const file of files) all.push(await look(file, hash, cost));
  const pool = createPool(all);
  const claimed = await claimedOf(all);
  const isItem = ({ seen, digested, wrong }: Known): boolean =>
    wrong !== undefined || seen === 'certificate' || (seen === 'doubtful' && !claimed.has(digested!.sha256));
  const items = all.filter(isItem);
  checkCertificateCount(items.length, limits.items);
  const evidence = all.filter((one) => one.seen !== 'aside' && !isItem(one));
  return {
    items: items.map((one) => ({ name: one.name, read: () => read(one, pool) })),
    beside: {
      files: new Set(evidence.map(({ digested }) => digested!.sha256)).size,
      unmatched: () =>
        evidence.filter(({ digested }) => !pool.isTaken(digested!.sha256)).map(({ name }) => name),
      aside: all.filter(({ seen }) => seen === 'aside').map(({ name }) => name),
    },
  };
}

/** Of these not one entry is wrong but the whole: it is made to cost much. */
const OF_ALL: readonly string[] = [
  'package-too-large',
  'package-packed-too-densely',
  'archive-certificates-too-large',
];

async function look(file: Filed, hash: SortDeps['hash'], cost: ReadingCost): Promise<Known> {
  const kind = archiveKind(file.name);
  const one = { file, name: file.name.slice(0, MAX_NAME), kind, wrong: undefined };
  if (kind === 'aside') return { ...one, digested: undefined, seen: 'aside' };
  const kept: Uint8Array[] = [];
  try {
    const digested = await hash(keeping(file.unpack(), limitOf(kind), kept));
    return { ...one, digested, seen: seenIn(Buffer.concat(kept), kind, cost) };
  } catch (error) {
    if (!(error instanceof FormatError) || OF_ALL.includes(error.code)) throw error;
    return { ...one, digested: undefined, seen: 'doubtful', wrong: error };
  }
}

/** Bytes that it takes to see what it is; one more where it is too large for that. */
const limitOf = (kind: ArchiveKind): number =>
  kind === 'certificate' ? MAX_CERTIFICATE_BYTES + 1 : kind === 'pdf' ? MAX_PDF_BYTES + 1 : 0;

async function* keeping(
  stream: AsyncIterable<Uint8Array>,
  limit: number,
  kept: Uint8Array[],
): AsyncGenerator<Uint8Array> {
  let room = limit;
  for await (const piece of stream) {
    if (room > 0) kept.push(piece.subarray(0, room));
    room -= Math.min(room, piece.length);
    yield piece;
  }
}

function seenIn(bytes: Uint8Array, kind: ArchiveKind, cost: ReadingCost): Seen {
  if (kind === 'file') return 'evidence';
  if (kind === 'package') return 'doubtful';
  const certificate = certificateIn(bytes, kind);
  if (certificate !== undefined) {
    cost(costInBytes(certificate.length, kind === 'pdf' ? bytes.length : 0));
    return listOf(certificate) === undefined ? 'doubtful' : 'certificate';
  }
  if (kind === 'pdf' || !namesOurFormat(bytes)) return 'doubtful';
  cost(bytes.length);
  return liesBeside(bytes) ? 'aside' : 'doubtful';
}

/** What may be a certificate, not read yet; undefined where there is none to see. */
function certificateIn(bytes: Uint8Array, kind: ArchiveKind): Uint8Array | undefined {
  if (kind === 'certificate') return beginsAsCertificate(bytes) ? bytes : undefined;
  try {
    return openPdf(bytes).certificate;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** Digests that it lists; undefined where it is no certificate. */
function listOf(certificate: Uint8Array): readonly string[] | undefined {
  try {
    return (listedFiles(parseCertificate(certificate).entry) ?? []).map(({ sha256 }) => sha256);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** Which of the doubtful ones some certificate lists. Read again, so that no list of theirs is kept; seldom is there any to ask about. */
async function claimedOf(all: readonly Known[]): Promise<ReadonlySet<string>> {
  const asked = new Set(all.flatMap(({ seen, digested }) => (seen === 'doubtful' && digested?.sha256) || []));
  const claimed = new Set<string>();
  if (asked.size === 0) return claimed;
  for (const { file, kind, seen } of all) {
    if (seen !== 'certificate') continue;
    const certificate = certificateIn(await upTo(file.unpack(), limitOf(kind)), kind);
    const listed = (certificate && listOf(certificate)) ?? [];
    for (const digest of listed) if (asked.has(digest)) claimed.add(digest);
  }
  return claimed;
}

/** All that was hashed, by its SHA-256; remembers what certificates asked for. */
function createPool(all: readonly Known[]) {
  const known = new Map<string, GivenFile>();
  for (const { name, digested } of all)
    if (digested !== undefined && !known.has(digested.sha256))
      known.set(digested.sha256, { ...digested, name, basis: 'recomputed' });
  const taken = new Set<string>();
  return {
    of(digests: readonly string[]): readonly GivenFile[] {
      return [...new Set(digests)].flatMap((digest) => {
        const file = known.get(digest);
        if (file !== undefined) taken.add(digest);
        return file ?? [];
      });
    },
    isTaken: (digest: string): boolean => taken.has(digest),
  };
}

async function read(one: Known, pool: ReturnType<typeof createPool>): Promise<Given> {
  if (one.wrong !== undefined) throw one.wrong;
  if (one.kind === 'package') throw new ItemRefused('package-within');
  const bytes = await upTo(one.file.unpack(), limitOf(one.kind));
  const pdf = one.kind === 'pdf' ? openPdf(bytes) : undefined;
  const certificate = pdf?.certificate ?? bytes;
  const files = one.seen === 'certificate' ? pool.of(listOf(certificate) ?? []) : [];
  return { certificate, pdf, files };
}
