import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { until } from './configured.ts';

const MAIN = fileURLToPath(new URL('../../server/main.ts', import.meta.url));

/** The real service as a process of its own, which can be killed. */
export interface ServiceProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<unknown>;
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void;
}

/** Settings of the surroundings do not count, only these. Fails with what it said where it does not become ready. */
export async function startProcess(settings: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('KEZHENG_'))),
    KEZHENG_PORT: '0',
    KEZHENG_LOG_LEVEL: 'fatal',
    ...settings,
  };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const url = await until(
    'kezheng ready',
    () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${said}`);
      return /kezheng ready (\S+)/.exec(said)?.[1];
    },
    60_000,
  );
  return { url, child, ended, kill: (signal) => void child.kill(signal) };
}
