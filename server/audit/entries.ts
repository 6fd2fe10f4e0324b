import { EVENT_FORMAT, type EventEntry, eventEntry } from '../core/entry/event.ts';
import { MANIFEST_FORMAT, type Manifest, manifest } from '../core/entry/manifest.ts';
import { TOKEN_ENTRY_FORMAT, tokenEntry } from '../core/entry/token-entry.ts';
import { toHex } from '../core/read/bytes.ts';
import { isObject, type Json, parseCanonical } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import type { RawEntry } from '../ports/inspect.ts';
import { EVENTS_ID, OPERATOR_ID } from '../ports/store.ts';
import { at, compare, type Report } from './finding.ts';

const KEY = /^[\x21-\x7e]{1,255}$/;
const FINGERPRINT_BYTES = 16;
const DIGEST_BYTES = 32;

/** An entry's document, and whether its columns say what it says. Its leaf is looked at with its batch. */
export function checkEntry(entry: RawEntry, owners: ReadonlySet<string>, report: Report): void {
  const place = at('entries', entry.sequence);
  if (!owners.has(entry.organization))
    report.found('entry-owner-missing', place, { found: entry.organization });
  checkClaim(entry, report);
  const document = readDocument(entry.bytes, (error) =>
    report.found('entry-unreadable', place, { reason: error }),
  );
  if (document === undefined) return;
  if (document === TOKEN_ENTRY_FORMAT) compareOwner(entry, report);
  else if (isEvent(document)) compareEvent(entry, document, report);
  else if (typeof document === 'string') report.found('entry-format-unknown', place, { found: document });
  else compareColumns(entry, document, report);
}

/** What the service records of itself belongs to nobody else, and names no file. */
function compareOwner({ sequence, organization, digests }: RawEntry, report: Report): void {
  compare(report, 'entry-column-differs', at('entries', sequence), {
    organization: [OPERATOR_ID, organization],
    digests: ['', toHex(digests ?? new Uint8Array())],
  });
}

const isEvent = (document: Manifest | EventEntry | string): document is EventEntry =>
  typeof document !== 'string' && document.format === EVENT_FORMAT;

/** What happened in a case is nobody's deposit. */
function compareEvent({ sequence, ...entry }: RawEntry, event: EventEntry, report: Report): void {
  compare(report, 'entry-column-differs', at('entries', sequence), {
    id: [event.id, entry.id],
    organization: [EVENTS_ID, entry.organization],
    received_ms: [Date.parse(event.at), entry.receivedMs],
    digests: ['', toHex(entry.digests ?? new Uint8Array())],
  });
}

/** The manifest, or the name of another format, also of one that is not known here; undefined where it cannot be read. */
function readDocument(
  bytes: Uint8Array,
  refused: (error: FormatError) => void,
): Manifest | EventEntry | string | undefined {
  try {
    const value: Json = parseCanonical(bytes);
    const format = isObject(value) ? value['format'] : undefined;
    if (format === MANIFEST_FORMAT) return manifest(value, 'entry');
    if (format === EVENT_FORMAT) return eventEntry(value, 'entry');
    if (format === TOKEN_ENTRY_FORMAT) tokenEntry(value, 'entry');
    if (typeof format !== 'string') throw new FormatError('field-missing', { at: 'entry.format' });
    return format.slice(0, 100);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    refused(error);
    return undefined;
  }
}

/** Undefined where the entry is none; that it cannot be read is told with the journal. */
export function manifestIn(bytes: Uint8Array): Manifest | undefined {
  const document = readDocument(bytes, () => {});
  return typeof document === 'object' && document.format === MANIFEST_FORMAT ? document : undefined;
}

function compareColumns(entry: RawEntry, document: Manifest, report: Report): void {
  const ofDocument = document.files.map((file) => file.sha256).join('');
  const digests = entry.digests === undefined ? ofDocument : toHex(entry.digests);
  compare(report, 'entry-column-differs', at('entries', entry.sequence), {
    id: [document.id, entry.id],
    organization: [document.depositor.id, entry.organization],
    received_ms: [Date.parse(document.receivedAt), entry.receivedMs],
    // The digests of a hundred files are too long to be told: the first that differs says where to look.
    ...(digests === ofDocument ? {} : { digests: firstDifference(ofDocument, digests) }),
  });
}

function firstDifference(expected: string, found: string): readonly [string, string] {
  const length = 2 * DIGEST_BYTES;
  let from = 0;
  while (from < expected.length && expected.slice(from, from + length) === found.slice(from, from + length))
    from += length;
  return [expected.slice(from, from + length) || '—', found.slice(from, from + length) || '—'];
}

function checkClaim({ sequence, idempotencyKey, fingerprint }: RawEntry, report: Report): void {
  if (idempotencyKey === undefined && fingerprint === undefined) return;
  if (idempotencyKey !== undefined && KEY.test(idempotencyKey) && fingerprint?.length === FINGERPRINT_BYTES)
    return;
  report.found('entry-claim-invalid', at('entries', sequence));
}

/** Stored files of a document: those whose bytes the service has seen. */
export const storedFiles = (document: Manifest) =>
  document.files.flatMap(({ digests, sha256, sm3, size }) =>
    digests === 'computed' && sm3 !== null ? [{ sha256, sm3, size }] : [],
  );
