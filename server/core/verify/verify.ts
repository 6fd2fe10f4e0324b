import { checkHeader, checkTransaction } from '../anchor/ethereum-header.ts';
import { type Certificate, parseCertificate } from '../certificate/certificate.ts';
import type { Manifest } from '../entry/manifest.ts';
import { FormatError } from '../reason.ts';
import { type AnchorFinding, type ComparedBlock, checkAnchors } from './anchors.ts';
import { checkFiles, fileFacts, type GivenFile } from './files.ts';
import { checkInclusion } from './inclusion.ts';
import { checkIssuer, type IssuerFinding } from './issuer.ts';
import {
  type AnchorFact,
  CHECK_IDS,
  type Check,
  type CheckId,
  type Facts,
  type NotProven,
  type Remaining,
  type Report,
  reason,
  type Verdict,
  type When,
} from './report.ts';
import type { SignatureVerifier } from './signatures.ts';
import type { Trust } from './trust.ts';

/** Everything a check needs, brought by the one who checks. Nothing is fetched and no clock is looked at. */
export interface Verification {
  readonly certificate: Uint8Array;
  readonly files: readonly GivenFile[];
  /** Without it nothing is ever `valid`. */
  readonly trust: Trust | undefined;
  readonly blocks: readonly ComparedBlock[];
  readonly signatures: SignatureVerifier;
}

/** The checks that a certificate must pass to be valid, besides all checks of at least one anchor. */
const REQUIRED: readonly CheckId[] = [
  'format',
  'signature',
  'issuer',
  'entry',
  'files',
  'digests',
  'inclusion',
];

/** Runs every check of FORMAT.md, «Verification», in its order. */
export async function verifyCertificate(verification: Verification): Promise<Report> {
  let certificate: Certificate;
  try {
    certificate = parseCertificate(verification.certificate);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return refused(error);
  }
  const { trust, files, blocks, signatures } = verification;
  const anchors = checkAnchors(certificate.anchors, trust, blocks);
  const issuer = await checkIssuer(certificate, trust, signatures, whenValid(certificate, anchors));
  const anchored = anchors.flatMap((anchor) => anchor.anchored ?? []);
  const checks = [
    once('format', 'passed', reason('format-read', { format: certificate.format })),
    ...issuer.checks,
    checkEntry(certificate),
    checkStatement(certificate),
    ...checkFiles(certificate.entry, files),
    checkInclusion(certificate, anchored),
    ...checkTokens(certificate),
    ...anchors.flatMap((anchor) => anchor.checks),
  ];
  const verdict = verdictOf(checks, anchors);
  // An invalid certificate proves no time, whatever its block says: the entry may be another one.
  const known = anchors.flatMap(({ fact }) => fact ?? []);
  const good = verdict === 'invalid' ? [] : anchors.filter((a) => a.proven).map((a) => a.fact!);
  const facts = gather(certificate, issuer, known, good, files);
  return {
    verdict,
    checks,
    facts,
    notProven: notProven(certificate),
    remaining: remaining(checks, trust),
    testChain: (good.length > 0 ? good : known).every((fact) => fact.test),
  };
}

/**
 * When the signer's certificates must have been valid: at the issuing; and where a block that is carried is younger than
 * that, then too, so that nobody who finds an expired key can date a certificate back to when it was good.
 */
function whenValid(certificate: Certificate, anchors: readonly AnchorFinding[]): readonly number[] {
  const issuedMs = Date.parse(certificate.issuedAt);
  const youngest = Math.max(...anchors.flatMap(({ fact }) => (fact ? Date.parse(fact.blockTime) : [])));
  return youngest > issuedMs ? [issuedMs, youngest] : [issuedMs];
}

/** A block to look up, and the log for whose sake. */
export interface WantedBlock {
  readonly chainId: number;
  readonly contract: string;
  readonly operator: string;
  readonly number: number;
  readonly hash: string;
}

