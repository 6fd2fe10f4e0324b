import { hasRightCheck } from '../../identity/resident-number.ts';

/*
 * Identity numbers stand encrypted in a store of their own; a case and its events, which are kept for ever, hold a
 * reference and the masked form. Free text is where a number would slip in all the same.
 */

/** A number whose date of birth may be one. */
const NUMBER = /(?<!\d)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX](?!\d)/g;

/** Digests and keys, in which eighteen digits in a row are chance. */
const LONG_RUN = /[0-9A-Z]{32,}/g;

/** Also of full-width digits, with letters beside it, with marks that are not seen, or with spaces between its groups. */
export function hasIdentityNumber(text: string): boolean {
  const plain = text
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toUpperCase()
    .replaceAll(LONG_RUN, ' # ');
  const closed = plain.replaceAll(/(?<=\d)[\s\p{Pd}]+(?=[\dX])/gu, '');
  return [plain, closed].some((one) => [...one.matchAll(NUMBER)].some(([number]) => hasRightCheck(number)));
}

/** Whether any text of a JSON value has one in it. */
export function holdsIdentityNumber(value: unknown): boolean {
  if (typeof value === 'string') return hasIdentityNumber(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(holdsIdentityNumber);
}
