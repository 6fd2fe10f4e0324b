import { createHash } from 'node:crypto';
import { type Certificate, parseCertificate } from '../core/certificate/certificate.ts';
import { certificateNumber } from '../core/certificate/number.ts';
import { toHex, utf8 } from '../core/read/bytes.ts';
import { isList, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import type { ComparedBlock } from '../core/verify/anchors.ts';
import type { Report as Verified } from '../core/verify/report.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import type { Trust } from '../core/verify/trust.ts';
import { blocksToCompare, verifyCertificate } from '../core/verify/verify.ts';
import type { RawCertificate, Snapshot } from '../ports/inspect.ts';
import type { ChainView } from './chain.ts';
import { at, compare, type Report } from './finding.ts';
import { detailOf } from './history.ts';
import { leafOf } from './merkle.ts';

export interface CertificateDeps {
  readonly snapshot: Snapshot;
  readonly report: Report;
  readonly signatures: SignatureVerifier;
  /** the installation's own logs and issuers */
  readonly trust: Trust;
  readonly chain: ChainView | undefined;
}

/** Every issued certificate as a stranger would check it, and against the journal that it came from. */
export async function checkCertificates(deps: CertificateDeps): Promise<void> {
  const { snapshot, report } = deps;
  const compared = blockLookup(deps.chain);
  let before: { readonly row: RawCertificate; readonly keys: readonly string[] } | undefined;
  let count = 0;
  for await (const row of snapshot.certificates()) {
    const earlier = before?.row.sequence === row.sequence ? before : undefined;
    const keys = await checkOne(deps, row, compared);
    await checkRevision(deps, row, keys, earlier);
    before = { row, keys };
    if (++count % 1_000 === 0) report.progress('certificates', count);
  }
  const serials = await checkSerials(deps);
  if (count + serials === 0 && (await isAnyFinal(snapshot)))
    report.found('certificates-none', at('certificates', '*'));
  report.progress('certificates', count);
}

/**
 * Numbers of each year, counted from 1 without gaps: they are given in transactions and never given back. That the
 * newest are gone cannot be seen here, nor that all are. How many there are.
 */
async function checkSerials({ snapshot, report }: CertificateDeps): Promise<number> {
  let count = 0;
  let [thisYear, last] = [Number.NaN, 0];
  for await (const { sequence, year, serial } of snapshot.serials()) {
    if (year !== thisYear) [thisYear, last] = [year, 0];
    if (serial > last + 1) {
      const [from, to] = [last + 1, serial - 1];
      report.found('serial-gap', at('serials', `${year}-${from === to ? from : `${from}–${to}`}`));
    }
    last = serial;
    const place = at('serials', `${year}-${serial}`);
    if ((await entryAt(snapshot, sequence)) === undefined)
      report.found('serial-entry-missing', place, { found: sequence });
    if (!(await snapshot.isCertified(sequence))) report.found('serial-unused', place, { found: sequence });
    count++;
  }
  return count;
}

async function isAnyFinal(snapshot: Snapshot): Promise<boolean> {
  for await (const { state } of snapshot.anchors()) if (state === 'final') return true;
  return false;
}

const placeOf = ({ sequence, revision }: RawCertificate) => at('certificates', `${sequence}:${revision}`);

async function entryAt(snapshot: Snapshot, sequence: number) {
  for await (const entry of snapshot.entries(sequence, sequence)) return entry;
  return undefined;
}

/** The anchors and tokens that it carries, as its column should name them. */
async function checkOne(
  deps: CertificateDeps,
  row: RawCertificate,
  compared: BlockLookup,
): Promise<readonly string[]> {
  const { report, snapshot, signatures, trust } = deps;
  const place = placeOf(row);
  let certificate: Certificate;
  try {
    certificate = parseCertificate(row.bytes);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report.found('certificate-unreadable', place, { reason: error });
    return [];
  }
  const blocks = await compared(row.bytes);
  const verified = await verifyCertificate({ certificate: row.bytes, files: [], trust, blocks, signatures });
  tellFailed(report, row, verified);
  const keys = [
    ...(verified.facts?.anchors ?? []).map(({ chainId, blockHash }) => `${chainId}:${blockHash}`),
    ...certificate.tokens.flatMap((token) => (token.type === 'unknown' ? [] : tokenKey(token.token))),
  ];
  compare(report, 'certificate-column-differs', place, {
    revision: [certificate.revision, row.revision],
    issued_ms: [Date.parse(certificate.issuedAt), row.issuedMs],
    anchor_keys: [[...keys].sort().join(' '), listOf(row.anchorKeys, keys)],
  });
  const entry = await entryAt(snapshot, row.sequence);
  if (entry === undefined) report.found('certificate-entry-missing', place, { found: row.sequence });
  else if (Buffer.compare(entry.bytes, certificate.entryBytes) !== 0)
    report.found('certificate-entry-differs', place, {
      what: `entries/${row.sequence}, leaf`,
      expected: toHex(leafOf(certificate.entryBytes)),
      found: toHex(leafOf(entry.bytes)),
    });
  const serial = await snapshot.serialOf(row.sequence);
  if (serial === undefined) report.found('certificate-serial-missing', place);
  else
    compare(report, 'certificate-number-differs', place, {
      number: [certificateNumber(serial.year, serial.serial), certificate.number],
    });
  return keys;
}

function tellFailed(report: Report, row: RawCertificate, verified: Verified): void {
  for (const { id, status, reason } of verified.checks) {
    if (status !== 'failed') continue;
    const code = id === 'issuer' ? 'certificate-issuer-unknown' : 'certificate-check-failed';
    report.found(code, placeOf(row), { what: id, reason });
  }
}

const TOKEN_KEY = 'token:';

const tokenKey = (token: Uint8Array): string =>
  `${TOKEN_KEY}${createHash('sha256').update(token).digest('hex')}`;

/** Without tokens that found no room in the certificate. */
function listOf(text: string, carried: readonly string[]): string {
  const counts = (key: string) => !key.startsWith(TOKEN_KEY) || carried.includes(key);
  try {
    const value = parseJson(utf8(text));
    return isList(value) ? value.map(String).filter(counts).sort().join(' ') : '—';
  } catch (error) {
    if (error instanceof FormatError) return '—';
    throw error;
  }
}

/** Revisions count from 1, and a later one has what the earlier had, unless the chain itself took it back. */
async function checkRevision(
  deps: CertificateDeps,
  row: RawCertificate,
  keys: readonly string[],
  earlier: { readonly row: RawCertificate; readonly keys: readonly string[] } | undefined,
): Promise<void> {
  const { report } = deps;
  const expected = (earlier?.row.revision ?? 0) + 1;
  if (row.revision !== expected)
    report.found('certificate-revision-gap', placeOf(row), { expected, found: row.revision });
  const lost = earlier?.keys.filter((key) => !keys.includes(key)) ?? [];
  for (const key of lost)
    if (!(await wasTakenBack(deps, row, key)))
      report.found('certificate-revision-loses', placeOf(row), { expected: key });
}

/**
 * Whether a reorganisation took an anchor of this entry's batch back that had been final: only such a one was in a
 * certificate. An event is only a row that anybody with the database could write, so where the chain can be asked it must
 * not have that block; without a chain the event alone excuses, and its history is checked in history.ts. Rare, and the
 * history is short beside the journal: read once more.
 */
async function wasTakenBack(
  { snapshot, chain }: CertificateDeps,
  { sequence }: RawCertificate,
  key: string,
): Promise<boolean> {
  const colon = key.indexOf(':');
  const [chainId, blockHash] = [Number(key.slice(0, colon)), key.slice(colon + 1)];
  const batch = await batchAround(snapshot, sequence);
  for await (const event of snapshot.events()) {
    if (event.event !== 'reorganised' || event.batch !== batch) continue;
    const detail = detailOf(event.detail);
    if (detail?.['blockHash'] !== blockHash || detail['wasFinal'] !== 1) continue;
    const number = detail['blockNumber'];
    if (typeof number !== 'number') return false;
    if (chain === undefined || chain.chainId !== chainId) return true;
    return (await chain.block(number))?.hash !== blockHash;
  }
  return false;
}

async function batchAround(snapshot: Snapshot, sequence: number): Promise<number | undefined> {
  for await (const { number, firstSequence, lastSequence } of snapshot.batches())
    if (firstSequence <= sequence && sequence <= lastSequence) return number;
  return undefined;
}

type BlockLookup = (certificate: Uint8Array) => Promise<readonly ComparedBlock[]>;

/** Blocks that are remembered: certificates of one batch all stand on the same. */
const REMEMBERED = 1_000;

function blockLookup(chain: ChainView | undefined): BlockLookup {
  if (chain === undefined) return async () => [];
  const known = new Map<number, ComparedBlock>();
  const ask = async (number: number): Promise<ComparedBlock> => {
    const { chainId, genesisHash, names: source } = chain;
    const found = await chain.block(number);
    return { source, chainId, genesisHash, number, ...(found && { hash: found.hash }) };
  };
  return async (certificate) => {
    const blocks: ComparedBlock[] = [];
    for (const { chainId, number } of blocksToCompare(certificate)) {
      if (chainId !== chain.chainId) continue;
      const block = known.get(number) ?? (await ask(number));
      if (known.size >= REMEMBERED) known.clear();
      known.set(number, block);
      blocks.push(block);
    }
    return blocks;
  };
}
