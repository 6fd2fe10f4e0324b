import { createHash, randomBytes } from 'node:crypto';

/*
 * Codes for whoever lost his phone: ten at a time, on paper, each good once. Groups of Crockford's base32, read as
 * people write it.
 */

export const RECOVERY_CODES = 10;
/** 80 bits: hopeless to guess from outside, where wrong ones count like wrong passwords, and from a copied table too. */
const CODE_BYTES = 10;
const GROUP = /.{4}/g;

/** Without I, L, O, which look like digits, and U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CHARACTERS = 16;

const newCode = (): string => {
  const bits = BigInt(`0x${randomBytes(CODE_BYTES).toString('hex')}`);
  return Array.from(
    { length: CHARACTERS },
    (_, i) => ALPHABET[Number((bits >> BigInt(5 * (CHARACTERS - 1 - i))) & 31n)],
  ).join('');
};

/** What is shown once and what is kept: the codes of somebody in groups, and their hashes in the same order. */
export function newRecoveryCodes(): {
  readonly codes: readonly string[];
  readonly hashes: readonly string[];
} {
  const codes = Array.from({ length: RECOVERY_CODES }, newCode);
  return { codes: codes.map((code) => code.match(GROUP)!.join('-')), hashes: codes.map(hashOf) };
}

/** The hash of a code as it was typed; undefined where it can be none. */
export function recoveryHash(text: string): string | undefined {
  const code = text
    .normalize('NFKC')
    .toUpperCase()
    .replaceAll(/[\s\p{Pd}]/gu, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
  return code.length === CHARACTERS && [...code].every((one) => ALPHABET.includes(one))
    ? hashOf(code)
    : undefined;
}

const hashOf = (code: string): string =>
  createHash('sha256').update(`kezheng recovery code\0${code}`).digest('hex');
