import { EVENT_FORMAT, type EventEntry, parseEvent } from '../entry/event.ts';
import { FILE_FORMAT, type FileEntry, fileEntry } from '../entry/file-entry.ts';
import { MANIFEST_FORMAT, type Manifest, manifest } from '../entry/manifest.ts';
import { utf8 } from '../read/bytes.ts';
import type { Field } from '../read/fields.ts';
import { anyObject, hexBytes, instant, list, members, oneOf, text, uint } from '../read/fields.ts';
import { canonicalize, type Json, type JsonObject, parseCanonical } from '../read/json.ts';
import { type SignatureMember, signatureMember } from '../read/jws.ts';
import { attempt, FormatError, type Reason } from '../reason.ts';
import { certificateNumberField } from './number.ts';
import { short, type TreePath, treePath } from './path.ts';
import { type Token, token, typeName } from './tokens.ts';

export type { TreePath } from './path.ts';

/*
 * kezheng-certificate/1, FORMAT.md. Parsing checks everything that can be said of the text alone; whether it is true
 * is the business of verify/.
 */

export const CERTIFICATE_FORMAT = 'kezheng-certificate/1';

/** A certificate of 100 files with the longest names stays below 300 KB; anything larger is not worth parsing. */
export const MAX_CERTIFICATE_BYTES = 1024 * 1024;

/** Each anchor costs a check of a signature; nobody anchors one entry on more chains than this. */
const MAX_ANCHORS = 8;

/** An entry whose format this checker does not know keeps its leaf, but says nothing. */
export interface UnknownEntry {
  readonly format: 'unknown';
  readonly name: string;
  /** why it cannot be read although its format is known */
  readonly refused?: Reason;
}

export type Entry = Manifest | FileEntry | EventEntry | UnknownEntry;

/** The first step of a file in a folder: its tree's root stands in the manifest, which is the entry of the next step. */
export interface FolderPath extends TreePath {
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
}

export interface Inclusion {
  readonly folder: FolderPath | undefined;
  readonly batch: TreePath;
}

/** `ethereum-header/1`, decoded from hex but not yet looked into. */
export interface HeaderAnchor {
  readonly type: 'ethereum-header/1';
  readonly header: Uint8Array;
  readonly transactionIndex: number;
  readonly transaction: Uint8Array;
  readonly transactionProof: readonly Uint8Array[];
  readonly receipt: Uint8Array;
  readonly receiptProof: readonly Uint8Array[];
  readonly logPosition: number;
}

export type Anchor = HeaderAnchor | { readonly type: 'unknown'; readonly name: string };

export interface Certificate {
  readonly format: typeof CERTIFICATE_FORMAT;
  readonly number: string;
  readonly revision: number;
  readonly issuedAt: string;
  readonly entry: Entry;
  /** RFC 8785 bytes of the entry: what the leaf is the hash of */
  readonly entryBytes: Uint8Array;
  readonly inclusion: Inclusion;
  readonly anchors: readonly Anchor[];
  readonly tokens: readonly Token[];
  readonly stated: readonly { readonly name: string; readonly value: string }[];
  readonly signature: SignatureMember;
  /** what the signature is over: the RFC 8785 bytes of the certificate without its member `signature` */
  readonly signedBytes: Uint8Array;
}

const ENTRY_FORMAT = /^kezheng-[a-z]{1,32}\/[1-9][0-9]{0,3}$/;

/** The format is looked at before any other member: a document of another kind is never read as this one. */
const entry: Field<Entry> = (value, at) => {
  const object = anyObject(value, at);
  if (!('format' in object)) throw new FormatError('field-missing', { at: `${at}.format` });
  const format = text(object['format']!, `${at}.format`);
  if (format === MANIFEST_FORMAT) return manifest(value, at);
  if (format === FILE_FORMAT) return fileEntry(value, at);
  if (format === EVENT_FORMAT) return event(object);
  if (!ENTRY_FORMAT.test(format))
    throw new FormatError('field-value-wrong', { at: `${at}.format`, expected: 'kezheng-NAME/N' });
  return { format: 'unknown', name: format };
};

/** To FORMAT.md it is an open object: a certificate stays readable where it is not as EVENTS.md says, and says nothing. */
function event(object: JsonObject): EventEntry | UnknownEntry {
  const read = attempt(() => parseEvent(utf8(canonicalize(object))));
  return read instanceof FormatError ? { format: 'unknown', name: EVENT_FORMAT, refused: read } : read;
}

const STEP_MEMBERS = ['hashes', 'index', 'size', 'type'] as const;

const batchStep: Field<TreePath> = (value, at) => {
  const get = members(value, at, STEP_MEMBERS);
  get('type', oneOf('batch'));
  return treePath(get);
};

