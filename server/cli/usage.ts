import { resolve } from 'node:path';
import process from 'node:process';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

export { printable } from '../messages/printable.ts';

/** What the command line answers programs with; 64 is EX_USAGE of sysexits(3). */
export const EXIT = { valid: 0, invalid: 1, incomplete: 2, usage: 64 } as const;

/** What a shell says of a program that SIGPIPE ended: 128 + 13. */
const EXIT_CLOSED_PIPE = 141;

/** The command was not given as documented, or names a file that cannot be read. */
export class UsageError extends Error {}

/** Words and options; an unknown option is a UsageError. */
export function parse<Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(whatIsWrong(error as NodeJS.ErrnoException, Object.keys(options)));
  }
}

/** Node says it in English only. Its sentence names the option between quotes, with a placeholder for the value. */
function whatIsWrong({ code, message }: NodeJS.ErrnoException, known: readonly string[]): string {
  const option = /'(?:-\w, )?(-[^' ]*)/.exec(message)?.[1] ?? '';
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const meant = known.find((name) => isMeantBy(option, name));
    return meant === undefined
      ? `没有选项 ${option} / there is no option ${option}`
      : `没有选项 ${option}，是否为 --${meant}？ / there is no option ${option}; did you mean --${meant}?`;
  }
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE')
    return message.includes('does not take')
      ? `选项 ${option} 不带值 / the option ${option} takes no value`
      : `选项 ${option} 缺少值 / the option ${option} lacks its value`;
  return message;
}

/** The same letters but for hyphens and case, or the beginning of them. */
function isMeantBy(option: string, name: string): boolean {
  const letters = (text: string): string => text.replaceAll('-', '').toLowerCase();
  return letters(option).length > 1 && letters(name).startsWith(letters(option));
}

/** An address that the driver can take apart. What is none may hold a password all the same: it is told nowhere. */
export const isPostgres = (address: string): boolean =>
  URL.canParse(address) && /^postgres(?:ql)?:$/.test(new URL(address).protocol);

/** npm runs its scripts in the project's folder and says in INIT_CWD where the person stood. */
export const userPath = (path: string): string => resolve(process.env['INIT_CWD'] ?? process.cwd(), path);

/** `… | head` closes the pipe when it has seen enough: an end like that of any other program, and no error to show. */
export function endOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT_CLOSED_PIPE);
      throw error;
    });
}
