import { createHash } from 'node:crypto';
import { type TokenEntry, tokenEntry } from '../core/entry/token-entry.ts';
import { equalBytes, utf8 } from '../core/read/bytes.ts';
import { isList, parseCanonical, parseJson } from '../core/read/json.ts';
import { parseCertificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import { rootDocument } from '../core/token/root-document.ts';
import { standingOf } from '../core/verify/authority.ts';
import { parseEvidence } from '../core/verify/revocation.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { type CheckedToken, checkToken } from '../core/verify/token.ts';
import type { Trust } from '../core/verify/trust.ts';
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
 * digest; and no such entry without its token. What leads to the authority's root must be there, so that whoever checks a
 * certificate can decide whether to believe it.
 */

export interface BatchTokenDeps {
  readonly snapshot: Snapshot;
  readonly report: Report;
  readonly signatures: SignatureVerifier;
  /** whose roots are known */
  readonly authorities: Trust['authorities'];
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
    const came = await evidence(token, place);
    if (batch === undefined) report.found('batch-token-batch-missing', place, { found: token.batch });
    else {
      await checkPlace(deps, token, logs, place);
      await checkOne(deps, token, batch, came, place);
    }
    await checkEntryOf(deps, token, place);
    if (++count % 1_000 === 0) report.progress('tokens', count);
  }
  await checkLost(deps);
  report.progress('tokens', count);
}

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

async function checkOne(
  deps: BatchTokenDeps,
  token: RawBatchToken,
  { root, size }: RawBatch,
  came: Came,
  place: Place,
): Promise<void> {
  const { report, signatures } = deps;
  const { certificates } = came;
  try {
    // Columns may hold what no document does.
    const digest = sha256(rootDocument({ ...token, root, size }));
    const checked = await checkToken({ token: token.token, certificates }, { digest }, signatures);
    if (came.isWhole) await checkWay(deps, token, checked, certificates, place);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report.found('batch-token-invalid', place, {
      what: `batch ${token.batch}, ${token.label}`,
      reason: error,
    });
  }
}

/**
 * The service keeps every certificate on a token's way beside it, also where the token brings them. The roots of an
 * authority that is listed no more are not known here.
 */
async function checkWay(
  { report, signatures, authorities }: BatchTokenDeps,
  { label }: RawBatchToken,
  checked: CheckedToken,
  certificates: readonly Uint8Array[],
  place: Place,
): Promise<void> {
  const { raw, subject } = checked.signer;
  if (!certificates.some((one) => equalBytes(one, raw)))
    return report.found('batch-token-chain-missing', place, { what: label, expected: subject.name });
  const listed = authorities.filter((one) => one.label === label);
  if (listed.length === 0) return;
  const trust = { name: 'fsck', logs: [], issuers: [], authorities: listed };
  const standing = await standingOf(checked, trust, signatures);
  // Under which policies it is believed, whoever checks decides.
  if (standing.by === 'independent' || standing.by === 'unlisted-policy') return;
  report.found('batch-token-root-unknown', place, {
    what: label,
    found: subject.name,
    ...(standing.by === 'broken' && { reason: standing.reason }),
  });
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

interface Came {
  readonly certificates: readonly Uint8Array[];
  /** all that is named is there and is what it says */
  readonly isWhole: boolean;
}

/** Undefined where it is what it is said to be. */
function whyNotOfKind({ kind, value }: RawTokenEvidence): FormatError | undefined {
  try {
    if (kind === 'certificate') parseCertificate(value);
    else if (kind === 'crl' || kind === 'ocsp') parseEvidence(kind, value);
    else return new FormatError('field-value-wrong', { at: 'kind', expected: 'certificate, crl, ocsp' });
    return undefined;
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}

/** What came with a token; what is missing, has changed or is something else is told, once while it is remembered. */
function evidenceReader({ snapshot, report }: BatchTokenDeps) {
  /** A certificate; of a list or an answer, which may be large, only that it is well; or that something is wrong. */
  const known = new Map<string, Uint8Array | 'well' | 'wrong'>();
  async function look(id: string, what: string): Promise<Uint8Array | 'well' | 'wrong'> {
    const row = await snapshot.tokenEvidence(id);
    const place = at('token_evidence', id);
    if (row === undefined) {
      report.found('token-evidence-missing', place, { what });
      return 'wrong';
    }
    const found = sha256(row.value).toString('hex');
    const reason = found === id ? whyNotOfKind(row) : undefined;
    if (found !== id) report.found('token-evidence-differs', place, { what, expected: id, found });
    if (reason !== undefined)
      report.found('token-evidence-invalid', place, { what, expected: row.kind, reason });
    if (found !== id || reason !== undefined) return 'wrong';
    return row.kind === 'certificate' ? row.value : 'well';
  }
  return async (token: RawBatchToken, place: Place): Promise<Came> => {
    const ids = idsIn(token.evidence);
    if (ids === undefined) report.found('token-evidence-missing', place, { what: 'evidence' });
    const certificates: Uint8Array[] = [];
    let isWhole = ids !== undefined;
    for (const id of ids ?? []) {
      const one = known.get(id) ?? (await look(id, `batch_tokens/${token.sequence}`));
      if (known.size >= REMEMBERED) known.clear();
      known.set(id, one);
      if (one === 'wrong') isWhole = false;
      else if (one !== 'well') certificates.push(one);
    }
    return { certificates, isWhole };
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
