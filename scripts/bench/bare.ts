import { spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { owned } from './cleanup.ts';
import { firstOutput } from './service.ts';

/** The other side of deposits, in a process of its own. */
export interface BareRoute {
  readonly url: string;
  /** of Fastify */
  readonly version: string;
  stop(): void;
}

export async function startBareRoute(): Promise<BareRoute> {
  const child = owned(
    spawn(process.execPath, [join(import.meta.dirname, 'bare-route.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const { url, version } = JSON.parse(await firstOutput(child, /url/)) as { url: string; version: string };
  return { url, version, stop: () => void child.kill() };
}
