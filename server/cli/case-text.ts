import type { CaseFacts, EventLine } from '../core/verify/case.ts';
import {
  type Both,
  both,
  checkLines,
  conclusion,
  type Presented,
  remainingLines,
  section,
  text,
} from './report-text.ts';
import { printable } from './usage.ts';

/* The report of a case as people read it at a terminal. */

type PresentedCase = Omit<Presented, 'facts'> & { readonly facts: CaseFacts | null };

/** The history, one line an event, and every check. */
export function caseText(report: PresentedCase, hints: readonly Both[]): string {
  return text([
    '可证 案卷核验报告 / kezheng report on a case',
    '',
    ...conclusion(report),
    ...(report.facts ? history(report.facts) : []),
    '',
    '检查 checks:',
    ...checkLines(report.checks, []),
    ...toDo(report, hints),
    ...section(
      '不证明 not proven:',
      report.notProven.map((item) => `  - ${both(item)}`),
    ),
  ]);
}

/** The conclusion, the history, and only what failed or is open. */
export function briefCaseText(report: PresentedCase, hints: readonly Both[]): string {
  const telling = report.checks.filter(({ status }) => status === 'failed' || status === 'unknown');
  return text([
    ...conclusion(report),
    ...(report.facts ? history(report.facts) : []),
    '',
    ...checkLines(telling, []),
    ...toDo(report, hints),
  ]);
}

const toDo = (report: PresentedCase, hints: readonly Both[]): readonly string[] => [
  ...hints.map((hint) => `      提示 hint: ${both(hint)}`),
  ...remainingLines({ ...report, facts: null }),
];

const history = (facts: CaseFacts): readonly string[] => [
  '',
  `案件 case: ${facts.case}, 程序 procedure ${facts.procedure}, 状态 state ${printable(facts.state)}`,
  '序号 index, 时间 time, 事项 action, 状态 state, 经办 who, 最早已证时间 earliest proven time:',
  ...facts.events.map(eventLine),
];

function eventLine(event: EventLine): string {
  const { index, at, action, from, to, counts, certificate } = event;
  const state = `${from === null ? '—' : printable(from)} → ${printable(to)}`;
  const proven =
    counts?.at ?? (certificate === undefined ? '尚无证书 no certificate yet' : '尚未证明 not proven');
  return `  ${index}  ${at}  ${action}  ${state}  ${whoOf(event)}  [${proven}]`;
}

/** A machine by its key, or the service itself, is no person. */
const whoOf = ({ actor: { organization, person, role } }: EventLine): string =>
  `${printable(role)} ${organization}${person === null ? '' : `/${person}`}`;
