import { procedureChapter } from './engine/document.ts';
import type { Procedure } from './engine/table.ts';
import { NO_FACTS } from './notarization/facts.ts';
import { notarization } from './notarization/procedure.ts';

/** Every procedure, with the facts of an office that has set no rule of its own. */
export const PROCEDURES: readonly { readonly procedure: Procedure; readonly defaults: unknown }[] = [
  { procedure: notarization, defaults: NO_FACTS },
];

const HEAD = `# 办事程序 Procedures

This page is made from the tables that the service runs (\`node scripts/run.mjs scripts/readme/procedures.ts\`); a test
compares them. An action is refused unless its state, its people, its input and every one of its guards allow it, and
then the refusal names the guard. Clocks count by the calendar of China.

本页由程序所执行的表生成，与实际执行的规则一致。“公证机构自定”的期限和条件不是法律规定。`;

export const proceduresDocument = (): string =>
  `${[HEAD, ...PROCEDURES.map(({ procedure, defaults }) => procedureChapter(procedure, defaults))].join('\n\n')}\n`;