/** The blocks whose hash the caller should look up, by number, at a source of its own; empty where none can be read. */
export function blocksToCompare(certificateBytes: Uint8Array): readonly WantedBlock[] {
  try {
    return parseCertificate(certificateBytes).anchors.flatMap((anchor) => {
      if (anchor.type === 'unknown') return [];
      const { hash, number, ...roots } = checkHeader(anchor.header);
      const { chainId, to, sender } = checkTransaction(anchor, { hash, number, ...roots });
      return [{ chainId, contract: to, operator: sender, number, hash }];
    });
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}

const once = (id: CheckId, status: Check['status'], why: Check['reason']): Check => ({
  id,
  at: undefined,
  status,
  reason: why,
});

/** A certificate that cannot be read: nothing in it is repeated, because nothing in it is known to be there. */
function refused(error: FormatError): Report {
  const rest = CHECK_IDS.filter((id) => id !== 'format' && id !== 'token');
  return {
    verdict: 'invalid',
    checks: [
      once('format', 'failed', error),
      ...rest.map((id) => once(id, 'skipped', reason('earlier-check-failed'))),
    ],
    facts: undefined,
    notProven: [],
    remaining: [],
    testChain: true,
  };
}

function checkEntry({ entry }: Certificate): Check {
  return entry.format === 'unknown'
    ? once('entry', 'unknown', reason('entry-format-unknown', { format: (entry as { name: string }).name }))
    : once('entry', 'passed', reason('entry-read', { format: entry.format }));
}

/** The manifest that names who and when: the entry itself, or the one that holds the folder's root. */
const manifestOf = ({ entry, inclusion }: Certificate): Manifest | undefined =>
  inclusion.folder?.manifest ?? (entry.format === 'kezheng-manifest/1' ? (entry as Manifest) : undefined);

/** The depositor's own signature: its place is in the format, its check comes with a later checker. */
function checkStatement(certificate: Certificate): Check {
  const statement = manifestOf(certificate)?.statement ?? null;
  return statement === null
    ? once('statement', 'skipped', reason('no-statement'))
    : once(
        'statement',
        'unknown',
        reason('statement-format-unknown', { format: String(statement['format']) }),
      );
}

const checkTokens = ({ tokens }: Certificate): Check[] =>
  tokens.map(({ type }, i) => ({
    id: 'token',
    at: `tokens[${i}]`,
    status: 'unknown',
    reason: reason('token-type-unknown', { type }),
  }));

/** Any failure makes it invalid; validity needs every required check and one anchor with nothing left open. */
function verdictOf(checks: readonly Check[], anchors: readonly AnchorFinding[]): Verdict {
  if (checks.some((check) => check.status === 'failed')) return 'invalid';
  const passed = REQUIRED.every((id) => checks.some((check) => check.id === id && check.status === 'passed'));
  return passed && anchors.some((anchor) => anchor.proven) ? 'valid' : 'incomplete';
}

function gather(
  certificate: Certificate,
  issuer: IssuerFinding,
  anchors: readonly AnchorFact[],
  good: readonly AnchorFact[],
  files: readonly GivenFile[],
): Facts {
  const manifest = manifestOf(certificate);
  const when: When[] = [
    ...(manifest ? [{ clock: 'server', at: manifest.receivedAt, proven: false } as const] : []),
    { clock: 'issuer', at: certificate.issuedAt, proven: false },
    ...anchors.map((fact) => blockTime(fact, good.includes(fact))),
  ];
  const { number, revision, issuedAt } = certificate;
  return {
    certificate: { number, revision, issuedAt },
    what: manifest && {
      evidenceId: manifest.id,
      title: manifest.evidence.title,
      category: manifest.evidence.category,
      grade: manifest.evidence.origin.grade,
      files: fileFacts(certificate.entry, files),
      folder: manifest.folder,
    },
    who: {
      depositor: manifest?.depositor,
      service: manifest?.service,
      signer: issuer.signer,
      issuer: issuer.issuer,
    },
    when,
    counts: earliest(good),
    anchors,
    stated: certificate.stated,
  };
}

const blockTime = (fact: AnchorFact, proven: boolean): When => ({
  clock: 'block',
  at: fact.blockTime,
  proven,
});

/** Among anchors in earnest chains where there is one, else among those in test chains. */
function earliest(facts: readonly AnchorFact[]): When | undefined {
  const real = facts.filter((fact) => !fact.test);
  const [first] = (real.length > 0 ? real : facts).toSorted((a, b) => (a.blockTime < b.blockTime ? -1 : 1));
  return first && blockTime(first, true);
}

function notProven(certificate: Certificate): readonly NotProven[] {
  const manifest = manifestOf(certificate);
  const always: NotProven[] = ['truth', 'authorship', 'legality', 'other-versions', 'earlier-deposits'];
  if (manifest?.evidence.origin.grade !== 'verified-capture') always.push('origin-unverified');
  const declared = manifest === undefined || manifest.files.every((file) => file.digests === 'declared');
  if (declared) always.push('digests-declared');
  return always;
}

function remaining(checks: readonly Check[], trust: Trust | undefined): readonly Remaining[] {
  const open = checks.filter((check) => check.status === 'unknown');
  return [
    ...(trust === undefined ? [{ what: 'trust-list', detail: {} } as const] : []),
    ...open.flatMap(({ id, reason: why }): Remaining[] => {
      if (id === 'block') return [{ what: 'block-hash', detail: why.detail }];
      if (id === 'files') return [{ what: 'files', detail: why.detail }];
      return id === 'issuer' || id === 'log' ? [] : [{ what: 'newer-checker', detail: why.detail }];
    }),
  ];
}
