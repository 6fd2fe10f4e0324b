/*
 * The unified social credit code of GB 32100-2015: 18 characters, of which the last is computed from the others. It
 * stands on certificates as the depositor's or operator's; a mistyped one would name somebody else, or nobody.
 */

/** GB 32100-2015 §4.2, table 1: digits and capital letters without I, O, S, V and Z; the place is the value. */
const CHARACTERS = '0123456789ABCDEFGHJKLMNPQRTUWXY';

/** §4.2.5: the weight of place i is 3^(i−1) mod 31. */
const WEIGHTS = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28] as const;

export function isUscc(text: string): boolean {
  const values = [...text].map((character) => CHARACTERS.indexOf(character));
  if (values.length !== WEIGHTS.length + 1 || values.includes(-1)) return false;
  const sum = WEIGHTS.reduce((total, weight, i) => total + weight * values[i]!, 0);
  return values.at(-1) === (31 - (sum % 31)) % 31;
}
