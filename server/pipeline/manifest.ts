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
  /** The depositor's own signature over all of it. */
  readonly statement?: {
    readonly format: string;
    readonly publicKey: string;
    readonly signature: string;
    readonly signedAt: string;
  };
}

export interface Depositor {
  readonly id: string;
  readonly name: string;
  readonly uscc: string | undefined;
}

/** What the evidence is: files, or the root of the tree over those of a folder, which the service never sees. */
export interface Contents {
  readonly files: readonly ManifestFile[];
  readonly folder: Manifest['folder'];
}

/**
 * A kezheng-manifest/1 as RFC 8785 text, written out by hand: members in sorted order, absent ones null, strings as
 * JSON.stringify escapes them, which is what the RFC asks. It is made for every deposit, and this takes a third of the
 * time of building an object first; a property test compares it with core's canonicalize. Strings must be well-formed:
 * the edge has refused lone surrogates. An upload from outside is never graded higher than unverified.
 */
export function writeManifest(
  service: string,
  depositor: Depositor,
  given: EvidenceGiven,
  { files, folder }: Contents,
  nowMs: number,
  clock: Manifest['clock'],
): { readonly id: string; readonly text: string } {
  const id = newId(nowMs);
  const text =
    `{"clock":"${clock}","depositor":${depositorText(depositor)},"evidence":${evidenceText(given)}` +
    `,"files":[${files.map(fileText).join(',')}],"folder":${folder ? folderText(folder) : 'null'},"format":"${MANIFEST_FORMAT}","id":"${id}"` +
    `,"receivedAt":"${new Date(nowMs).toISOString()}","salt":"${randomBytesHex(16)}"` +
    `,"service":${quoted(service)},"statement":${given.statement ? statementText(given.statement) : 'null'}}`;
  return { id, text };
}

/** What a manifest says of evidence that was given so. */
export const describedEvidence = (given: EvidenceGiven): EvidenceDescription =>
  JSON.parse(evidenceText(given)) as EvidenceDescription;

const quoted = (text: string): string => JSON.stringify(text);
const optional = (text: string | null | undefined): string => (text == null ? 'null' : quoted(text));

const depositorText = ({ id, name, uscc }: Depositor): string =>
  `{"id":"${id}","name":${quoted(name)},"uscc":${optional(uscc)}}`;

const evidenceText = (given: EvidenceGiven): string =>
  `{"accused":${given.accused ? accusedText(given.accused) : 'null'},"capturedBy":${optional(given.capturedBy)}` +
  `,"capturedFrom":${optional(given.capturedFrom)},"capturedTo":${optional(given.capturedTo)}` +
  `,"category":${optional(given.category)},"confidentiality":"${given.confidentiality ?? 'none'}"` +
  `,"corroborations":[${(given.corroborations ?? []).map(corroborationText).join(',')}]` +
  `,"description":${optional(given.description)},"origin":${originText(given.origin ?? {})}` +
  `,"right":${given.right ? rightText(given.right) : 'null'},"title":${quoted(given.title)}}`;

const accusedText = ({ name, shop, url, uscc }: NonNullable<EvidenceGiven['accused']>): string =>
  `{"name":${optional(name)},"shop":${optional(shop)},"url":${optional(url)},"uscc":${optional(uscc)}}`;

const corroborationText = ({ kind, reference }: { kind: string; reference: string }): string =>
  `{"kind":${quoted(kind)},"reference":${quoted(reference)}}`;

const originText = (origin: NonNullable<EvidenceGiven['origin']>): string =>
  `{"environment":${optional(origin.environment)},"grade":"unverified-upload","method":${optional(origin.method)}` +
  `,"place":${optional(origin.place)},"source":${optional(origin.source)}` +
  `,"statement":${optional(origin.statement)},"tool":${optional(origin.tool)}}`;

const statementText = ({
  format,
  publicKey,
  signature,
  signedAt,
}: NonNullable<EvidenceGiven['statement']>): string =>
  `{"format":${quoted(format)},"publicKey":${quoted(publicKey)},"signature":${quoted(signature)}` +
  `,"signedAt":${quoted(signedAt)}}`;

const rightText = ({ holder, number, type }: NonNullable<EvidenceGiven['right']>): string =>
  `{"holder":${optional(holder)},"number":${optional(number)},"type":${quoted(type)}}`;

const fileText = (file: ManifestFile): string =>
  `{"digests":"${file.digests}","mediaType":${optional(file.mediaType)},"name":${quoted(file.name)}` +
  `,"role":"${file.role}","sha256":"${file.sha256}","size":${file.size},"sm3":${optional(file.sm3)}}`;

const folderText = ({ root, size }: NonNullable<Manifest['folder']>): string =>
  `{"root":"${root}","size":${size}}`;

/** A file whose digests we were told. */
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

/** A file that we hashed. */
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
