import { nameOf } from './pieces.ts';

/*
 * Text from outside before it is drawn: spaces that are all there is on a line are printed by their numbers, and no row
 * of empty lines can push words to where they look like the beginning of something else.
 */

export function visible(text: string): string {
  const lines = text.split(/\r\n|[\n\r]/).map(lineOf);
  const kept = lines.filter((line, i) => i === 0 || !isEmpty(line) || !isEmpty(lines[i - 1]!));
  // Not even a line: what was given is said by its numbers.
  if (text !== '' && kept.every(isEmpty)) return [...text].map(nameOf).join('');
  return kept.join('\n');
}

const isEmpty = (line: string): boolean => /^[ \t]*$/.test(line);

/** An ideographic space or one that does not break, alone on its line, would pass for nothing at all. */
const lineOf = (line: string): string =>
  /^[\t\p{Zs}]*$/u.test(line) ? line.replace(/[^ \t]/gu, nameOf) : line;
