import type { Manifest } from '../core/entry/manifest.ts';
import type { GivenFile } from '../core/verify/files.ts';
import type { Check, Verdict } from '../core/verify/report.ts';
import type { Trust } from '../core/verify/trust.ts';
import { verifyCertificate } from '../core/verify/verify.ts';
import { readBlocks } from '../pipeline/blocks.ts';
import { type CertificateDeps, certificateOf } from '../pipeline/certificate.ts';
import { blockLookUp } from '../pipeline/compare.ts';
import { storedFilesOf } from '../pipeline/fixity.ts';
import { BlobUnavailable } from '../ports/blobs.ts';
import type { Chain } from '../ports/chain.ts';
import type { EvidenceStore, StoredFile } from '../ports/store.ts';
import type { Digests } from '../ports/work.ts';

/*
 * An item of evidence looked at for a case: its certificate by the same check that everybody has, and every stored
 * file hashed again at this moment. What was found last week is not asked: a notary certifies what is there now.
 */

export interface EvidenceCheckDeps {
  readonly store: Pick<EvidenceStore, 'evidence'>;
  readonly certificates: CertificateDeps;
  readonly digests: Digests;
  readonly trust: () => Trust | undefined;
  readonly chain: () => Chain | undefined;
}

export interface EvidenceCheck {
  readonly evidence: string;
  /** undefined where there is none yet */
  readonly certificate: string | undefined;
  /** of the entry; undefined where the evidence is not there */
  readonly leaf: string | undefined;
  readonly verdict: Verdict | 'no-certificate' | 'not-there';
  readonly checks: readonly Check[];
  /** the earliest proven time, ISO 8601 */
  readonly provenAt: string | undefined;
  readonly files: readonly {
    readonly name: string;
    readonly size: number;
    readonly sha256: string;
    readonly sm3: string | null;
    /** `recomputed`: its stored bytes were read; `declared`: only digests were deposited */
    readonly looked: 'recomputed' | 'declared' | 'missing' | 'damaged';
  }[];
  readonly title: string | undefined;
  /** whether its chain is one for trying things out; undefined where no certificate was verified */
  readonly testChain?: boolean | undefined;
}

export async function checkEvidence(
  deps: EvidenceCheckDeps,
  organization: string,
  id: string,
): Promise<EvidenceCheck> {
  const none = { evidence: id, certificate: undefined, checks: [], provenAt: undefined, files: [] };
  const entry = await deps.store.evidence(organization, id);
  if (entry === undefined) return { ...none, leaf: undefined, verdict: 'not-there', title: undefined };
  const manifest = JSON.parse(entry.entry) as Manifest;
  const known = {
    leaf: Buffer.from(entry.leaf).toString('hex'),
    title: manifest.evidence.title,
  };
  const stored = await certificateOf(deps.certificates, entry);
  if (stored === undefined) return { ...none, ...known, verdict: 'no-certificate' };
  const given = await hashAgain(deps, manifest);
  const trust = deps.trust();
  const report = await verifyCertificate({
    certificate: stored.bytes,
    files: given.flatMap(({ file }) => file ?? []),
    trust,
    blocks: await blockLookUp(deps.chain(), trust)(stored.bytes),
    signatures: deps.certificates.signatures,
  });
  return {
    ...none,
    ...known,
    certificate: report.facts?.certificate.number,
    // A file that we took and cannot show whole is our loss, and the certificate alone does not show it.
    verdict: given.some(({ looked }) => looked === 'missing' || looked === 'damaged')
      ? 'invalid'
      : report.verdict,
    checks: report.checks,
    provenAt: report.facts?.counts?.at,
    testChain: report.testChain,
    files: manifest.files.map(({ name, size, sha256, sm3 }, i) => ({
      ...{ name, size, sha256, sm3 },
      looked: given[i]!.looked,
    })),
  };
}

interface Looked {
  readonly looked: EvidenceCheck['files'][number]['looked'];
  readonly file: GivenFile | undefined;
}

/** In the order of the manifest. A file that was only declared counts as its digests. */
async function hashAgain(deps: EvidenceCheckDeps, manifest: Manifest): Promise<Looked[]> {
  const stored = storedFilesOf(manifest);
  const found: Looked[] = [];
  for (const { name, sha256, sm3 } of manifest.files) {
    const ours = stored.find((one) => one.sha256 === sha256);
    if (ours === undefined)
      found.push({
        looked: 'declared',
        file: { name, sha256, ...(sm3 !== null && { sm3 }), basis: 'supplied' },
      });
    else found.push(await hashStored(deps, name, ours));
  }
  return found;
}

async function hashStored(deps: EvidenceCheckDeps, name: string, wanted: StoredFile): Promise<Looked> {
  const { blobs } = deps.certificates;
  const size = await blobs.size('files', wanted.sha256);
  if (size === undefined) return { looked: 'missing', file: undefined };
  const digest = deps.digests.begin();
  try {
    const stream = await blobs.stream('files', wanted.sha256, 0, size);
    await readBlocks(stream, size, (block) => digest.update(block));
    const { sha256, sm3, size: read } = await digest.finish();
    const isWhole = sha256 === wanted.sha256 && sm3 === wanted.sm3 && read === wanted.size;
    if (!isWhole) return { looked: 'damaged', file: undefined };
    return { looked: 'recomputed', file: { name, size: read, sha256, sm3, basis: 'recomputed' } };
  } catch (error) {
    digest.abandon();
    // A place that cannot be read now is no finding: whoever asked asks again.
    if (error instanceof BlobUnavailable) throw error;
    if ((await blobs.size('files', wanted.sha256)) === undefined)
      return { looked: 'missing', file: undefined };
    throw error;
  }
}

/** For whoever only wants to know what is possible: nothing is verified and no file is read. */
export async function glanceAtEvidence(
  deps: EvidenceCheckDeps,
  organization: string,
  id: string,
): Promise<EvidenceCheck> {
  const none = { evidence: id, checks: [], provenAt: undefined, certificate: undefined };
  const entry = await deps.store.evidence(organization, id);
  if (entry === undefined)
    return { ...none, leaf: undefined, verdict: 'not-there', files: [], title: undefined };
  const { evidence, files } = JSON.parse(entry.entry) as Manifest;
  const isCertified = (await certificateOf(deps.certificates, entry)) !== undefined;
  return {
    ...none,
    leaf: Buffer.from(entry.leaf).toString('hex'),
    title: evidence.title,
    verdict: isCertified ? 'valid' : 'no-certificate',
    files: files.map(({ name, size, sha256, sm3 }) => ({ name, size, sha256, sm3, looked: 'declared' })),
  };
}
