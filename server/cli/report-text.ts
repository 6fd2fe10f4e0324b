import type { Facts } from '../core/verify/report.ts';
import { sentence } from '../messages/sentence.ts';
import { escapedJson } from './escaped-json.ts';
import type { Hint } from './hints.ts';
import { printable } from './usage.ts';

export interface Both {
  readonly zh: string;
  readonly en: string;
}

export interface Presented {
  readonly verdict: string;
  readonly verdictText: Both;
  readonly testChain: boolean;
  readonly testChainText?: Both;
  readonly checks: readonly {
    readonly id: string;
    readonly at?: string;
    readonly status: string;
    readonly name: Both;
    readonly reason: Both;
  }[];
  readonly facts: Facts | null;
  readonly notProven: readonly Both[];
  readonly remaining: readonly (Both & Readonly<Record<string, string | number>>)[];
}

export const both = ({ zh, en }: Both): string => `${printable(zh)} / ${printable(en)}`;

/** The report as people read it at a terminal: what is certain, what is open, and what it does not prove. */
export function reportText(report: Presented, hints: readonly Hint[]): string {
  return text([
    '可证 核验报告 / kezheng report',
    '',
    ...conclusion(report),
    ...(report.facts ? factLines(report.facts) : []),
    '',
    '检查 checks:',
    ...checkLines(report.checks, hints),
    ...remainingLines(report),
    ...section(
      '不证明 not proven:',
      report.notProven.map((item) => `  - ${both(item)}`),
    ),
  ]);
}

/** The conclusion, and only what failed or is open. */
export function briefText(report: Presented, hints: readonly Hint[]): string {
  const telling = report.checks.filter(({ status }) => status === 'failed' || status === 'unknown');
  return text([...conclusion(report), ...checkLines(telling, hints), ...remainingLines(report)]);
}

export const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

export const conclusion = (report: Omit<Presented, 'facts'>): readonly string[] => [
  `结论 verdict: ${both(report.verdictText)}`,
  ...(report.testChainText ? [`注意 note: ${both(report.testChainText)}`] : []),
];

export const remainingLines = ({ remaining, facts }: Presented): readonly string[] =>
  section(
    '尚待比对 to be compared by you:',
    remaining.map((item) => remainingLine(item, facts)),
  );

export const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', title, ...lines];

const SIGN: Readonly<Record<string, string>> = { passed: '✓', failed: '✗', unknown: '?', skipped: '-' };

/** A hint stands with the first check that it is about. */
export function checkLines(checks: Presented['checks'], hints: readonly Hint[]): readonly string[] {
  return checks.flatMap((check, i) => [
    ...linesOf(check),
    ...hints
      .filter((hint) => hint.check === check.id && checks.findIndex(({ id }) => id === check.id) === i)
      .map((hint) => `      提示 hint: ${both(hint)}`),
  ]);
}

function linesOf(check: Presented['checks'][number]): readonly string[] {
  const where = check.at === undefined ? '' : ` ${check.at}`;
  const status = `${sentence('zh', 'status', check.status)} ${sentence('en', 'status', check.status)}`;
  return [
    `  ${SIGN[check.status]} ${check.id}${where}  ${check.name.zh} ${check.name.en}: ${status}`,
    `      ${both(check.reason)}`,
  ];
}

function remainingLine(item: Presented['remaining'][number], facts: Facts | null): string {
  const { zh, en, what, ...detail } = item;
  const values = Object.entries(detail).map(([name, value]) => `${name} ${printable(String(value))}`);
  // Whatever a source said instead of the hash: the hash to compare is the one in the certificate.
  if (what === 'block-hash' && !('hash' in detail))
    for (const { blockNumber, blockHash } of facts?.anchors ?? [])
      if (detail['number'] === undefined || detail['number'] === blockNumber)
        values.push(`${detail['number'] === undefined ? `number ${blockNumber}, ` : ''}hash ${blockHash}`);
  return `  - ${both({ zh, en })}${values.length > 0 ? `\n      ${values.join(', ')}` : ''}`;
}

function factLines(facts: Facts): readonly string[] {
  const { what, who, counts } = facts;
  return [
    '',
    `证书 certificate: ${facts.certificate.number}, 第 ${facts.certificate.revision} 版 revision`,
    ...(what ? [`证据 evidence: ${printable(what.title)} (${what.evidenceId})`] : []),
    ...(facts.event ? eventLines(facts.event) : []),
    ...(who.depositor ? [`存证人 depositor: ${printable(who.depositor.name)}`] : []),
    ...(who.signer ? [`签发者 signer: ${printable(who.signer)}`] : []),
    ...(what?.folder
      ? [`文件夹 folder: ${what.folder.size} 个文件 files，树根 root ${what.folder.root}`]
      : []),
    ...(what?.files ?? []).map(
      (file) => `文件 file: ${printable(file.name)}, ${file.size} 字节 bytes, ${file.sha256}`,
    ),
    '时间 clocks:',
    ...facts.when.map(
      (one) =>
        `  ${CLOCKS[one.clock]}${tokenOf(one)}: ${one.at}${counts?.clock === one.clock && counts.at === one.at ? '  ← 以此为准 this one counts' : ''}`,
    ),
    ...(facts.authorities.length > 0
      ? [
          `独立时间戳机构 independent authorities: ${facts.authorities.length} (${facts.authorities.map(printable).join(', ')})`,
        ]
      : []),
    ...facts.anchors.map(
      (anchor) =>
        `区块 block: 链 chain ${anchor.chainId}${anchor.chain ? ` ${printable(anchor.chain)}` : ''}, ${anchor.blockNumber}, ${anchor.blockHash}`,
    ),
    ...facts.renewals.map(
      ({ at, of, token }) =>
        `续期 renewal: ${at} → ${of}, ${token.genTime}, ${printable(token.label ?? token.signer)}`,
    ),
    ...facts.layers.map(
      ({ at, goodUntil, carriedBy }) =>
        `证书有效至 keys good until: ${at} ${goodUntil}${carriedBy ? `, 已续期 carried on by ${carriedBy}` : ''}`,
    ),
    ...facts.stated.map(
      ({ name, value }) => `签发者自述 stated by the issuer: ${printable(name)} = ${printable(value)}`,
    ),
  ];
}

const eventLines = (event: NonNullable<Facts['event']>): readonly string[] => [
  `事件 event: 案件 case ${event.case}, ${event.procedure}, 第 ${event.index} 号（从 0 起） index (from 0)`,
  `事项 action: ${event.action}, ${event.from === null ? '—' : printable(event.from)} → ${printable(event.to)}, ${printable(event.actor.role)} ${event.actor.organization}${event.actor.person === null ? '' : `/${event.actor.person}`}`,
];

/** Who stamped: as the trust list calls it, or else as the certificate does that nobody vouches for. */
function tokenOf({ token }: Facts['when'][number]): string {
  if (token === undefined) return '';
  const { label, signer, policy, serial } = token;
  const name =
    label === undefined ? `${printable(signer)}，不在信任清单中 not in the trust list` : printable(label);
  return ` [${name}; 策略 policy ${policy}; 序列号 serial ${serial}]`;
}

const CLOCKS: Readonly<Record<string, string>> = {
  server: '服务收到（运营者所述） received, as the operator says',
  issuer: '签发（签发者所述） issued, as the issuer says',
  'own-token': '时间戳（运营者自己的，只是其陈述） time stamp, the operator’s own statement',
  authority: '时间戳机构（不晚于） time-stamp authority, not later than',
  block: '区块 block',
};

export const jsonText = (value: unknown): string => `${escapedJson(JSON.stringify(value, undefined, 2))}\n`;
