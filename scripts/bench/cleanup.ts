import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/*
 * What a benchmark has open: folders with gigabytes in them, and processes that write into them. A run that is stopped
 * leaves neither behind.
 */

const folders = new Set<string>();
const children = new Set<ChildProcess>();
/** How long a service that is being stopped may take before it is killed. */
const STOP_MS = 10_000;

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-bench-'));
  folders.add(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

export function owned<Child extends ChildProcess>(child: Child): Child {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** A program that does one part alone; what it prints is nobody's, and while it runs a signal is heard. */
export function program(command: string, ...args: readonly string[]): Promise<string> {
  const child = owned(spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] }));
  let out = '';
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${command} ended with ${code}`)),
    );
  });
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(late);
}

/** Exit codes as a shell gives them: 128 + the signal's number. A second signal changes nothing. */
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Returns whether one has come: what fails from then on fails because of it. */
export function cleanUpOnSignals(): () => boolean {
  let stopping = false;
  for (const [signal, code] of Object.entries(CODES))
    process.on(signal, async () => {
      if (stopping) return;
      stopping = true;
      await Promise.all([...children].map(ended));
      for (const folder of folders) removeFolder(folder);
      process.exit(code);
    });
  return () => stopping;
}
