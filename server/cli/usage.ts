import { resolve } from 'node:path';
import process from 'node:process';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** What the command line answers programs with; 64 is EX_USAGE of sysexits(3). */
export const EXIT = { valid: 0, invalid: 1, incomplete: 2, usage: 64 } as const;

/** The command was not given as documented, or names a file that cannot be read. */
export class UsageError extends Error {}

/** Words and options; an unknown option is a UsageError. */
export function parse<Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** npm runs its scripts in the project's folder and says in INIT_CWD where the person stood. */
export const userPath = (path: string): string => resolve(process.env['INIT_CWD'] ?? process.cwd(), path);

/** What others wrote, made harmless for a terminal: no control characters, nothing that reorders the line. */
export const printable = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (hidden) => `\\u{${hidden.codePointAt(0)!.toString(16)}}`,
  );
