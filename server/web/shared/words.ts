import { printable } from '../../messages/printable.ts';
import { bothLanguages, sentence } from '../../messages/sentence.ts';
import type { Subject } from '../../messages/subjects.ts';
import { type Child, h } from './dom.ts';

/*
 * Each sentence in both languages, Chinese first. What came from outside is made visible where it would hide.
 */

export interface Both {
  readonly zh: string;
  readonly en: string;
}

export type Detail = Readonly<Record<string, string | number>>;

/** Two spans, each with its language: a voice reads them rightly, and the style sets one beneath the other or beside. */
export const spans = ({ zh, en }: Both): readonly Child[] => [
  h('span', { lang: 'zh-CN' }, printable(zh)),
  ' ',
  h('span', { lang: 'en' }, printable(en)),
];

export const say = (subject: Subject, code: string, detail: Detail = {}): readonly Child[] =>
  spans(bothLanguages(subject, code, detail));

export const page = (code: string, detail: Detail = {}): readonly Child[] => say('page', code, detail);

/** Where a value is itself a sentence, each language gets its own. */
export const pageWith = (code: string, why: Both): Both => ({
  zh: sentence('zh', 'page', code, { why: why.zh }),
  en: sentence('en', 'page', code, { why: why.en }),
});

/** Where only text can stand: attributes, titles. */
export const plain = (code: string, detail: Detail = {}): string => {
  const { zh, en } = bothLanguages('page', code, detail);
  return printable(`${zh} ${en}`);
};

/** Names and titles that others wrote; their direction of writing stays inside. */
export const foreign = (text: string): HTMLElement => h('bdi', {}, printable(text));

/** Digests, hashes, addresses: may break anywhere, are read digit by digit. */
export const code = (text: string): HTMLElement => h('code', {}, printable(text));
