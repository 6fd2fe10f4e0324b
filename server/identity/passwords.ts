import { randomBytes } from 'node:crypto';
import argon2 from 'argon2';
import { createTurns } from './turns.ts';
import { isWorst } from './worst-passwords.ts';

/** What one guess costs: RFC 9106 §4 asks for 64 MiB and three passes where memory is short; one lane, for the core is shared. */
export interface PasswordCost {
  readonly memoryKiB: number;
  readonly passes: number;
}
const COST: PasswordCost = { memoryKiB: 64 * 1024, passes: 3 };

/** So much memory at most is taken by them: two times 64 MiB. */
const AT_ONCE = 2;
/** Some tenths of a second each: the last in line waits some seconds. */
const MOST_WAITING = 32;

/** Characters, after NFKC. The longest that anybody types; what is longer is work for nothing. */
export const PASSWORD_LENGTH = { least: 12, most: 256 } as const;

export type PasswordFault =
  | 'password-too-short'
  | 'password-too-long'
  | 'password-like-login'
  | 'password-common';

export interface Passwords {
  /** PHC string */
  hash(password: string): Promise<string>;
  /** Takes the same time where there is nothing stored. Throws TooManyWaiting. */
  verify(stored: string | undefined, password: string): Promise<boolean>;
  /** Whether it was made at another cost than today's. */
  isOld(stored: string): boolean;
}

/** One password has one form, whichever keyboard it was typed on. */
const normal = (password: string): string => password.normalize('NFKC');

/** Why this is no password for this login; undefined where it is one (NIST SP 800-63B §3.1.1.2: length, and no rules of composition). */
export function passwordFault(password: string, login: string): PasswordFault | undefined {
  const text = normal(password);
  const length = [...text].length;
  if (length < PASSWORD_LENGTH.least) return 'password-too-short';
  if (length > PASSWORD_LENGTH.most) return 'password-too-long';
  const lower = text.toLowerCase();
  // A login of two characters stands in half of all words.
  if (lower === login || (login.length > 2 && lower.includes(login))) return 'password-like-login';
  return isWorst(lower) ? 'password-common' : undefined;
}

export function createPasswords(cost: PasswordCost = COST): Passwords {
  const options = { memoryCost: cost.memoryKiB, timeCost: cost.passes, parallelism: 1 };
  const turns = createTurns(AT_ONCE, MOST_WAITING);
  const make = (password: string) => argon2.hash(normal(password), { ...options, type: argon2.argon2id });
  // Of nobody: what is compared where there is no account, so that this takes as long.
  const dummy = make(randomBytes(32).toString('base64'));
  // Told to whoever compares; until then it is nobody's failure.
  dummy.catch(() => {});
  return {
    hash: (password) => turns.take(() => make(password)),
    async verify(stored, password) {
      const against = stored ?? (await dummy);
      const holds = await turns.take(() => argon2.verify(against, normal(password)));
      return holds && stored !== undefined;
    },
    isOld: (stored) => argon2.needsRehash(stored, options),
  };
}

/** A password that nobody has to remember: 120 random bits. */
export const randomPassword = (): string => randomBytes(15).toString('base64url');

/** Of a random password: nothing can be guessed, so that a guess need not cost anything. Made anew at the first sign-in. */
export const hashRandom = (password: string): Promise<string> =>
  argon2.hash(normal(password), { memoryCost: 1024, timeCost: 2, parallelism: 1, type: argon2.argon2id });