const folderStep: Field<FolderPath> = (value, at) => {
  const get = members(value, at, [...STEP_MEMBERS, 'manifest']);
  get('type', oneOf('folder'));
  return {
    ...treePath(get),
    manifest: get('manifest', manifest),
    manifestBytes: get('manifest', canonicalBytes),
  };
};

const canonicalBytes: Field<Uint8Array> = (value) => utf8(canonicalize(value));

/** Innermost first: a file of a folder passes through the folder's tree, then everything through a batch's. */
const inclusion: Field<Inclusion> = (value, at) => {
  const steps = list((step) => step)(value, at);
  const [first, second] = steps;
  if (steps.length === 1) return { folder: undefined, batch: batchStep(first!, `${at}[0]`) };
  if (steps.length === 2)
    return { folder: folderStep(first!, `${at}[0]`), batch: batchStep(second!, `${at}[1]`) };
  throw new FormatError('field-value-wrong', { at, expected: '[batch] | [folder, batch]' });
};

/** An anchor of type `ethereum-header/1`, as a certificate and a store have it. */
export const headerAnchor: Field<HeaderAnchor> = (value, at) => {
  const get = members(value, at, [
    'header',
    'logPosition',
    'receipt',
    'receiptProof',
    'transaction',
    'transactionIndex',
    'transactionProof',
    'type',
  ]);
  return {
    type: get('type', oneOf('ethereum-header/1')),
    header: get('header', hexBytes),
    logPosition: get('logPosition', uint),
    receipt: get('receipt', hexBytes),
    receiptProof: get('receiptProof', short(list(hexBytes))),
    transaction: get('transaction', hexBytes),
    transactionIndex: get('transactionIndex', uint),
    transactionProof: get('transactionProof', short(list(hexBytes))),
  };
};

const anchor: Field<Anchor> = (value, at) => {
  const name = typeName(value, at);
  return name === 'ethereum-header/1' ? headerAnchor(value, at) : { type: 'unknown', name };
};

const stated: Field<{ name: string; value: string }> = (value, at) => {
  const get = members(value, at, ['name', 'value']);
  return { name: get('name', text), value: get('value', text) };
};

const revision: Field<number> = (value, at) => {
  const number = uint(value, at);
  if (number < 1) throw new FormatError('field-value-wrong', { at, expected: '>= 1' });
  return number;
};

/**
 * What the signature is over. A file's certificate is its folder's with the file and its way put in: the issuer signs
 * nothing about single files, and whoever has the folder's tree can cut them out.
 */
export function bytesToSign(document: JsonObject): Uint8Array {
  const { signature: _, ...unsigned } = document;
  return utf8(canonicalize(withoutFile(unsigned)));
}

function withoutFile(document: JsonObject): JsonObject {
  if ((document['entry'] as JsonObject)['format'] !== FILE_FORMAT) return document;
  const [folder, ...outer] = document['inclusion'] as readonly JsonObject[];
  return { ...document, entry: folder?.['manifest'] ?? null, inclusion: outer };
}

/** Throws FormatError with the place and the rule that was broken. */
export function parseCertificate(bytes: Uint8Array): Certificate {
  if (bytes.length > MAX_CERTIFICATE_BYTES)
    throw new FormatError('certificate-too-large', { limit: MAX_CERTIFICATE_BYTES, actual: bytes.length });
  const document: Json = parseCanonical(bytes);
  const at = 'certificate';
  const format = oneOf(CERTIFICATE_FORMAT)(anyObject(document, at)['format'] ?? null, `${at}.format`);
  const get = members(document, at, [
    'anchors',
    'entry',
    'format',
    'inclusion',
    'issuedAt',
    'number',
    'revision',
    'signature',
    'stated',
    'tokens',
  ]);
  const parsed: Certificate = {
    format,
    number: get('number', certificateNumberField),
    revision: get('revision', revision),
    issuedAt: get('issuedAt', instant),
    entry: get('entry', entry),
    entryBytes: get('entry', canonicalBytes),
    inclusion: get('inclusion', inclusion),
    anchors: get('anchors', short(list(anchor), MAX_ANCHORS)),
    tokens: get('tokens', short(list(token))),
    stated: get('stated', short(list(stated))),
    signature: get('signature', signatureMember),
    signedBytes: bytesToSign(document as JsonObject),
  };
  const inFolder = parsed.inclusion.folder !== undefined;
  if (inFolder !== (parsed.entry.format === FILE_FORMAT))
    throw new FormatError('field-value-wrong', {
      at: `${at}.inclusion`,
      expected: inFolder ? '[batch]' : '[folder, batch]',
    });
  return parsed;
}

/** The manifest that names who and when: the entry itself, or the one that holds the folder's root. */
export const manifestOf = ({ entry, inclusion }: Certificate): Manifest | undefined =>
  inclusion.folder?.manifest ?? (entry.format === MANIFEST_FORMAT ? (entry as Manifest) : undefined);
