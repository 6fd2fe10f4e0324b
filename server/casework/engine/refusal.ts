import { type Language, sentence } from '../../messages/sentence.ts';
import type { Refused } from './act.ts';
import type { Possible } from './possible.ts';
import { familyOf, type Procedure } from './table.ts';
import { bothLabels, label, type Worded } from './words.ts';

/*
 * A refusal with its sentences, for interface and console: which guard, why, and what is possible now.
 */

type Named = Pick<Procedure, 'name'>;

export const presentRefusal = (procedure: Named, refused: Refused) => ({
  code: refused.code,
  ...(refused.guard !== undefined && { guard: refused.guard }),
  detail: refused.detail,
  ...reasonOf(procedure, refused),
  possible: presentPossible(procedure, refused.possible),
});

export const presentPossible = (procedure: Named, list: readonly Possible[]) =>
  list.map((one) => ({
    action: one.action,
    to: one.to,
    allowed: one.allowed,
    name: bothLabels(familyOf(procedure), 'case-action', one.action),
    ...(!one.allowed && {
      code: one.code,
      ...(one.code === 'guard' && { guard: one.guard }),
      reason: reasonOf(procedure, one),
    }),
  }));

type Reasoned = Pick<Refused, 'code' | 'guard' | 'detail'>;

const reasonOf = (procedure: Named, reasoned: Reasoned) => ({
  zh: reasonIn('zh', familyOf(procedure), reasoned),
  en: reasonIn('en', familyOf(procedure), reasoned),
});

function reasonIn(language: Language, family: string, { code, guard, detail }: Reasoned): string {
  const words = Object.fromEntries(
    Object.entries(detail).map(([name, value]) => [name, worded(language, family, name, value)]),
  );
  return guard === undefined
    ? sentence(language, 'case-refusal', code, words)
    : label(language, family, 'case-guard', guard, words);
}

/** Values that are codes of the procedure are said in words; what somebody wrote stays as it is. */
function worded(language: Language, family: string, name: string, value: string | number): string | number {
  if (typeof value === 'number') return value;
  if (name === 'state') return known(language, family, 'case-state', value);
  if (name === 'action') return known(language, family, 'case-action', value);
  if (name !== 'who') return known(language, family, 'case-code', value);
  const who = value.split(', ').map((one) => known(language, family, 'case-who', one));
  return who.join(language === 'zh' ? '、' : ', ');
}

function known(language: Language, family: string, subject: Worded, value: string): string {
  const words = label(language, family, subject, value);
  return words === `${family}.${value}` ? value : words;
}
