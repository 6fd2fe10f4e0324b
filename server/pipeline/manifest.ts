import {
  type EvidenceDescription,
  MANIFEST_FORMAT,
  type Manifest,
  type ManifestFile,
} from '../core/entry/manifest.ts';
import { newId, randomBytesHex } from '../journal/ids.ts';

/** What a depositor can say of evidence, already validated at the edge. Times are instants as the format has them. */
export interface EvidenceGiven {
  readonly title: string;
  readonly description?: string;
  readonly category?: NonNullable<EvidenceDescription['category']>;
  readonly capturedFrom?: string;
  readonly capturedTo?: string;
  readonly capturedBy?: string;
  readonly confidentiality?: EvidenceDescription['confidentiality'];
  readonly origin?: {
    readonly statement?: string;
    readonly source?: string;
    readonly method?: string;
    readonly tool?: string;
    readonly place?: string;
    readonly environment?: string;
  };
  readonly right?: { readonly type: string; readonly number?: string; readonly holder?: string };
  readonly accused?: {
    readonly name?: string;
    readonly uscc?: string;
    readonly shop?: string;
    readonly url?: string;
  };
  readonly corroborations?: readonly { readonly kind: string; readonly reference: string }[];
}

export interface Depositor {
  readonly id: string;
  readonly name: string;
  readonly uscc: string | undefined;
}

/**
 * A kezheng-manifest/1 and its RFC 8785 text. Members are written in the order of RFC 8785 (sorted names), so that
 * JSON.stringify, which keeps the order of creation and escapes as the RFC asks, gives the canonical text; a test
 * compares it with core's canonicalize. Strings must be well-formed: the edge has refused lone surrogates.
 */
export function writeManifest(
  service: string,
  depositor: Depositor,
  given: EvidenceGiven,
  files: readonly ManifestFile[],
  nowMs: number,
): { readonly id: string; readonly text: string } {
  const id = newId(nowMs);
  const manifest: Manifest = {
    clock: 'unchecked',
    depositor: { id: depositor.id, name: depositor.name, uscc: depositor.uscc ?? null },
    evidence: describe(given),
    files,
    folder: null,
    format: MANIFEST_FORMAT,
    id,
    receivedAt: new Date(nowMs).toISOString(),
    salt: randomBytesHex(16),
    service,
    statement: null,
  };
  return { id, text: JSON.stringify(manifest) };
}

/** Members in sorted order, absent ones null; an upload from outside is never graded higher than unverified. */
function describe(given: EvidenceGiven): EvidenceDescription {
  const { accused, origin, right } = given;
  return {
    accused: accused
      ? {
          name: accused.name ?? null,
          shop: accused.shop ?? null,
          url: accused.url ?? null,
          uscc: accused.uscc ?? null,
        }
      : null,
    capturedBy: given.capturedBy ?? null,
    capturedFrom: given.capturedFrom ?? null,
    capturedTo: given.capturedTo ?? null,
    category: given.category ?? null,
    confidentiality: given.confidentiality ?? 'none',
    corroborations: (given.corroborations ?? []).map(({ kind, reference }) => ({ kind, reference })),
    description: given.description ?? null,
    origin: {
      environment: origin?.environment ?? null,
      grade: 'unverified-upload',
      method: origin?.method ?? null,
      place: origin?.place ?? null,
      source: origin?.source ?? null,
      statement: origin?.statement ?? null,
      tool: origin?.tool ?? null,
    },
    right: right ? { holder: right.holder ?? null, number: right.number ?? null, type: right.type } : null,
    title: given.title,
  };
}

/** Members in sorted order, as writeManifest needs them. */
export const declaredFile = (file: {
  readonly name: string;
  readonly size: number;
  readonly mediaType?: string;
  readonly sha256: string;
  readonly sm3?: string;
}): ManifestFile => ({
  digests: 'declared',
  mediaType: file.mediaType ?? null,
  name: file.name,
  role: 'evidence',
  sha256: file.sha256,
  size: file.size,
  sm3: file.sm3 ?? null,
});

export const computedFile = (file: {
  readonly name: string;
  readonly size: number;
  readonly mediaType: string | undefined;
  readonly sha256: string;
  readonly sm3: string;
}): ManifestFile => ({
  digests: 'computed',
  mediaType: file.mediaType ?? null,
  name: file.name,
  role: 'evidence',
  sha256: file.sha256,
  size: file.size,
  sm3: file.sm3,
});
