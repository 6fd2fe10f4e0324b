import { DeedProblem } from './problem.ts';

/*
 * The number of a deed in the office's own format, as `（{year}）{region}证内字第{serial:6}号`. A number reads back to the
 * year and the serial number that it was made of, in one way only: nothing beside a placeholder may be taken for a digit.
 */

export interface DeedNumberTemplate {
  /** before, between and behind the two numbers, the words of the region put in */
  readonly words: readonly [before: string, between: string, behind: string];
  /** whether the year stands first */
  readonly yearFirst: boolean;
  /** digits that a serial number has at least */
  readonly width: number;
}

export interface DeedNumber {
  readonly year: number;
  /** from 1, within the year */
  readonly serial: number;
}

/** A number stands on one line of the first page and at the top of all others. */
const MAX_TEMPLATE = 64;
const MAX_REGION = 16;
/** Nine digits: no office draws up a thousand million deeds in a year. */
const MAX_SERIAL = 999_999_999;
const YEAR_DIGITS = 4;

const PLACEHOLDER = /\{([^{}]*)\}/g;
const SERIAL = /^serial(?::([1-9]))?$/;
/** Letters, digits, single spaces and the signs that such numbers have; nothing invisible, no line break. */
const WORDS = /^(?:[\p{L}\p{Nd}()（）〔〕［］[\]第号—_./-]| (?! ))*$/u;
/** Of any script: a reader of ٣ takes it for a digit, whatever a program does. */
const DIGIT = /\p{Nd}/u;

/** Throws `deed-number-template`, which says what is wrong with it. */
export function deedNumberTemplate(text: string, region = ''): DeedNumberTemplate {
  const refuse = (at: string) => new DeedProblem('deed-number-template', { at });
  if (text.length > MAX_TEMPLATE) throw refuse('length');
  if (region.length > MAX_REGION || !WORDS.test(region) || DIGIT.test(region)) throw refuse('region');
  const whole = text.replace('{region}', () => region);
  const names = [...whole.matchAll(PLACEHOLDER)].map(([, name]) => name!);
  const serial = names.map((name) => SERIAL.exec(name)).find((match) => match !== null);
  if (names.length !== 2 || !names.includes('year') || serial == null) throw refuse('placeholders');
  const words = whole.split(/\{[^{}]*\}/) as [string, string, string];
  const [before, between, behind] = words;
  if (!words.every((part) => WORDS.test(part)) || whole.trim() !== whole) throw refuse('characters');
  const beside = [[...before].at(-1), [...between][0], [...between].at(-1), [...behind][0]];
  if (between === '' || beside.some((one) => one !== undefined && DIGIT.test(one))) throw refuse('digits');
  return { words, yearFirst: names[0] === 'year', width: Number(serial[1] ?? 1) };
}

/** Throws `deed-number-value`. */
export function formatDeedNumber(template: DeedNumberTemplate, { year, serial }: DeedNumber): string {
  const isYear = Number.isInteger(year) && year >= 1000 && year <= 9999;
  if (!isYear || !Number.isInteger(serial) || serial < 1 || serial > MAX_SERIAL)
    throw new DeedProblem('deed-number-value', { year, serial });
  const digits = String(serial).padStart(template.width, '0');
  const [first, second] = template.yearFirst ? [year, digits] : [digits, year];
  const [before, between, behind] = template.words;
  return `${before}${first}${between}${second}${behind}`;
}

/** The inverse: a number that this template does not write, with a zero too many or too few, is `deed-number-other`. */
export function parseDeedNumber(template: DeedNumberTemplate, number: string): DeedNumber {
  const serial = '([0-9]{1,9})';
  const year = `([0-9]{${YEAR_DIGITS}})`;
  const [first, second] = template.yearFirst ? [year, serial] : [serial, year];
  const [before, between, behind] = template.words.map(escaped);
  const found = new RegExp(`^${before}${first}${between}${second}${behind}$`, 'u').exec(number);
  const [one, other] = (found ?? []).slice(1).map(Number);
  const read = template.yearFirst ? { year: one!, serial: other! } : { year: other!, serial: one! };
  if (found === null || !isWritten(template, read, number)) throw new DeedProblem('deed-number-other');
  return read;
}

function isWritten(template: DeedNumberTemplate, read: DeedNumber, number: string): boolean {
  try {
    return formatDeedNumber(template, read) === number;
  } catch (error) {
    if (error instanceof DeedProblem) return false;
    throw error;
  }
}

const escaped = (words: string): string => words.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
