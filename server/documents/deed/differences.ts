import { edits } from './myers.ts';

/*
 * What a notary changed in a text, character by character in Chinese and word by word in other scripts. Whoever approves
 * a deed sees what is not of the template any more.
 */

export interface Difference {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
}

/** A Han character, a word of letters or digits, or one of whatever else there is; a lone surrogate is one too. */
const TOKEN = /(?:(?!\p{Script=Han})[\p{L}\p{M}\p{Nd}])+|[\s\S]/gu;
const LINE = /[^\n]*\n|[^\n]+$/g;

/**
 * Steps of comparing in all, about a quarter of a second: two texts of a hundred thousand characters with nothing in
 * common would take hours. What is left when they are used up is said as one removal and one addition.
 */
const MAX_STEPS = 10_000_000;

interface Budget {
  steps: number;
}

/** In their order; those that are the same or removed make up the first text, the same and the added the second. */
export function differences(assembled: string, edited: string, maxSteps = MAX_STEPS): readonly Difference[] {
  const budget: Budget = { steps: maxSteps };
  const found =
    compared(tokens(assembled), tokens(edited), budget) ?? byLines(assembled, edited, { steps: maxSteps });
  return joined(found);
}

const tokens = (text: string): readonly string[] => text.match(TOKEN) ?? [];
const lines = (text: string): readonly string[] => text.match(LINE) ?? [];

/** Undefined where the budget does not suffice. */
function compared(
  before: readonly string[],
  after: readonly string[],
  budget: Budget,
): Difference[] | undefined {
  return edits(before, after, budget)?.map(({ kind, token }) => ({ kind, text: token }));
}

/** Of long texts first which lines changed, then what changed in them as far as the steps go. */
function byLines(assembled: string, edited: string, budget: Budget): Difference[] {
  const rough = compared(lines(assembled), lines(edited), budget);
  if (rough === undefined) return replaced(assembled, edited);
  return changesOf(joined(rough)).flatMap(({ same, removed, added }) => [
    { kind: 'same', text: same },
    ...(compared(tokens(removed), tokens(added), budget) ?? replaced(removed, added)),
  ]);
}

const replaced = (removed: string, added: string): Difference[] => [
  { kind: 'removed', text: removed },
  { kind: 'added', text: added },
];

interface Change {
  /** what stands before it */
  same: string;
  removed: string;
  added: string;
}

function changesOf(found: readonly Difference[]): readonly Change[] {
  const changes: Change[] = [];
  for (const { kind, text } of found) {
    const last = changes.at(-1);
    const ends = kind === 'same' && (last?.removed !== '' || last.added !== '');
    if (ends || last === undefined) changes.push({ same: '', removed: '', added: '' });
    changes.at(-1)![kind] += text;
  }
  return changes;
}

/** Neighbours of one kind become one; of a change what was removed stands before what was added. */
const joined = (found: readonly Difference[]): Difference[] =>
  changesOf(found)
    .flatMap(({ same, removed, added }): Difference[] => [
      { kind: 'same', text: same },
      ...replaced(removed, added),
    ])
    .filter(({ text }) => text !== '');

/** The second text again, out of the first. Throws where these are not the differences of that text. */
export function applied(found: readonly Difference[], assembled: string): string {
  const textOf = (but: Difference['kind']): string =>
    found
      .filter(({ kind }) => kind !== but)
      .map(({ text }) => text)
      .join('');
  if (textOf('added') !== assembled) throw new Error('differences of another text');
  return textOf('removed');
}
