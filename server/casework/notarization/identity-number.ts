/*
 * Identity numbers stand encrypted in a store of their own; a case and its events, which are kept for ever, hold a
 * reference and the masked form. Free text is where a number would slip in all the same.
 */

/** GB 11643-1999: region, date of birth, serial, check character; not inside a longer run such as a digest. */
const NUMBER =
  /(?<![0-9A-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])/g;

/** ISO 7064 MOD 11-2: the weight of place i is 2^(17−i) mod 11. */
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2] as const;
const CHECK = '10X98765432';

const holds = (number: string): boolean => {
  const sum = WEIGHTS.reduce((total, weight, i) => total + weight * Number(number[i]), 0);
  return CHECK[sum % 11] === number[17]!.toUpperCase();
};

export const hasIdentityNumber = (text: string): boolean =>
  [...text.matchAll(NUMBER)].some(([number]) => holds(number));

/** Whether any text of a JSON value has one in it. */
export function holdsIdentityNumber(value: unknown): boolean {
  if (typeof value === 'string') return hasIdentityNumber(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(holdsIdentityNumber);
}
