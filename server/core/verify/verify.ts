import { checkHeader, checkTransaction } from '../anchor/ethereum-header.ts';
import {
  type Certificate,
  manifestOf,
  parseCertificate,
  type UnknownEntry,
} from '../certificate/certificate.ts';
import type { Pdf } from '../container/pdf.ts';
import { EVENT_FORMAT, type EventEntry } from '../entry/event.ts';
import { toHex } from '../read/bytes.ts';
import { FormatError } from '../reason.ts';
import { leafHash } from '../tree/tree.ts';
import { type AnchorFinding, type ComparedBlock, checkAnchors } from './anchors.ts';
import { checkContent } from './content.ts';
import { checkFiles, fileFacts, type GivenFile } from './files.ts';
import type { Held } from './held.ts';
import { checkInclusion } from './inclusion.ts';
import { checkIssuer, type IssuerFinding } from './issuer.ts';
import { checkPages } from './pdf.ts';
import { checkRenewals, layersOf } from './renewals.ts';
import {
  type AnchorFact,
  CHECK_IDS,
  type Check,
  type CheckId,
  type Facts,
  type Layer,
  type NotProven,
  type Remaining,
  type RenewalFact,
  type Report,
  reason,
  type TokenFact,
  type Verdict,
  type When,
} from './report.ts';
import { askingOnce, type SignatureVerifier } from './signatures.ts';
import { checkStatement, type StatementFinding } from './statement.ts';
import { checkTokens } from './tokens.ts';
import type { Trust } from './trust.ts';

