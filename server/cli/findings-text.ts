import process from 'node:process';
import { type Finding, listening, type Place, type Repaired, type Report } from '../audit/finding.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { EXIT, printable } from './usage.ts';

/*
 * What fsck and audit find, as people or programs read it: findings on standard output as they come, how far it is on
 * standard error.
 */

export interface Telling extends Report {
  /** The last line, and the exit code: 0 nothing is wrong, 1 something is, 2 not everything could be looked at. */
  end(): number;
}

export function tellFindings(json: boolean): Telling {
  const out = (text: string): void => void process.stdout.write(text);
  const report = listening({
    found: (finding) => out(json ? line(findingJson(finding)) : findingText(finding)),
    repaired: (code, place) => out(json ? line(repairJson(code, place)) : repairText(code, place)),
    unread: (part, why) => out(json ? line({ type: 'unread', part, why }) : unreadText(part, why)),
    progress: (part, done) => void process.stderr.write(`${part} ${done}\n`),
  });
  return {
    ...report,
    end() {
      const counts = report.outcome();
      const isClean = counts.errors + counts.warnings === 0;
      if (json) out(line({ type: 'summary', ...counts }));
      else {
        if (isClean && counts.unread === 0) out(`${both('audit', 'clean')}\n`);
        out(`${both('audit', 'summary', counts)}\n`);
      }
      if (!isClean) return EXIT.invalid;
      return counts.unread > 0 ? EXIT.incomplete : EXIT.valid;
    },
  };
}

/** Characters that a terminal would obey are written as escapes, which JSON means the same by. */
const line = (value: unknown): string =>
  `${JSON.stringify(value).replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (hidden) =>
    [...Array(hidden.length).keys()]
      .map((i) => `\\u${hidden.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  )}\n`;

function findingJson({ reason, ...finding }: Finding) {
  return {
    type: 'finding',
    ...finding,
    ...bothLanguages('finding', finding.code),
    ...(reason && { reason: { ...reason, ...bothLanguages('reason', reason.code, reason.detail) } }),
  };
}

const repairJson = (code: Repaired, place: Place) => ({ type: 'repair', code, ...place });

function findingText({ code, severity, table, key, what, expected, found, reason }: Finding): string {
  const lines = [
    `${both('audit', severity)}  ${table}/${key}  ${code}`,
    `    ${both('finding', code)}${what === undefined ? '' : ` (${what})`}`,
  ];
  if (reason !== undefined) lines.push(`    ${both('reason', reason.code, reason.detail)}`);
  if (expected !== undefined) lines.push(`    ${both('audit', 'expected')}: ${expected}`);
  if (found !== undefined) lines.push(`    ${both('audit', 'found')}: ${found}`);
  return `${lines.map(printable).join('\n')}\n`;
}

const repairText = (code: Repaired, { table, key }: Place): string =>
  `${printable(`${both('audit', 'repaired')}  ${table}/${key}  ${code}`)}\n`;

const unreadText = (part: string, why: string): string =>
  `${printable(`${both('audit', 'unread')}  ${part}: ${why}`)}\n`;

function both(
  subject: 'audit' | 'finding' | 'reason',
  code: string,
  detail: Parameters<typeof bothLanguages>[2] | object = {},
): string {
  const { zh, en } = bothLanguages(subject, code, detail as Record<string, string | number>);
  return `${zh} / ${en}`;
}
