import type { Field } from '../read/fields.ts';
import {
  anyObject,
  hexText,
  instant,
  list,
  members,
  nullable,
  oneOf,
  text,
  uint,
  uuid,
} from '../read/fields.ts';
import type { JsonObject } from '../read/json.ts';
import { FormatError } from '../reason.ts';

/*
 * kezheng-manifest/1: what was deposited, by whom, when, and where it came from. FORMAT.md, «The manifest».
 */

export const MANIFEST_FORMAT = 'kezheng-manifest/1';

export const CATEGORIES = [
  'webpage',
  'screen-recording',
  'photo',
  'audio',
  'video',
  'document',
  'data',
  'other',
] as const;
export const GRADES = ['verified-capture', 'device-capture', 'unverified-upload'] as const;
export const ROLES = ['evidence', 'process-log', 'environment', 'cleanliness', 'derived'] as const;
export const CONFIDENTIALITY = ['none', 'internal', 'trade-secret'] as const;
/** Whether the service's own clock was watched against others when it wrote `receivedAt`. */
export const CLOCKS = ['unchecked', 'agreed', 'doubtful'] as const;
/** `computed`: the service saw the bytes and hashed them. `declared`: it was told the digests and saw no bytes. */
export const DIGEST_BASES = ['computed', 'declared'] as const;

export interface ManifestFile {
  readonly digests: (typeof DIGEST_BASES)[number];
  readonly mediaType: string | null;
  readonly name: string;
  readonly role: (typeof ROLES)[number];
  /** hex */
  readonly sha256: string;
  /** bytes */
  readonly size: number;
  /** hex; null only where declared without it */
  readonly sm3: string | null;
}

export interface Origin {
  readonly environment: string | null;
  readonly grade: (typeof GRADES)[number];
  readonly method: string | null;
  readonly place: string | null;
  readonly source: string | null;
  readonly statement: string | null;
  readonly tool: string | null;
}

export interface EvidenceDescription {
  readonly accused: {
    readonly name: string | null;
    readonly shop: string | null;
    readonly url: string | null;
    readonly uscc: string | null;
  } | null;
  readonly capturedBy: string | null;
  readonly capturedFrom: string | null;
  readonly capturedTo: string | null;
  readonly category: (typeof CATEGORIES)[number] | null;
  readonly confidentiality: (typeof CONFIDENTIALITY)[number];
  readonly corroborations: readonly { readonly kind: string; readonly reference: string }[];
  readonly description: string | null;
  readonly origin: Origin;
  readonly right: {
    readonly holder: string | null;
    readonly number: string | null;
    readonly type: string;
  } | null;
  readonly title: string;
}

export interface Manifest {
  readonly clock: (typeof CLOCKS)[number];
  readonly depositor: { readonly id: string; readonly name: string; readonly uscc: string | null };
  readonly evidence: EvidenceDescription;
  readonly files: readonly ManifestFile[];
  /** In place of files: the tree over the kezheng-file/1 entries of a folder. */
  readonly folder: { readonly root: string; readonly size: number } | null;
  readonly format: typeof MANIFEST_FORMAT;
  readonly id: string;
  readonly receivedAt: string;
  /** 16 random bytes, hex: without them nobody can guess an entry from its leaf */
  readonly salt: string;
  readonly service: string;
  /** The depositor's own signed statement, with a `format`; null where there is none. */
  readonly statement: JsonObject | null;
}

const file: Field<ManifestFile> = (value, at) => {
  const get = members(value, at, ['digests', 'mediaType', 'name', 'role', 'sha256', 'size', 'sm3']);
  const parsed = {
    digests: get('digests', oneOf(...DIGEST_BASES)),
    mediaType: get('mediaType', nullable(text)),
    name: get('name', text),
    role: get('role', oneOf(...ROLES)),
    sha256: get('sha256', hexText(32)),
    size: get('size', uint),
    sm3: get('sm3', nullable(hexText(32))),
  };
  if (parsed.sm3 === null && parsed.digests === 'computed')
    throw new FormatError('field-value-wrong', { at: `${at}.sm3`, expected: '64 lower-case hex digits' });
  return parsed;
};

