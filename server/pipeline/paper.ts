import { parseCertificate } from '../core/certificate/certificate.ts';
import { sha256 } from '../core/hash/sha256.ts';
import { decodeBase64 } from '../core/read/base64.ts';
import { toHex } from '../core/read/bytes.ts';
import { type JsonObject, parseJson } from '../core/read/json.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import type { Trust } from '../core/verify/trust.ts';
import { verifyCertificate } from '../core/verify/verify.ts';
import { certificateContent } from '../documents/certificate-content.ts';
import { type CertificateInput, manifestOf, type ReadingsFact } from '../documents/input.ts';
import type { Attachment } from '../documents/pdf/embed.ts';
import type { PaperJob, Unsigned } from '../documents/pdf/program.ts';
import { sealed } from '../documents/pdf/seal.ts';
import type { Clock } from '../ports/clock.ts';
import type { DocumentSigner } from '../ports/document-signer.ts';
import type { Issuer } from '../ports/issuer.ts';
import type { Anchor, AnchorStore, FixityStore, StoredCertificate } from '../ports/store.ts';
import { refuseUnsound } from './certificate.ts';
import { filesOf } from './status.ts';

export interface PaperDeps {
  readonly store: FixityStore & AnchorStore;
  readonly clock: Clock;
  readonly issuer: Issuer;
  readonly signer: DocumentSigner;
  readonly signatures: SignatureVerifier;
  /** the service's own trust list; undefined until it has seen its chain once */
  readonly trust: () => Trust | undefined;
  readonly publicUrl: string;
  /** of a deposit by the operator's staff */
  readonly readings: (evidence: string) => Promise<ReadingsFact | undefined>;
  /** draws it, on another thread */
  readonly render: (job: PaperJob) => Promise<Unsigned>;
  /** SHA-256 of the checker that is handed out, hex */
  readonly checker?: string | undefined;
}

export interface Paper {
  readonly number: string;
  readonly bytes: Uint8Array;
  /** whether it says so across each page */
  readonly testChain: boolean;
}

/**
 * The certificate on paper: drawn from the certificate's own bytes, which go along inside, and signed. Made anew for
 * whoever asks; of one revision only the last check of the stored files, the readings by the operator's staff and the
 * signature differ. Undefined while the service does not know its chain: without that it could not say whether this is a
 * test chain.
 */
export async function paperOf(
  deps: PaperDeps,
  batch: number,
  stored: StoredCertificate,
): Promise<Paper | undefined> {
  const trust = deps.trust();
  if (trust === undefined) return undefined;
  const attachments = attachmentsOf(stored.bytes);
  const input = await inputFor(
    deps,
    trust,
    await deps.store.anchorsOfBatch(batch),
    stored.bytes,
    attachments,
  );
  const unsigned = await deps.render({
    content: certificateContent(input),
    attachments,
    cmsBytes: deps.signer.maxBytes,
    signedMs: deps.clock.nowMs(),
  });
  return {
    number: input.certificate.number,
    bytes: await sealed(unsigned, deps.signer.sign),
    testChain: input.testChain,
  };
}

async function inputFor(
  deps: PaperDeps,
  trust: Trust,
  anchors: readonly Anchor[],
  bytes: Uint8Array,
  attached: CertificateInput['attached'],
): Promise<CertificateInput> {
  // One that was altered in the database must not get the seal of the service.
  await refuseUnsound(bytes, deps.signatures);
  const certificate = parseCertificate(bytes);
  const { signatures, store, issuer, signer, checker } = deps;
  const blocks = anchors.flatMap(comparedBlock);
  const report = await verifyCertificate({ certificate: bytes, files: [], trust, blocks, signatures });
  const manifest = manifestOf(certificate);
  const files = manifest === undefined ? [] : await filesOf(store, manifest);
  return {
    certificate,
    facts: report.facts!,
    notProven: report.notProven,
    testChain: report.testChain,
    fixity: files.map(({ fixity }) => fixity),
    readings: manifest && (await deps.readings(manifest.id)),
    issuer: signerOf(issuer.name, issuer.x5c),
    seal: signerOf(signer.name, signer.certificates),
    checker,
    publicUrl: deps.publicUrl,
    attached,
  };
}

/** The node's word for the block when it became final: the paper says that whoever checks compares it again. */
function comparedBlock({ log, state, blockNumber, blockHash }: Anchor) {
  if (state !== 'final' || blockNumber === undefined || blockHash === undefined) return [];
  const { chainId, genesisHash } = log;
  return [{ source: 'issuer', chainId, genesisHash, number: blockNumber, hash: blockHash }];
}

const signerOf = (name: string, [certificate]: readonly Uint8Array[]): CertificateInput['seal'] => ({
  name,
  fingerprint: toHex(sha256(certificate!)),
});

/** The certificate itself, its manifest, and each token as a file that other people's tools take. */
export function attachmentsOf(bytes: Uint8Array): Attachment[] {
  const { number, entryBytes, inclusion } = parseCertificate(bytes);
  const tokens = (parseJson(bytes) as { tokens: readonly JsonObject[] }).tokens;
  return [
    { name: `certificate-${number}.json`, mediaType: 'application/json', kind: 'certificate', bytes },
    {
      name: 'manifest.json',
      mediaType: 'application/json',
      kind: 'manifest',
      bytes: inclusion.folder?.manifestBytes ?? entryBytes,
    },
    ...tokens.flatMap(({ token }, i): Attachment[] =>
      typeof token === 'string'
        ? [
            {
              name: `token-${i + 1}.tsr`,
              mediaType: 'application/vnd.etsi.timestamp-token',
              kind: 'token',
              bytes: decodeBase64(token),
            },
          ]
        : [],
    ),
  ];
}
