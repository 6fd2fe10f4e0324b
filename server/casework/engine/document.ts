import type { Language } from '../../messages/sentence.ts';
import { basisText } from './basis.ts';
import { stateDiagram } from './diagram.ts';
import { familyOf, type Procedure, STAYS, type Transition } from './table.ts';
import { label, type Worded } from './words.ts';

/*
 * The documentation of a procedure, read from its table, so that it cannot say anything else than what is enforced.
 */

const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

const table = (head: readonly string[], rows: readonly string[]): string =>
  [row(...head), row(...head.map(() => '---')), ...rows].join('\n');

const code = (name: string): string => `\`${name}\``;

/** `defaults` are the facts of an office that has set no rule of its own: the lengths of terms are read with them. */
export const procedureChapter = (procedure: Procedure, defaults: unknown): string =>
  [
    `## ${code(procedure.name)}`,
    `\`\`\`mermaid\n${stateDiagram(procedure)}\n\`\`\``,
    '### 状态 States',
    stateTable(procedure),
    '### 办理动作 Transitions',
    transitionTable(procedure),
    '### 条件 Guards',
    guardTable(procedure),
    '### 期限 Clocks',
    clockTable(procedure, defaults),
  ].join('\n\n');

const both = (procedure: Pick<Procedure, 'name'>, subject: Worded, name: string): readonly string[] =>
  (['zh', 'en'] satisfies Language[]).map((language) => label(language, familyOf(procedure), subject, name));

const stateTable = (procedure: Procedure): string =>
  table(
    ['状态', 'state', '', ''],
    procedure.states.map((state) => {
      const end = procedure.final.includes(state) ? '终结 final' : '';
      return row(code(state), ...both(procedure, 'case-state', state), end);
    }),
  );

function transitionTable(procedure: Procedure): string {
  const rows = procedure.transitions.map((one) =>
    row(
      `${both(procedure, 'case-action', one.action).join(' / ')} ${code(one.action)}`,
      one.from === null ? '（立案前）' : one.from.map(code).join(' '),
      one.to === STAYS ? '不变 stays' : code(one.to),
      one.who.map((who) => label('zh', familyOf(procedure), 'case-who', who)).join('、'),
      one.guards.map(code).join(' '),
      clockText(one),
    ),
  );
  return table(['动作 action', '自 from', '至 to', '办理人 who', '条件 guards', '期限 clocks'], rows);
}

const clockText = ({ clocks = {} }: Transition): string =>
  Object.entries(clocks)
    .map(([change, names]) => `${change}: ${names.map(code).join(' ')}`)
    .join('；');

const guardTable = (procedure: Procedure): string =>
  table(
    ['条件 guard', '不满足时 when it refuses', '', '依据 basis'],
    Object.keys(procedure.guards).map((guard) =>
      row(code(guard), ...both(procedure, 'case-guard', guard), basisText(procedure.bases[guard])),
    ),
  );

const UNITS = { 'working-days': '个工作日', 'natural-days': '日', hours: '小时' } as const;

function clockTable(procedure: Procedure, defaults: unknown): string {
  const rows = Object.entries(procedure.clocks).map(([name, clock]) => {
    const length = clock.length(defaults);
    const unit = UNITS[clock.unit];
    return row(
      code(name),
      ...both(procedure, 'case-clock', name),
      length === null ? '未设 none' : `${length} ${unit}`,
      clock.remindBefore.map((before) => `${before} ${unit}`).join('、'),
      clock.onPassed === undefined ? '' : code(clock.onPassed),
      basisText(clock.basis),
    );
  });
  return table(
    ['期限 clock', '', '', '长度 length', '提前提醒 reminders', '届满 when passed', '依据 basis'],
    rows,
  );
}
