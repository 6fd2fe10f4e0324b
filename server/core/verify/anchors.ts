import { checkEvent, checkHeader, checkReceipt, checkTransaction } from '../anchor/ethereum-header.ts';
import { hex0x } from '../anchor/fields.ts';
import type { Anchor, HeaderAnchor } from '../certificate/certificate.ts';
import { keccak256 } from '../hash/keccak.ts';
import { toHex } from '../read/bytes.ts';
import { FormatError, type Reason } from '../reason.ts';
import { ANCHOR_CHECKS, type AnchorFact, type Check, reason, type Status } from './report.ts';
import type { Trust, TrustedLog } from './trust.ts';

/**
 * What a source says of one block, read by whoever runs the check: a node, an explorer, a person with a hash on paper.
 * The source must not be one that the certificate named.
 */
export interface ComparedBlock {
  readonly source: string;
  /** undefined where the source gave a hash and nothing else */
  readonly chainId?: number;
  readonly genesisHash?: string;
  readonly number?: number;
  /** 0x…; undefined where the source has no final block at this number */
  readonly hash?: string;
}

export interface AnchorFinding {
  readonly checks: readonly Check[];
  /** root and size in the transaction, where it could be read */
  readonly anchored: { readonly root: Uint8Array; readonly size: number } | undefined;
  readonly fact: AnchorFact | undefined;
  /** Every check of this anchor passed. */
  readonly proven: boolean;
}

/** FORMAT.md, «Verification», steps 11 to 17, on every anchor. */
export function checkAnchors(
  anchors: readonly Anchor[],
  trust: Trust | undefined,
  blocks: readonly ComparedBlock[],
): readonly AnchorFinding[] {
  const own = anchors.map((anchor) => (anchor.type === 'unknown' ? '' : hex0x(keccak256(anchor.header))));
  const findings = anchors.map((anchor, i) =>
    checkAnchor(
      anchor,
      `anchors[${i}]`,
      trust,
      blocks.filter((block) => speaksOf(block, own[i]!, own)),
    ),
  );
  const good = findings.some((finding) => finding.proven);
  return good ? findings.map(forgiveUnlisted) : findings;
}

/** A bare hash that is one anchor's says nothing of the others; one that is nobody's speaks against all. */
const speaksOf = (block: ComparedBlock, own: string, all: readonly string[]): boolean =>
  block.number !== undefined || block.hash === own || !all.some((hash) => hash === block.hash);

/** Beside an anchor that proves the time, one in a log that the reader does not list yet is open, not wrong. */
function forgiveUnlisted(finding: AnchorFinding): AnchorFinding {
  const failed = finding.checks.filter((check) => check.status === 'failed');
  if (failed.length !== 1 || failed[0]!.id !== 'log') return finding;
  const open = (check: Check): Check => (check === failed[0] ? { ...check, status: 'unknown' } : check);
  return { ...finding, checks: finding.checks.map(open) };
}

/** The steps on one anchor; `blocks` are what sources say of it. */
export function checkAnchor(
  anchor: Anchor,
  at: string,
  trust: Trust | undefined,
  blocks: readonly ComparedBlock[],
): AnchorFinding {
  const steps = new Steps(at);
  if (anchor.type === 'unknown') {
    steps.note('anchor', 'unknown', reason('anchor-type-unknown', { type: anchor.name }));
    return {
      checks: steps.rest(reason('anchor-type-unknown', { type: anchor.name })),
      anchored: undefined,
      fact: undefined,
      proven: false,
    };
  }
  steps.note('anchor', 'passed', reason('anchor-type-known', { type: anchor.type }));
  return checkHeaderAnchor(anchor, steps, trust, blocks);
}