const origin: Field<Origin> = (value, at) => {
  const get = members(value, at, ['environment', 'grade', 'method', 'place', 'source', 'statement', 'tool']);
  return {
    environment: get('environment', nullable(text)),
    grade: get('grade', oneOf(...GRADES)),
    method: get('method', nullable(text)),
    place: get('place', nullable(text)),
    source: get('source', nullable(text)),
    statement: get('statement', nullable(text)),
    tool: get('tool', nullable(text)),
  };
};

const accused: Field<NonNullable<EvidenceDescription['accused']>> = (value, at) => {
  const get = members(value, at, ['name', 'shop', 'url', 'uscc']);
  const optional = nullable(text);
  return {
    name: get('name', optional),
    shop: get('shop', optional),
    url: get('url', optional),
    uscc: get('uscc', optional),
  };
};

const right: Field<NonNullable<EvidenceDescription['right']>> = (value, at) => {
  const get = members(value, at, ['holder', 'number', 'type']);
  return {
    holder: get('holder', nullable(text)),
    number: get('number', nullable(text)),
    type: get('type', text),
  };
};

const corroboration: Field<{ kind: string; reference: string }> = (value, at) => {
  const get = members(value, at, ['kind', 'reference']);
  return { kind: get('kind', text), reference: get('reference', text) };
};

const evidence: Field<EvidenceDescription> = (value, at) => {
  const get = members(value, at, [
    'accused',
    'capturedBy',
    'capturedFrom',
    'capturedTo',
    'category',
    'confidentiality',
    'corroborations',
    'description',
    'origin',
    'right',
    'title',
  ]);
  return {
    accused: get('accused', nullable(accused)),
    capturedBy: get('capturedBy', nullable(text)),
    capturedFrom: get('capturedFrom', nullable(instant)),
    capturedTo: get('capturedTo', nullable(instant)),
    category: get('category', nullable(oneOf(...CATEGORIES))),
    confidentiality: get('confidentiality', oneOf(...CONFIDENTIALITY)),
    corroborations: get('corroborations', list(corroboration)),
    description: get('description', nullable(text)),
    origin: get('origin', origin),
    right: get('right', nullable(right)),
    title: get('title', text),
  };
};

const depositor: Field<Manifest['depositor']> = (value, at) => {
  const get = members(value, at, ['id', 'name', 'uscc']);
  return { id: get('id', uuid), name: get('name', text), uscc: get('uscc', nullable(text)) };
};

const folder: Field<NonNullable<Manifest['folder']>> = (value, at) => {
  const get = members(value, at, ['root', 'size']);
  return { root: get('root', hexText(32)), size: get('size', uint) };
};

/** Reads a kezheng-manifest/1 whose `format` has been looked at already. */
export const manifest: Field<Manifest> = (value, at) => {
  const get = members(value, at, [
    'clock',
    'depositor',
    'evidence',
    'files',
    'folder',
    'format',
    'id',
    'receivedAt',
    'salt',
    'service',
    'statement',
  ]);
  const parsed: Manifest = {
    clock: get('clock', oneOf(...CLOCKS)),
    depositor: get('depositor', depositor),
    evidence: get('evidence', evidence),
    files: get('files', list(file)),
    folder: get('folder', nullable(folder)),
    format: get('format', oneOf(MANIFEST_FORMAT)),
    id: get('id', uuid),
    receivedAt: get('receivedAt', instant),
    salt: get('salt', hexText(16)),
    service: get('service', text),
    statement: get('statement', nullable(statement)),
  };
  if ((parsed.files.length === 0) === (parsed.folder === null))
    throw new FormatError('manifest-files-or-folder', { at });
  return parsed;
};

/** Open on purpose: a statement names its own format, and a checker that does not know it says so. */
const statement: Field<JsonObject> = (value, at) => {
  const object = anyObject(value, at);
  if (!('format' in object)) throw new FormatError('field-missing', { at: `${at}.format` });
  text(object['format']!, `${at}.format`);
  return object;
};
