import { createHash } from 'node:crypto';
import { buildCertificate } from '../core/certificate/build.ts';
import { utf8 } from '../core/read/bytes.ts';
import { type JsonObject, parseJson } from '../core/read/json.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { verifyCertificate } from '../core/verify/verify.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Clock } from '../ports/clock.ts';
import type { Issuer } from '../ports/issuer.ts';
import type {
  Anchor,
  AnchorStore,
  BatchStore,
  BatchTokenStore,
  CertificateStore,
  StoredCertificate,
  StoredEntry,
} from '../ports/store.ts';
import { inclusionHashes } from './proof.ts';
import { rootTokenObjects } from './root-tokens.ts';
import { type ChainOf, type EntryStamp, type StampReads, stampOfEntry, tokenObject } from './stamps.ts';

export interface CertificateDeps {
  readonly store: BatchStore &
    AnchorStore &
    CertificateStore &
    StampReads &
    Pick<BatchTokenStore, 'batchTokens' | 'tokenEvidence'>;
  readonly chainOf: ChainOf;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly issuer: Issuer;
  readonly signatures: SignatureVerifier;
  /** what the issuer states besides: name and value pairs, for each anchor's chain too */
  readonly stated: (batch: number, anchors: readonly Anchor[]) => readonly { name: string; value: string }[];
}

/**
 * The certificate of an entry, in its newest revision: made when it is first asked for after its anchor became final,
 * and made anew where an anchor or a token has come or gone since. Undefined while no anchor is final.
 */
export async function certificateOf(
  deps: CertificateDeps,
  entry: StoredEntry,
): Promise<StoredCertificate | undefined> {
  const place = await deps.store.placeOf(entry.sequence);
  if (place === undefined) return undefined;
  const anchors = (await deps.store.anchorsOfBatch(place.batch.number)).filter(
    (anchor) => anchor.state === 'final',
  );
  if (anchors.length === 0) return undefined;
  const newest = await deps.store.certificate(entry.sequence);
  const stamp = await stampOfEntry(deps.store, deps.chainOf, entry);
  const outside = await deps.store.batchTokens(place.batch.number);
  const stamps = stamp === undefined ? [] : [stamp];
  const evidence = [...anchors.map(evidenceOf), ...[...stamps, ...outside].map(tokenKey)];
  if (newest !== undefined && sameAnchors(newest.anchorKeys, evidence)) return newest;
  const issuedMs = deps.clock.nowMs();
  const { year, serial } = await deps.store.certificateSerial(
    entry.sequence,
    new Date(issuedMs).getUTCFullYear(),
  );
  const revision = (newest?.revision ?? 0) + 1;
  const bytes = await buildCertificate(
    {
      year,
      serial,
      revision,
      issuedAt: new Date(issuedMs).toISOString(),
      entry: parseJson(utf8(entry.entry)) as JsonObject,
      inclusion: [
        {
          type: 'batch',
          index: place.index,
          size: place.batch.size,
          hashes: await inclusionHashes(deps.blobs, place.batch, place.index),
        },
      ],
      anchors: anchors.map((anchor) => ({ ...anchor.proof! }) as unknown as JsonObject),
      tokens: [...stamps.map(tokenObject), ...(await rootTokenObjects(deps.store, outside))],
      stated: deps.stated(place.batch.number, anchors),
    },
    deps.issuer.x5c,
    deps.issuer.sign,
  );
  await refuseUnsound(bytes, deps.signatures);
  return deps.store.keepCertificate({
    sequence: entry.sequence,
    revision,
    issuedMs,
    anchorKeys: evidence,
    bytes,
  });
}

/** What makes an anchor another one: the block in which it stands. */
const evidenceOf = (anchor: Anchor): string => `${anchor.log.chainId}:${anchor.blockHash}`;

/** A token that came later makes a new revision. */
const tokenKey = ({ token }: Pick<EntryStamp, 'token'>): string => `token:${sha256Hex(token)}`;

const sha256Hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const sameAnchors = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((key) => b.includes(key));

/** No certificate leaves that a checker would refuse, whatever went wrong before: a disk, a node, or this program. */
export async function refuseUnsound(certificate: Uint8Array, signatures: SignatureVerifier): Promise<void> {
  const report = await verifyCertificate({
    certificate,
    files: [],
    trust: undefined,
    blocks: [],
    signatures,
  });
  const failed = report.checks.filter((check) => check.status === 'failed');
  if (failed.length > 0)
    throw new Error(
      `a certificate failed its own check: ${failed.map(({ id, at, reason }) => `${id} ${at ?? ''} ${reason.code} ${JSON.stringify(reason.detail)}`).join(', ')}`,
    );
}