function checkHeaderAnchor(
  anchor: HeaderAnchor,
  steps: Steps,
  trust: Trust | undefined,
  blocks: readonly ComparedBlock[],
): AnchorFinding {
  const header = steps.attempt(
    'header',
    () => checkHeader(anchor.header),
    (h) => reason('header-hashed', { number: h.number, hash: h.hash }),
  );
  const transaction =
    header &&
    steps.attempt(
      'transaction',
      () => checkTransaction(anchor, header),
      (t) => reason('transaction-proven', { hash: t.hash }),
    );
  const receipt =
    header &&
    transaction &&
    steps.attempt(
      'receipt',
      () => checkReceipt(anchor, header, transaction),
      () => reason('receipt-proven'),
    );
  const event =
    transaction &&
    receipt &&
    steps.attempt(
      'event',
      () => checkEvent(receipt, anchor.logPosition, transaction),
      () => reason('event-found', { index: transaction.index }),
    );
  if (header === undefined || transaction === undefined)
    return {
      checks: steps.rest(reason('earlier-check-failed')),
      anchored: undefined,
      fact: undefined,
      proven: false,
    };
  const known = trust?.logs.filter(
    (log) =>
      log.chainId === transaction.chainId &&
      log.contract === transaction.to &&
      log.operator === transaction.sender,
  );
  if (event !== undefined) {
    steps.note('log', ...logTrusted(known, transaction));
    steps.note('block', ...blockCompared(header, transaction.chainId, known ?? [], blocks));
  }
  const checks = steps.rest(reason('earlier-check-failed'));
  return {
    checks,
    anchored: { root: transaction.root, size: transaction.size },
    fact: {
      chainId: transaction.chainId,
      contract: transaction.to,
      operator: transaction.sender,
      index: transaction.index,
      root: toHex(transaction.root),
      size: transaction.size,
      transactionHash: transaction.hash,
      blockNumber: header.number,
      blockHash: header.hash,
      blockTime: new Date(header.timestamp * 1000).toISOString(),
      chain: known?.[0]?.chain,
      runBy: known?.[0]?.runBy,
      test: known?.some((log) => log.test) !== false || known.length === 0,
    },
    proven: checks.every((check) => check.status === 'passed'),
  };
}

interface Place {
  readonly chainId: number;
  readonly to: string;
  readonly sender: string;
}

function logTrusted(
  known: readonly TrustedLog[] | undefined,
  { chainId, to, sender }: Place,
): [Status, Reason] {
  const detail = { chainId, contract: to, operator: sender };
  if (known === undefined) return ['unknown', reason('no-trust-list', detail)];
  if (known.length === 0) return ['failed', reason('log-not-trusted', detail)];
  return ['passed', reason('log-trusted', { ...detail, runBy: known[0]!.runBy })];
}

/** One source that contradicts is enough to fail; one that confirms is enough to pass where none does. */
function blockCompared(
  header: { readonly hash: string; readonly number: number },
  chainId: number,
  known: readonly TrustedLog[],
  blocks: readonly ComparedBlock[],
): [Status, Reason] {
  const answers = blocks
    .filter((block) => block.number === undefined || block.number === header.number)
    .map((block) => compareBlock(header, chainId, known, block));
  const toCompare: [Status, Reason] = [
    'unknown',
    reason('block-not-compared', { chainId, number: header.number, hash: header.hash }),
  ];
  const telling = (status: Status) => answers.find((answer) => answer[0] === status);
  return telling('failed') ?? telling('passed') ?? telling('unknown') ?? toCompare;
}

function compareBlock(
  header: { readonly hash: string; readonly number: number },
  chainId: number,
  known: readonly TrustedLog[],
  block: ComparedBlock,
): [Status, Reason] {
  const { source } = block;
  if (block.chainId !== undefined && block.chainId !== chainId)
    return [
      'unknown',
      reason('block-source-other-chain', { source, expected: chainId, actual: block.chainId }),
    ];
  // Another chain with the same id has another first block: what its node says is not about the trusted chain.
  if (
    block.genesisHash !== undefined &&
    known.length > 0 &&
    !known.some((log) => log.genesisHash === block.genesisHash)
  )
    return ['unknown', reason('block-source-other-genesis', { source, actual: block.genesisHash })];
  if (block.hash === undefined)
    return ['unknown', reason('block-not-final', { source, number: header.number })];
  if (block.hash !== header.hash)
    return [
      'failed',
      reason('block-differs', { source, number: header.number, expected: block.hash, actual: header.hash }),
    ];
  return ['passed', reason('block-compared', { source, number: header.number, hash: header.hash })];
}

/** The checks of one anchor in their order: noted as they happen, the ones never reached filled in at the end. */
class Steps {
  readonly at: string;
  readonly noted: Check[] = [];

  constructor(at: string) {
    this.at = at;
  }

  note(id: (typeof ANCHOR_CHECKS)[number], status: Status, why: Reason): void {
    this.noted.push({ id, at: this.at, status, reason: why });
  }

  /** Runs a check; its value where it passed, undefined where the bytes refused. */
  attempt<T>(
    id: (typeof ANCHOR_CHECKS)[number],
    check: () => T,
    passed: (value: T) => Reason,
  ): T | undefined {
    try {
      const value = check();
      this.note(id, 'passed', passed(value));
      return value;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.note(id, 'failed', error);
      return undefined;
    }
  }

  rest(why: Reason): readonly Check[] {
    for (const id of ANCHOR_CHECKS.slice(this.noted.length)) this.note(id, 'skipped', why);
    return this.noted;
  }
}
