import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { owned, removeFolder, temporaryFolder } from './cleanup.ts';

/** Our service as a user starts it: a process of its own, every promise kept, a folder of its own. */
export interface BenchedService {
  readonly url: string;
  readonly key: string;
  readonly folder: string;
  readonly stop: () => Promise<void>;
}

/** Resolves with the first output that matches. */
export function firstOutput(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout!.on('data', (text: Buffer) => pattern.test(text.toString()) && resolve(text.toString()));
    child.on('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
}

export async function startBenchedService(
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchedService> {
  const folder = temporaryFolder();
  const child = owned(
    spawn(process.execPath, [join(import.meta.dirname, '..', '..', 'server', 'main.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        KEZHENG_PORT: '0',
        KEZHENG_DATA_DIR: folder,
        KEZHENG_HOST: '127.0.0.1',
        ...settings,
      },
    }),
  );
  await firstOutput(child, /kezheng ready/);
  const demo = JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')) as {
    url: string;
    organizations: readonly { apiKey: string }[];
  };
  return {
    url: demo.url.replace('localhost', '127.0.0.1'),
    key: demo.organizations[0]!.apiKey,
    folder,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await new Promise((ended) => child.on('exit', ended));
      }
      removeFolder(folder);
    },
  };
}
