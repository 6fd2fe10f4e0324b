import { toHex } from '../core/read/bytes.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { journalEntry } from '../journal/entry.ts';
import type { Clock } from '../ports/clock.ts';
import type { BulkOutcome, EvidenceStore, IdempotencyClaim } from '../ports/store.ts';
import type { ClockWord } from '../ports/time.ts';
import { type Contents, type Depositor, type EvidenceGiven, writeManifest } from './manifest.ts';
import { requireStatement } from './statement.ts';

export interface DepositDeps {
  readonly store: EvidenceStore;
  readonly clock: Clock;
  /** How far the clock can be believed that was just read as `wallMs`. A doubt is written down and stops nothing. */
  readonly clockWord: (wallMs: number) => ClockWord;
  /** of depositors, where they sign */
  readonly signatures: SignatureVerifier;
  /** the service's name as manifests carry it */
  readonly service: string;
}

export interface Receipt {
  readonly id: string;
  readonly leafHash: string;
  /** RFC 8785 bytes */
  readonly manifest: Uint8Array;
  readonly replayed: boolean;
}

/**
 * Durable when it resolves; undefined where the idempotency key was used for another request. Throws StatementRefused
 * where the depositor's own signature is not over this.
 */
export async function deposit(
  deps: DepositDeps,
  depositor: Depositor,
  given: EvidenceGiven,
  contents: Contents,
  claim: IdempotencyClaim | undefined,
): Promise<Receipt | undefined> {
  const entry = makeEntry(deps, depositor, given, contents);
  if (given.statement !== undefined) await requireStatement(entry.entry, deps.clock.nowMs(), deps.signatures);
  const outcome = await deps.store.deposit(entry, claim);
  if (outcome.outcome === 'key-reused') return undefined;
  if (outcome.outcome === 'stored')
    return { id: entry.id, leafHash: entry.leafHash, manifest: entry.bytes, replayed: false };
  const { id, leaf, entry: text } = outcome.stored;
  return { id, leafHash: toHex(leaf), manifest: Buffer.from(text, 'utf8'), replayed: true };
}

export interface BulkRecord {
  readonly given: EvidenceGiven;
  readonly contents: Contents;
}

/**
 * All records in one transaction, in order; of each nothing but id and leaf hash is kept when the next is asked for.
 * `note` is what the caller needs to give the same answer again.
 */
export async function depositMany(
  deps: DepositDeps,
  depositor: Depositor,
  records: Iterable<BulkRecord>,
  claim: (IdempotencyClaim & { readonly note: string }) | undefined,
): Promise<BulkOutcome & { readonly made: readonly { id: string; leafHash: string }[] }> {
  const made: { id: string; leafHash: string }[] = [];
  function* entries() {
    for (const { given, contents } of records) {
      const entry = makeEntry(deps, depositor, given, contents);
      made.push({ id: entry.id, leafHash: entry.leafHash });
      yield entry;
    }
  }
  const nowMs = deps.clock.nowMs();
  const outcome = await deps.store.depositMany(depositor.id, entries(), claim && { ...claim, nowMs });
  if (outcome.outcome !== 'replayed') return { ...outcome, made };
  const earlier = outcome.entries.map(({ id, leaf }) => ({ id, leafHash: toHex(leaf) }));
  return { ...outcome, made: earlier };
}

function makeEntry(
  { clock, clockWord, service }: DepositDeps,
  depositor: Depositor,
  given: EvidenceGiven,
  contents: Contents,
) {
  const receivedMs = clock.nowMs();
  const { id, text } = writeManifest(service, depositor, given, contents, receivedMs, clockWord(receivedMs));
  return journalEntry({
    id,
    organization: depositor.id,
    receivedMs,
    entry: text,
    fileDigests: contents.files.map((file) => file.sha256),
  });
}
