import { type Language, sentence } from '../../messages/sentence.ts';
import type { CaseSubject } from '../../messages/subjects.ts';
import type { Detail } from './case.ts';

/** What of a procedure has words: `notarization.accept` is its action accept, in every version of it. */
export type Worded = Exclude<CaseSubject, 'case-refusal'>;

export const label = (
  language: Language,
  family: string,
  subject: Worded,
  name: string,
  detail: Detail = {},
): string => sentence(language, subject, `${family}.${name}`, detail);

export const bothLabels = (family: string, subject: Worded, name: string, detail: Detail = {}) => ({
  zh: label('zh', family, subject, name, detail),
  en: label('en', family, subject, name, detail),
});
