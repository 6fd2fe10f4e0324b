import { parseCertificate } from '../core/certificate/certificate.ts';
import type { Manifest, ManifestFile } from '../core/entry/manifest.ts';
import { otsProof } from '../core/ots/proof.ts';
import { utf8 } from '../core/read/bytes.ts';
import { FormatError } from '../core/reason.ts';
import { blocksToCompare } from '../core/verify/verify.ts';
import { safeNames } from '../documents/package/names.ts';
import { type ReadmeInput, readme } from '../documents/package/readme.ts';
import { type PackageItem, zipOf } from '../documents/package/zip.ts';
import { bothLanguages } from '../messages/sentence.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { FixityStore, StoredCertificate, StoredEntry } from '../ports/store.ts';
import { type PaperDeps, paperOf } from './paper.ts';
import { stampedOf } from './stamped.ts';

/*
 * Everything that it takes to check one deposit with other people's tools, in one file.
 */

export interface PackageDeps {
  readonly store: FixityStore;
  readonly blobs: Blobs;
  readonly paper: PaperDeps;
  /** kezheng-trust/1 of this service, its own word; undefined until it has seen its chain once */
  readonly trustText: () => string | undefined;
}

export interface Wanted {
  readonly originals: boolean;
  /** told of a stored file that is missing or damaged: the loss is ours */
  readonly onLost: (sha256: string) => void;
}

/** Undefined while the service does not know its chain: as for the paper. */
export async function packageOf(
  deps: PackageDeps,
  entry: StoredEntry,
  batch: number,
  stored: StoredCertificate,
  wanted: Wanted,
) {
  const paper = await paperOf(deps.paper, batch, stored);
  const trust = deps.trustText();
  if (paper === undefined || trust === undefined) return undefined;
  const certificate = parseCertificate(stored.bytes);
  const manifest = JSON.parse(entry.entry) as Manifest;
  const names = safeNames(manifest.files.map(({ name }) => name));
  const originals = await originalsOf(deps, manifest, names, wanted);
  const stamps = await Promise.all(
    certificate.tokens.flatMap((token, i) =>
      token.type === 'unknown' ? [] : [stampedOf(deps.paper, certificate, token, i)],
    ),
  );
  const proofs = proofsOf(certificate, manifest, names);
  const { publicUrl, checker } = deps.paper;
  const text = readme({
    number: paper.number,
    revision: certificate.revision,
    id: entry.id,
    testChain: paper.testChain,
    isFolder: manifest.folder !== null,
    originals: originals.kept.map(({ name, file }) => ({ path: name, sha256: file.sha256, sm3: file.sm3 })),
    leftOut: [...originals.leftOut, ...proofs.leftOut],
    tokens: stamps.map(({ about }) => about),
    blocks: blocksToCompare(stored.bytes),
    hasOts: proofs.items.length > 0,
    publicUrl,
    page: checker,
  });
  const items: PackageItem[] = [
    { name: 'README.txt', bytes: utf8(text) },
    { name: 'certificate.json', bytes: stored.bytes },
    { name: 'certificate.pdf', bytes: paper.bytes },
    { name: 'manifest.json', bytes: utf8(entry.entry) },
    { name: 'trust.json', bytes: utf8(trust) },
    ...stamps.flatMap((stamp) => stamp.items),
    ...proofs.items,
    ...originals.kept.map(({ name, file: { sha256, size } }) => ({
      name,
      size,
      open: () => deps.blobs.stream('files', sha256, 0, size),
    })),
  ];
  return { number: paper.number, stream: zipOf(items, Date.parse(certificate.issuedAt)) };
}

type LeftOut = ReadmeInput['leftOut'][number];

interface Kept {
  /** its path in the package */
  readonly name: string;
  readonly file: ManifestFile;
}

/** Looked for before anything is sent: what is missing is said, and not noticed half-way. */
async function originalsOf(
  { store, blobs }: PackageDeps,
  { files, folder }: Manifest,
  names: readonly string[],
  wanted: Wanted,
): Promise<{ readonly kept: readonly Kept[]; readonly leftOut: readonly LeftOut[] }> {
  const [checks, sizes] = await Promise.all([
    store.fixityOf(files.map(({ sha256 }) => sha256)),
    Promise.all(files.map(({ digests, sha256 }) => digests === 'computed' && blobs.size('files', sha256))),
  ]);
  const kept: Kept[] = [];
  const leftOut: LeftOut[] =
    folder === null ? [] : [{ word: 'left-folder', values: { count: String(folder.size) } }];
  for (const [i, file] of files.entries()) {
    const isWhole = sizes[i] === file.size && checks[i]?.result !== 'damaged';
    const isLost = file.digests === 'computed' && !isWhole;
    if (isLost) wanted.onLost(file.sha256);
    const values = { name: file.name };
    if (file.digests !== 'computed') leftOut.push({ word: 'left-declared', values });
    else if (isLost) leftOut.push({ word: 'left-missing', values });
    else if (!wanted.originals) leftOut.push({ word: 'left-unasked', values });
    else kept.push({ name: `files/${names[i]}`, file });
  }
  return { kept, leftOut };
}

/** One for each file; a manifest that is too large for the form has none, and says so. */
function proofsOf(
  certificate: ReturnType<typeof parseCertificate>,
  { files }: Manifest,
  names: readonly string[],
): { readonly items: readonly PackageItem[]; readonly leftOut: readonly LeftOut[] } {
  const items: PackageItem[] = [];
  const leftOut: LeftOut[] = [];
  for (const [i, { name }] of files.entries()) {
    try {
      const { bytes, fileName } = otsProof(certificate, i);
      // `.ots`, or `.chain-N.ots` off Ethereum's main chain
      items.push({ name: `ots/${names[i]}${fileName.slice(name.length)}`, bytes });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      const { zh, en } = bothLanguages('reason', error.code, error.detail);
      leftOut.push({ word: 'left-ots', values: { name, zh, en } });
    }
  }
  return { items, leftOut };
}
