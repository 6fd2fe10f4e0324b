import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';

const root = join(import.meta.dirname, '..');

/** Type check (TypeScript 7) and lint (Biome); what they find goes to the terminal. */
export function check(): boolean {
  const tool = (name: string, ...args: readonly string[]): boolean => {
    process.stdout.write(`${name}\n`);
    const done = spawnSync(process.execPath, [join(root, 'node_modules', '.bin', name), ...args], {
      cwd: root,
      stdio: 'inherit',
    });
    return done.status === 0;
  };
  const types = tool('tsc') && tool('tsc', '-p', 'server/web') && tool('tsc', '-p', 'test/web');
  return tool('biome', 'check', '--error-on-warnings', '.') && types;
}

if (import.meta.main) process.exitCode = check() ? 0 : 1;
