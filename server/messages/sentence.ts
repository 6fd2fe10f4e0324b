import { en } from './en.ts';
import type { Sentences, Subject } from './subjects.ts';
import { zh } from './zh.ts';

export type Language = 'zh' | 'en';

const LANGUAGES: Readonly<Record<Language, Sentences>> = { zh, en };

/** The sentence for a code with its values put in; a code without a sentence stands for itself rather than vanish. */
export function sentence(
  language: Language,
  subject: Subject,
  code: string,
  detail: Readonly<Record<string, string | number>> = {},
): string {
  const template = LANGUAGES[language][subject][code] ?? code;
  return template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in detail ? String(detail[name]) : whole,
  );
}

export const bothLanguages = (
  subject: Subject,
  code: string,
  detail: Readonly<Record<string, string | number>> = {},
): { readonly zh: string; readonly en: string } => ({
  zh: sentence('zh', subject, code, detail),
  en: sentence('en', subject, code, detail),
});
