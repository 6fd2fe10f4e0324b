import { deedWords } from '../../messages/deed.ts';
import type { DeedText } from './assemble.ts';

/*
 * The text of a deed as its notary edits it: one text, a paragraph to a line, its two parts under the titles that they
 * have in print.
 */

const BASICS = deedWords('basics').zh;
const TESTIMONY = deedWords('testimony').zh;

export const deedTextOf = ({ basics, testimony }: DeedText): string =>
  [BASICS, ...basics, '', TESTIMONY, ...testimony].join('\n');

/** Paragraphs again. Where the title of the testimony was deleted nothing is guessed: all of it is testified. */
export function readDeedText(text: string): DeedText {
  const lines = text
    .split(/\r\n|[\r\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const at = lines.indexOf(TESTIMONY);
  const before = lines.slice(0, Math.max(at, 0));
  const basics = before[0] === BASICS ? before.slice(1) : before;
  return { basics, testimony: lines.slice(at + 1) };
}
