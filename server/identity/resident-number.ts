/*
 * The number of a resident identity card, GB 11643-1999: region, date of birth, serial, and a check character by
 * ISO 7064 MOD 11-2.
 */

/** The weight of place i, from the left, is 2^(17−i) mod 11. */
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2] as const;
/** By the sum mod 11. */
const CHECKS = '10X98765432';

/** Whether the last of its 18 characters belongs to the others. Letters in capitals. */
export const hasRightCheck = (number: string): boolean =>
  CHECKS[WEIGHTS.reduce((sum, weight, i) => sum + weight * Number(number[i]), 0) % 11] === number[17];
