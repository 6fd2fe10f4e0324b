import { type DepositDeps, deposit } from '../../../pipeline/deposit.ts';
import { computedFile } from '../../../pipeline/manifest.ts';
import { discardFiles, keepFiles, receiveFile } from '../../../pipeline/receive.ts';
import type { Blobs } from '../../../ports/blobs.ts';
import type { IdentityStore } from '../../../ports/identity.ts';
import type { EvidenceStore } from '../../../ports/store.ts';
import type { Digests } from '../../../ports/work.ts';
import { holds } from './examine.ts';

/* A signed deed becomes evidence of the office itself, as anything else that it deposits. */

export interface DeedDepositDeps extends DepositDeps {
  readonly store: EvidenceStore & Pick<IdentityStore, 'organization'>;
  readonly blobs: Blobs;
  readonly digests: Digests;
}

export interface SignedFile {
  readonly number: string;
  /** hex */
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** Id of the deposit that holds it: the one that is there, or a new one. Durable when it resolves. */
export async function depositDeed(deps: DeedDepositDeps, office: string, file: SignedFile): Promise<string> {
  return (await depositedAs(deps, office, file.sha256)) ?? depositAnew(deps, office, file);
}

/** Whatever was answered then: a crash may have taken the answer. */
async function depositedAs({ store }: DeedDepositDeps, office: string, sha256: string) {
  for (let after: string | undefined; ; ) {
    const { items, next } = await store.listEvidence(
      office,
      { sha256 },
      { limit: 100, ...(after !== undefined && { after }) },
    );
    const found = items.find((entry) => holds(entry, sha256));
    if (found !== undefined || next === undefined) return found?.id;
    after = next;
  }
}

async function depositAnew(
  deps: DeedDepositDeps,
  office: string,
  { number, sha256, bytes }: SignedFile,
): Promise<string> {
  const depositor = (await deps.store.organization(office))!;
  const file = {
    name: `公证书-${sha256.slice(0, 8)}.pdf`,
    mediaType: 'application/pdf',
    limit: bytes.length,
  };
  const received = await receiveFile(deps.blobs, deps.digests, once(bytes), file);
  try {
    await keepFiles([received]);
    const given = { title: `公证书 ${number}`, category: 'document' } as const;
    const contents = { files: [computedFile(received)], folder: null };
    // Of two that come at once to different instances, one makes it and the other gets the same one.
    const claim = { key: `kezheng-deed-${sha256}`, fingerprint: sha256.slice(0, 32) };
    const receipt =
      (await deposit(deps, depositor, given, contents, claim)) ??
      // Somebody of the office used this very key for something else.
      (await deposit(deps, depositor, given, contents, undefined));
    return receipt!.id;
  } finally {
    await discardFiles([received]);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