/** Everything a check needs, brought by the one who checks. Nothing is fetched and no clock is looked at. */
export interface Verification {
  readonly certificate: Uint8Array;
  /** The document that the certificate was taken from, where it was: then its pages are checked too, and what is in it counts. */
  readonly pdf?: Pdf | undefined;
  readonly files: readonly GivenFile[];
  /** The content document of an event, where it is at hand. */
  readonly content?: Uint8Array | undefined;
  /** Without it nothing is ever `valid`. */
  readonly trust: Trust | undefined;
  readonly blocks: readonly ComparedBlock[];
  /** kezheng-renewal/1, in any order; none where it is left out. */
  readonly renewals?: readonly Uint8Array[];
  /** SHA-256 (hex) of the public keys (SubjectPublicKeyInfo, DER) that the reader knows to be the depositor's. */
  readonly depositorKeys?: readonly string[];
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

/** An event lists no files; its content may have been erased, and it holds without. */
const NOT_OF_EVENTS: readonly CheckId[] = ['files', 'digests'];

/** Runs every check of FORMAT.md, «Verification», in its order. */
export async function verifyCertificate(verification: Verification): Promise<Report> {
  const bytes = verification.pdf?.certificate ?? verification.certificate;
  let certificate: Certificate;
  try {
    certificate = parseCertificate(bytes);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return refused(error, verification.pdf);
  }
  const { trust, files, blocks, renewals: given = [], pdf } = verification;
  const signatures = askingOnce(verification.signatures);
  const anchors = checkAnchors(certificate.anchors, trust, blocks);
  const issuer = await checkIssuer(
    certificate,
    trust,
    signatures,
    whenValid(Date.parse(certificate.issuedAt), anchors),
  );
  const statement = await checkStatement(certificate, verification.depositorKeys ?? [], signatures);
  const tokens = await checkTokens(certificate, trust, signatures);
  const held = [...signatureHeld(issuer), ...tokens.flatMap((token) => token.held ?? [])];
  const renewals = await checkRenewals({
    certificate: bytes,
    notBeforeMs: Date.parse(certificate.issuedAt),
    renewals: given,
    held,
    trust,
    verifier: signatures,
  });
  const anchored = anchors.flatMap((anchor) => anchor.anchored ?? []);
  const checks = [
    once('format', 'passed', reason('format-read', { format: certificate.format })),
    ...issuer.checks,
    checkEntry(certificate),
    statement.check,
    ...checkFiles(certificate.entry, files),
    ...checkContent(certificate.entry, verification.content),
    checkInclusion(certificate, anchored),
    ...tokens.flatMap((token) => token.checks),
    ...anchors.flatMap((anchor) => anchor.checks),
    ...renewals.flatMap((renewal) => renewal.checks),
    ...(pdf ? [await checkPages(pdf, trust, signatures, (ms) => whenValid(ms, anchors))] : []),
  ];
  const required: readonly CheckId[] = [
    ...REQUIRED.filter((id) => !(eventOf(certificate) && NOT_OF_EVENTS.includes(id))),
    ...(pdf ? ['pdf-pages' as const] : []),
    // Whoever names the depositor's keys asks for his signature.
    ...((verification.depositorKeys ?? []).length > 0 ? ['statement' as const] : []),
  ];
  const verdict = verdictOf(checks, required, anchors);
  // An invalid certificate proves no time, whatever its block says: the entry may be another one.
  const known = anchors.flatMap(({ fact }) => fact ?? []);
  const good = verdict === 'invalid' ? [] : anchors.filter((a) => a.proven).map((a) => a.fact!);
  const stamps = tokens.flatMap(({ fact }) => fact ?? []);
  const renewed = renewals.flatMap(({ fact }) => fact ?? []);
  const all = [...stamps, ...renewed.map(({ token }) => token)];
  const independent = verdict === 'invalid' ? [] : all.filter(({ by }) => by === 'independent');
  const layers = layersOf(held, renewals);
  const facts = gather(
    certificate,
    { issuer, statement },
    { known, good, stamps, renewed, layers, independent },
    files,
  );
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
 * When the signer's certificates must have been valid: when it says that it signed; and where a block that is carried is younger than
 * that, then too, so that nobody who finds an expired key can date a certificate back to when it was good.
 */
function whenValid(signedMs: number, anchors: readonly AnchorFinding[]): readonly number[] {
  const youngest = Math.max(...anchors.flatMap(({ fact }) => (fact ? Date.parse(fact.blockTime) : [])));
  return youngest > signedMs ? [signedMs, youngest] : [signedMs];
}

/** The issuer's signature, as renewals look at it. */
const signatureHeld = ({ certificates, issuer }: IssuerFinding): readonly Held[] =>
  certificates.length === 0
    ? []
    : [
        {
          at: 'signature',
          genTimeMs: undefined,
          way: certificates,
          led: issuer !== undefined,
          beside: { paths: [], twins: [] },
          evidence: [],
        },
      ];

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

/** Those of things that were not found, or not looked at. */
const NOT_ALWAYS: readonly CheckId[] = ['format', 'content', 'token', 'authority', 'renewal', 'unbroken'];

/** A certificate that cannot be read: nothing in it is repeated, because nothing in it is known to be there. */
function refused(error: FormatError, pdf: Pdf | undefined): Report {
  const absent = pdf ? NOT_ALWAYS : [...NOT_ALWAYS, 'pdf-pages'];
  const rest = CHECK_IDS.filter((id) => !absent.includes(id));
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
  if (entry.format !== 'unknown') {
    const code = entry.format === EVENT_FORMAT ? 'event-read' : 'entry-read';
    return once('entry', 'passed', reason(code, { format: entry.format }));
  }
  const { name, refused } = entry as UnknownEntry;
  return once('entry', 'unknown', refused ?? reason('entry-format-unknown', { format: name }));
}

const eventOf = ({ entry }: Certificate): EventEntry | undefined =>
  entry.format === EVENT_FORMAT ? (entry as EventEntry) : undefined;

/** Any failure makes it invalid; validity needs every required check and one anchor with nothing left open. */
function verdictOf(
  checks: readonly Check[],
  required: readonly CheckId[],
  anchors: readonly AnchorFinding[],
): Verdict {
  if (checks.some((check) => check.status === 'failed')) return 'invalid';
  const passed = required.every((id) => checks.some((check) => check.id === id && check.status === 'passed'));
  return passed && anchors.some((anchor) => anchor.proven) ? 'valid' : 'incomplete';
}

/** Times that blocks and tokens tell, and those among them that are proven. */
interface Clocks {
  readonly known: readonly AnchorFact[];
  readonly good: readonly AnchorFact[];
  readonly stamps: readonly TokenFact[];
  readonly renewed: readonly RenewalFact[];
  readonly layers: readonly Layer[];
  readonly independent: readonly TokenFact[];
}

function gather(
  certificate: Certificate,
  { issuer, statement }: { readonly issuer: IssuerFinding; readonly statement: StatementFinding },
  { known, good, stamps, renewed, layers, independent }: Clocks,
  files: readonly GivenFile[],
): Facts {
  const manifest = manifestOf(certificate);
  const event = eventOf(certificate);
  const said = manifest?.receivedAt ?? event?.at;
  const when: When[] = [
    ...(said === undefined ? [] : [{ clock: 'server', at: said, proven: false } as const]),
    { clock: 'issuer', at: certificate.issuedAt, proven: false },
    ...stamps.map((fact) => tokenTime(fact, independent.includes(fact))),
    ...known.map((fact) => blockTime(fact, good.includes(fact))),
    ...renewed.map(({ token }) => tokenTime(token, independent.includes(token))),
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
    ...(event && { event: { ...event, leaf: toHex(leafHash(certificate.entryBytes)) } }),
    who: {
      depositor: manifest?.depositor,
      service: manifest?.service,
      signer: issuer.signer,
      issuer: issuer.issuer,
      statement: statement.fact,
    },
    when,
    counts: earliest(good, independent),
    anchors: known,
    tokens: stamps,
    renewals: renewed,
    layers,
    authorities: witnesses(independent),
    stated: certificate.stated,
  };
}

/** One label is one witness, and so is one key, whatever the certificates beside it lead to. */
const witnesses = (independent: readonly TokenFact[]): readonly string[] =>
  independent.flatMap(({ label, signerKey }, i) =>
    independent.slice(0, i).some((one) => one.label === label || one.signerKey === signerKey) ? [] : label!,
  );

const blockTime = (fact: AnchorFact, proven: boolean): When => ({
  clock: 'block',
  at: fact.blockTime,
  proven,
});

const tokenTime = (fact: TokenFact, proven: boolean): When => ({
  clock: fact.by === 'operator' ? 'own-token' : 'authority',
  at: fact.by === 'operator' ? fact.genTime : fact.notAfter,
  proven,
  token: fact,
});

/** Of blocks in earnest chains and tokens of others; where there are none of either, of blocks in test chains. */
function earliest(blocks: readonly AnchorFact[], tokens: readonly TokenFact[]): When | undefined {
  const times = (facts: readonly AnchorFact[]) => facts.map((fact) => blockTime(fact, true));
  const earnest = [
    ...times(blocks.filter((fact) => !fact.test)),
    ...tokens.map((fact) => tokenTime(fact, true)),
  ];
  const [first] = (earnest.length > 0 ? earnest : times(blocks)).toSorted((a, b) => (a.at < b.at ? -1 : 1));
  return first;
}

function notProven(certificate: Certificate): readonly NotProven[] {
  if (eventOf(certificate)) return ['truth', 'legality', 'actors', 'event-alone'];
  const manifest = manifestOf(certificate);
  const always: NotProven[] = ['truth', 'authorship', 'legality', 'other-versions', 'earlier-deposits'];
  if (manifest?.evidence.origin.grade !== 'verified-capture') always.push('origin-unverified');
  const declared = manifest === undefined || manifest.files.every((file) => file.digests === 'declared');
  if (manifest !== undefined && manifest.folder !== null) always.push('folder-declared');
  else if (declared) always.push('digests-declared');
  return always;
}

/** Open because of what the reader's list holds. */
const NOT_A_NEWER_CHECKER: readonly CheckId[] = ['issuer', 'log', 'authority', 'unbroken'];

function remaining(checks: readonly Check[], trust: Trust | undefined): readonly Remaining[] {
  const open = checks.filter((check) => check.status === 'unknown');
  return [
    ...(trust === undefined ? [{ what: 'trust-list', detail: {} } as const] : []),
    ...open.flatMap(({ id, reason: why }): Remaining[] => {
      if (id === 'block') return [{ what: 'block-hash', detail: why.detail }];
      if (id === 'files')
        return [{ what: why.code === 'files-in-folder' ? 'file-of-folder' : 'files', detail: why.detail }];
      if (id === 'content') return [{ what: 'content', detail: why.detail }];
      // One of a known format that is not as that format says stays so for every checker.
      if (id === 'entry' && why.code !== 'entry-format-unknown') return [];
      if (id === 'pdf-pages') return [{ what: 'pages', detail: why.detail }];
      return NOT_A_NEWER_CHECKER.includes(id) ? [] : [{ what: 'newer-checker', detail: why.detail }];
    }),
  ];
}
