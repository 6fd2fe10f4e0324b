import type { Manifest } from '../core/entry/manifest.ts';
import { toHex } from '../core/read/bytes.ts';
import type { Clock } from '../ports/clock.ts';
import type {
  Anchor,
  AnchorStore,
  Batch,
  BatchStore,
  EntryState,
  EvidenceStore,
  FixityResult,
  FixityStore,
  StoredEntry,
} from '../ports/store.ts';
import type { Expectation } from './expectation.ts';
import { storedFilesOf } from './fixity.ts';

export interface StatusDeps {
  readonly store: EvidenceStore & BatchStore & AnchorStore & FixityStore;
  readonly clock: Clock;
  readonly expectation: Expectation;
}

/** Where a deposit stands, as people and programs read it. Times are ISO 8601, UTC. */
export interface EvidenceStatus {
  readonly id: string;
  readonly state: EntryState;
  readonly receivedAt: string;
  readonly leafHash: string;
  /** parsed */
  readonly manifest: unknown;
  /** in the order of the manifest */
  readonly files: readonly FileStatus[];
  readonly batch: {
    readonly number: number;
    readonly index: number;
    readonly size: number;
    readonly root: string;
  } | null;
  readonly anchoring: { readonly confirmations: number; readonly required: number } | null;
  readonly anchors: readonly AnchorStatus[];
  /** when a certificate can be expected; null once it is there */
  readonly expectedAt: string | null;
}

export interface FileStatus {
  readonly name: string;
  readonly sha256: string;
  /** The last time that the stored bytes were hashed again; null where they were not yet, or none are stored. */
  readonly fixity: { readonly checkedAt: string; readonly result: FixityResult } | null;
}

export interface AnchorStatus {
  readonly chainId: number;
  readonly contract: string;
  readonly operator: string;
  readonly index: number;
  readonly state: Anchor['state'];
  readonly transactionHash: string | null;
  readonly blockNumber: number | null;
  readonly blockHash: string | null;
  readonly blockTime: string | null;
  readonly confirmations: number;
  readonly required: number;
  readonly finalAt: string | null;
}

/** The furthest that any of its anchors has come. */
export function stateOfAnchors(anchors: readonly Anchor[]): EntryState {
  if (anchors.some((anchor) => anchor.state === 'final')) return 'anchored';
  return anchors.some((anchor) => anchor.state === 'mined') ? 'anchoring' : 'batched';
}

export async function stateOf(deps: StatusDeps, organization: string, id: string): Promise<EntryState> {
  const entry = await deps.store.evidence(organization, id);
  const place = entry && (await deps.store.placeOf(entry.sequence));
  return place === undefined
    ? 'received'
    : stateOfAnchors(await deps.store.anchorsOfBatch(place.batch.number));
}

/** Undefined where there is none, or where it belongs to another organization: the two look the same. */
export async function evidenceStatus(
  deps: StatusDeps,
  organization: string,
  id: string,
): Promise<EvidenceStatus | undefined> {
  const entry = await deps.store.evidence(organization, id);
  return entry && statusOf(deps, entry);
}

export async function statusOf(deps: StatusDeps, entry: StoredEntry): Promise<EvidenceStatus> {
  const place = await deps.store.placeOf(entry.sequence);
  const anchors = place === undefined ? [] : await deps.store.anchorsOfBatch(place.batch.number);
  const state = place === undefined ? 'received' : stateOfAnchors(anchors);
  const deepest = anchors.filter((anchor) => anchor.state === 'mined').at(-1);
  const manifest = JSON.parse(entry.entry) as Manifest;
  return {
    id: entry.id,
    state,
    receivedAt: new Date(entry.receivedMs).toISOString(),
    leafHash: toHex(entry.leaf),
    manifest,
    files: await filesOf(deps.store, manifest),
    batch: place === undefined ? null : batchPlace(place.batch, place.index),
    anchoring:
      state === 'anchoring' && deepest
        ? { confirmations: deepest.confirmations, required: deepest.required }
        : null,
    anchors: anchors.map(anchorStatus),
    expectedAt: state === 'anchored' ? null : expectedAt(deps, entry, place?.batch),
  };
}

export async function filesOf(store: FixityStore, manifest: Manifest): Promise<FileStatus[]> {
  const stored = storedFilesOf(manifest).map((file) => file.sha256);
  const checks = new Map((await store.fixityOf(stored)).map((check) => [check?.sha256, check]));
  return manifest.files.map(({ name, sha256, digests }) => {
    const check = digests === 'computed' ? checks.get(sha256) : undefined;
    const fixity = check && { checkedAt: new Date(check.checkedMs).toISOString(), result: check.result };
    return { name, sha256, fixity: fixity ?? null };
  });
}

const batchPlace = ({ number, size, root }: Batch, index: number) => ({ number, index, size, root });

function expectedAt(
  { expectation, clock }: StatusDeps,
  entry: StoredEntry,
  batch: Batch | undefined,
): string {
  const ms = expectation.certificateMs(entry.receivedMs, batch?.sealedMs, clock.nowMs());
  return new Date(ms).toISOString();
}

export function anchorStatus(anchor: Anchor): AnchorStatus {
  const { chainId, contract, operator } = anchor.log;
  const { index, state, confirmations, required } = anchor;
  return {
    chainId,
    contract,
    operator,
    index,
    state,
    transactionHash: anchor.transactionHash ?? null,
    blockNumber: anchor.blockNumber ?? null,
    blockHash: anchor.blockHash ?? null,
    blockTime: anchor.blockTime === undefined ? null : new Date(anchor.blockTime * 1000).toISOString(),
    confirmations,
    required,
    finalAt: anchor.finalMs === undefined ? null : new Date(anchor.finalMs).toISOString(),
  };
}
