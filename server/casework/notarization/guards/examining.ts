import { isOverdue } from '../../engine/clocks.ts';
import { GROUNDS, NOTICES, REVIEW_ITEMS } from '../codes.ts';
import type { Request } from '../data.ts';
import { Approve, Confirm, given, Refuse, Resubmit } from '../inputs.ts';
import { versionInForce } from '../notices.ts';
import { type Guards, refuseIf, type Seen } from './kind.ts';

const termOf = ({ clocks }: Seen) => clocks.find(({ name }) => name === 'issue');

/** The first point to which nobody has said anything. */
function unanswered(request: Request | null, answers: Request['answers']) {
  const answered = new Set(answers.map(({ point }) => point));
  const point = (request?.points ?? []).findIndex((_, i) => !answered.has(i + 1));
  return point === -1 ? undefined : { point: point + 1 };
}

export const examiningGuards = {
  'correction-answered': (seen) => {
    const answers = given(Resubmit, seen)?.answers;
    return answers && unanswered(seen.data.correction, answers);
  },

  'supplement-answered': ({ data: { supplement } }) => unanswered(supplement, supplement?.answers ?? []),

  'notice-in-force': (seen) => {
    const notice = given(Confirm, seen);
    if (notice === undefined) return undefined;
    const version = versionInForce(notice.code);
    return notice.version === version ? undefined : { version };
  },

  'notices-confirmed': ({ data }) => {
    const missing = NOTICES.filter(
      (code) => !data.notices.some((one) => one.code === code && one.version === versionInForce(code)),
    );
    return missing.length > 0 ? { missing: missing.length } : undefined;
  },

  'term-running': (seen) => refuseIf(termOf(seen)?.state !== 'running'),

  'term-suspended': (seen) => refuseIf(termOf(seen)?.state !== 'stopped'),

  'review-complete': ({ data: { review } }) => {
    const missing = REVIEW_ITEMS.filter(
      (item) => !review?.items.some((one) => one.item === item && one.satisfied),
    );
    return missing.length > 0 ? { missing: missing.length } : undefined;
  },

  /** The latest word counts: what was unclear may be verified again. */
  'verification-clear': ({ data }) => {
    const last = data.verifications.at(-1);
    return last === undefined || last.result === 'confirmed'
      ? undefined
      : { result: `verification-result.${last.result}` };
  },

  'ground-fits': (seen) => {
    const ground = given(Refuse, seen)?.ground;
    // 公证法 31 (9) needs something that was to be paid.
    return refuseIf(ground === GROUNDS[8] && seen.data.fees === null);
  },

  'draft-is-current': (seen) => {
    const version = given(Approve, seen)?.version;
    const current = seen.data.draft?.version ?? 0;
    return version === undefined || version === current ? undefined : { version: current };
  },

  'correction-is-current': (seen) => {
    const version = given(Approve, seen)?.version;
    const current = seen.data.deedCorrection?.version ?? 0;
    return version === undefined || version === current ? undefined : { version: current };
  },

  /** Whoever has answered waits for the office, and not the office for him. */
  'supplement-unanswered': ({ data: { supplement } }) =>
    refuseIf(unanswered(supplement, supplement?.answers ?? []) === undefined),

  /** The service ends a case only where the term has passed, whoever asks it to. */
  'supplement-overdue': ({ clocks, nowMs }) =>
    refuseIf(!clocks.some((clock) => clock.name === 'supplement' && isOverdue(clock, nowMs))),
} satisfies Guards;
