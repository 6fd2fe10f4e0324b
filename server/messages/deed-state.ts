import type { Both } from './paper.ts';

/* What the public is told of a deed. Revoked is void from the beginning: 公证法 Article 39. */

const WORDS = {
  valid: ['有效', 'in force'],
  corrected: ['已更正，以更正后的为准', 'corrected: what counts is the corrected deed'],
  revoked: ['已撤销（自始无效）', 'revoked (void from the beginning)'],
  'event-issued': ['出具', 'issued'],
  'event-corrected': ['更正', 'corrected'],
  'event-revoked': ['撤销', 'revoked'],
  'event-announced': ['公告', 'announced'],
  note: [
    '请以 SHA-256 核对所持文件；本页只说明公证书的状态，不含任何人的信息。',
    'Compare the SHA-256 with that of your file. This says whether the deed is in force, and nothing of anybody.',
  ],
} as const satisfies Readonly<Record<string, readonly [zh: string, en: string]>>;

export type DeedStateWord = keyof typeof WORDS;
export const DEED_STATE_WORDS = Object.keys(WORDS) as DeedStateWord[];

export function deedState(code: DeedStateWord): Both {
  const [zh, en] = WORDS[code];
  return { zh, en };
}
