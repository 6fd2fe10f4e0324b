import { createHash } from 'node:crypto';
import { type TokenEntry, tokenEntry } from '../core/entry/token-entry.ts';
import { utf8 } from '../core/read/bytes.ts';
import { isList, parseCanonical, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import { rootDocument } from '../core/token/root-document.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { checkToken } from '../core/verify/token.ts';
import type {
  RawBatch,
  RawBatchToken,
  RawEntry,
  RawLog,
  RawTokenEvidence,
  Snapshot,
} from '../ports/inspect.ts';
import { OPERATOR_ID } from '../ports/store.ts';
import { batchCursor } from './anchors.ts';
import { at, compare, type Report } from './finding.ts';

/*
 * Tokens of outside authorities: over the root that their batch has, signed, and each with the entry that holds its
 * digest; and no such entry without its token. Whether the authority is to be believed is for whoever checks a
 * certificate.
 */

export interface BatchTokenDeps {
  readonly snapshot: Snapshot;
  readonly report: Report;
  readonly signatures: SignatureVerifier;
}

type Place = ReturnType<typeof at>;

export async function checkBatchTokens(deps: BatchTokenDeps): Promise<void> {
  const { snapshot, report } = deps;
  const logs = await snapshot.logs();
  const batches = batchCursor(snapshot);
  const evidence = evidenceReader(deps);
  let count = 0;
  for await (const token of snapshot.batchTokens()) {
    const place = at('batch_tokens', token.sequence);
    const batch = await batches(token.batch);
    const certificates = await evidence(token, place);
    if (batch === undefined) report.found('batch-token-batch-missing', place, { found: token.batch });
    else {
      await checkPlace(deps, token, logs, place);
      await checkOne(deps, token, batch, certificates, place);
    }
    await checkEntryOf(deps, token, place);
    if (++count % 1_000 === 0) report.progress('tokens', count);
  }
  await checkLost(deps);
  report.progress('tokens', count);
}

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

async function checkOne(
  { report, signatures }: BatchTokenDeps,
  token: RawBatchToken,
  { root, size }: RawBatch,
  certificates: readonly Uint8Array[],
  place: Place,
): Promise<void> {
  try {
    // Columns may hold what no document does.
    const digest = sha256(rootDocument({ ...token, root, size }));
    await checkToken({ token: token.token, certificates }, { digest }, signatures);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report.found('batch-token-invalid', place, {
      what: `batch ${token.batch}, ${token.label}`,
      reason: error,
    });
  }
}

/** Some log has the batch where the token says. */
async function checkPlace(
  { snapshot, report }: BatchTokenDeps,
  token: RawBatchToken,
  logs: readonly RawLog[],
  place: Place,
): Promise<void> {
  const anchors = await snapshot.anchorsOfBatch(token.batch);
  const stands = anchors.some(({ log, index }) =>
    logs.some(
      ({ id, chainId, contract, operator }) =>
        id === log &&
        index === token.index &&
        chainId === token.chainId &&
        contract === token.contract &&
        operator === token.operator,
    ),
  );
  if (!stands)
    report.found('batch-token-place-differs', place, {
      what: `batch ${token.batch}`,
      found: `${token.chainId} ${token.contract} ${token.operator} ${token.index}`,
    });
}

async function checkEntryOf(
  { snapshot, report }: BatchTokenDeps,
  token: RawBatchToken,
  place: Place,
): Promise<void> {
  let entry: RawEntry | undefined;
  for await (const one of snapshot.entries(token.sequence, token.sequence)) entry = one;
  if (entry === undefined) return report.found('batch-token-entry-missing', place, { found: token.sequence });
  const document = readTokenEntry(entry);
  compare(report, 'batch-token-entry-differs', place, {
    sha256: [document?.sha256 ?? '—', sha256(token.token).toString('hex')],
    batch: [document?.batch ?? '—', token.batch],
    authority: [document?.authority ?? '—', token.label],
  });
}

/** Undefined where it is no such entry: whether it can be read at all is looked at with the journal. */
function readTokenEntry({ bytes }: RawEntry): TokenEntry | undefined {
  try {
    return tokenEntry(parseCanonical(bytes), 'entry');
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** The log itself says that these tokens were there. */
async function checkLost({ snapshot, report }: BatchTokenDeps): Promise<void> {
  for await (const entry of snapshot.entriesOf(OPERATOR_ID)) {
    const document = readTokenEntry(entry);
    if (document !== undefined && !(await snapshot.isOfToken(entry.sequence)))
      report.found('batch-token-missing', at('entries', entry.sequence), {
        what: `batch ${document.batch}, ${document.authority}`,
        expected: document.sha256,
      });
  }
}

/** Certificates and answers that are remembered: most tokens come with the same. */
const REMEMBERED = 256;

/** Certificates that came with a token; what is missing or has changed is told, once while it is remembered. */
function evidenceReader({ snapshot, report }: BatchTokenDeps) {
  const known = new Map<string, RawTokenEvidence | undefined>();
  async function read(id: string, what: string): Promise<RawTokenEvidence | undefined> {
    if (known.has(id)) return known.get(id);
    const row = await snapshot.tokenEvidence(id);
    const place = at('token_evidence', id);
    if (row === undefined) report.found('token-evidence-missing', place, { what });
    else {
      const found = sha256(row.value).toString('hex');
      if (found !== id) report.found('token-evidence-differs', place, { what, expected: id, found });
    }
    if (known.size >= REMEMBERED) known.clear();
    // Lists may be large, and nothing more is asked of them.
    known.set(id, row?.kind === 'certificate' ? row : undefined);
    return known.get(id);
  }
  return async (token: RawBatchToken, place: Place): Promise<readonly Uint8Array[]> => {
    const ids = idsIn(token.evidence);
    if (ids === undefined) report.found('token-evidence-missing', place, { what: 'evidence' });
    const certificates: Uint8Array[] = [];
    for (const id of ids ?? []) {
      const row = await read(id, `batch_tokens/${token.sequence}`);
      if (row !== undefined) certificates.push(row.value);
    }
    return certificates;
  };
}

function idsIn(text: string): readonly string[] | undefined {
  try {
    const value = parseJson(utf8(text));
    return isList(value) ? value.map(String) : undefined;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
