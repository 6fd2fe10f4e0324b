import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';

/* Services as people start them, two at once, on a folder that is new to both. */

const MAIN = join(import.meta.dirname, '..', 'server', 'main.ts');

interface Started {
  readonly said: () => string;
  /** ready, or how it ended */
  readonly outcome: Promise<'ready' | number | null>;
  readonly kill: () => Promise<void>;
}

function start(dataDir: string): Started {
  const env = { ...process.env, KEZHENG_PORT: '0', KEZHENG_DATA_DIR: dataDir, KEZHENG_LOG_LEVEL: 'fatal' };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const ready = new Promise<'ready'>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('kezheng ready')) resolve('ready');
      });
  });
  return {
    said: () => said,
    outcome: Promise.race([ready, ended]),
    async kill() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

t.test('of two first starts at once one serves, and the other says that the folder is taken', async (t) => {
  for (let round = 0; round < 2; round++) {
    const dataDir = mkdtempSync(join(tmpdir(), 'kezheng-first-'));
    const both = [start(dataDir), start(dataDir)];
    const outcomes = await Promise.all(both.map(({ outcome }) => outcome));
    t.same([...outcomes].sort(), [1, 'ready'], both.map(({ said }) => said()).join('\n'));
    const loser = both[outcomes.indexOf(1)];
    t.match(loser?.said(), /^kezheng: KEZHENG_DATA_DIR：/);
    await Promise.all(both.map(({ kill }) => kill()));
    // What was made is whole: it starts again.
    const again = start(dataDir);
    t.equal(await again.outcome, 'ready', again.said());
    await again.kill();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
