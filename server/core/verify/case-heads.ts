import { type CaseHead, parseCaseHead } from '../case/head.ts';
import { attempt, FormatError, type Reason } from '../reason.ts';
import type { Placed } from './case-chain.ts';
import type { CaseCheck, HeadFact, HeadFrom } from './case-report.ts';
import { checkIssuer } from './issuer.ts';
import { reason, type Status } from './report.ts';
import type { SignatureVerifier } from './signatures.ts';
import type { Trust } from './trust.ts';

/*
 * The case against what the service had told the parties, EVENTS.md §5, steps 11 to 16.
 */

export interface GivenHead {
  readonly bytes: Uint8Array;
  /** for people */
  readonly name: string;
  readonly from: HeadFrom;
}

export interface HeadFinding {
  readonly checks: readonly CaseCheck[];
  readonly fact: HeadFact | undefined;
}

type Finding = readonly [Status, Reason];

const SKIPPED: Finding = ['skipped', reason('earlier-check-failed')];

/** The checks of one head, named by its place. */
export async function checkHead(
  given: GivenHead,
  at: string,
  placed: readonly Placed[],
  trust: Trust | undefined,
  signatures: SignatureVerifier,
): Promise<HeadFinding> {
  const head = attempt(() => parseCaseHead(given.bytes));
  if (head instanceof FormatError) {
    const skipped = (['signature', 'issuer', 'head-case', 'head-events'] as const).map((id) =>
      check(id, at, SKIPPED),
    );
    return { checks: [check('head', at, ['failed', head]), ...skipped], fact: undefined };
  }
  const { count, state, at: signedAt } = head;
  const issuer = await checkIssuer(head, trust, signatures, [Date.parse(signedAt)]);
  const signed = issuer.checks.every(({ status }) => status !== 'failed' && status !== 'skipped');
  const ofCase = signed ? caseOf(head, placed) : SKIPPED;
  const ofEvents = ofCase[0] === 'passed' ? eventsOf(head, placed) : SKIPPED;
  const { name, from } = given;
  const agrees = ofEvents[0] === 'passed' && issuer.issuer !== undefined;
  return {
    checks: [
      check('head', at, [
        'passed',
        reason(from === 'holder' ? 'head-of-holder' : 'head-of-package', { count, state, at: signedAt }),
      ]),
      ...issuer.checks.map(({ id, status, reason: why }) =>
        check(id as 'signature' | 'issuer', at, [status, why]),
      ),
      check('head-case', at, ofCase),
      check('head-events', at, ofEvents),
    ],
    fact: { at, name, from, count, state, signedAt, agrees },
  };
}

const check = (id: CaseCheck['id'], at: string, [status, why]: Finding): CaseCheck => ({
  id,
  at,
  status,
  reason: why,
});

function caseOf(head: CaseHead, placed: readonly Placed[]): Finding {
  const event = placed.find((one) => one.event !== undefined)?.event;
  if (event === undefined) return SKIPPED;
  if (head.case === event.case && head.procedure === event.procedure)
    return ['passed', reason('head-of-case', { case: head.case, procedure: head.procedure })];
  const actual = `${head.case} ${head.procedure}`;
  return ['failed', reason('head-of-other-case', { expected: `${event.case} ${event.procedure}`, actual })];
}

/** One leaf is enough: it fixes every event before it. */
function eventsOf({ count, last, state }: CaseHead, placed: readonly Placed[]): Finding {
  const { length } = placed;
  if (count > length)
    return ['failed', reason('tail-missing', { count, given: length, missing: count - length })];
  const { event, leaf } = placed[count - 1]!;
  if (event === undefined) return SKIPPED;
  if (leaf !== last || event.to !== state)
    return ['failed', reason('head-other-branch', { index: count - 1 })];
  return ['passed', reason('head-agrees', { count, state })];
}

/** Whether anything shows that the end was not cut off: of all that was given only a head that the holder kept himself does. */
export function checkTail(heads: readonly HeadFact[], count: number): Finding {
  const held = heldBy(heads);
  if (held > 0) return ['passed', reason('tail-held', { held, count })];
  const own = heads.some(({ from }) => from === 'holder');
  return ['unknown', reason(own || heads.length === 0 ? 'tail-not-known' : 'tail-package-only', { count })];
}

/** Events among which nothing is missing, by what the holder kept. */
export const heldBy = (heads: readonly HeadFact[]): number =>
  Math.max(0, ...heads.filter(({ from, agrees }) => from === 'holder' && agrees).map(({ count }) => count));
