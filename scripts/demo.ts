import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { notarizations } from './demo/notarize.ts';
import {
  asRefused,
  checkFile,
  dataDir,
  deposit,
  EXIT_USAGE,
  follow,
  Refused,
  root,
  running,
  save,
  say,
  start,
  userPath,
} from './demo/service.ts';

/*
 * The main job on files of yours, through the HTTP interface alone: deposit, each state as it is reached, certificate,
 * and its check off line by the command line; or a whole notarization. Nothing of the service is imported here: what
 * this can do, any client can.
 */

async function main(): Promise<number> {
  const [first, ...rest] = process.argv.slice(2);
  const notarize = first === '--notarize';
  const paths = (notarize ? rest : process.argv.slice(2)).map(userPath);
  if (paths.length === 0 || (notarize && paths.length !== 1)) {
    say('用法 usage: npm run demo -- FILE...\n            npm run demo -- --notarize FILE');
    return EXIT_USAGE;
  }
  if (notarize) return notarized(paths[0]!);
  for (const path of paths) await checkFile(path);
  const found = await running();
  const { demo, service } = found ? { demo: found, service: undefined } : await start();
  let certificatePath: string;
  let blockHash: string | null | undefined;
  try {
    const { name, apiKey } = demo.organizations.find((one) => one.role === 'depositor')!;
    say(`\n存证 deposit: ${name} → ${demo.url}`);
    const began = Date.now();
    const made = await deposit(demo, apiKey, paths);
    say(`  201，${((Date.now() - began) / 1000).toFixed(1)} s，编号 id ${made.id}\n\n状态 states:`);
    const view = await follow(demo, apiKey, made.id);
    blockHash = view.anchors.find((anchor) => anchor.blockHash !== null)?.blockHash;
    const answer = await fetch(`${demo.url}/v1/evidence/${made.id}/certificate`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    if (!answer.ok) throw new Refused(`未取到证书 / no certificate: ${answer.status}`);
    // Beside the demonstration's other data, which git ignores.
    certificatePath = join(dataDir, `${made.id}.certificate.json`);
    await save(certificatePath, Buffer.from(await answer.arrayBuffer()));
  } finally {
    if (service !== undefined) {
      service.kill('SIGTERM');
      await new Promise((ended) => service.on('exit', ended));
      say('\n服务已停止，以下核验不依赖它 / the service has stopped; the check below does without it');
    }
  }
  say(`\n证书 certificate: ${certificatePath}`);
  say('离线核验 off-line check（演示中区块哈希取自本地演示链；正式使用时请在证书与服务之外自行查询');
  say(
    '  / in this demonstration the block hash is that of the local chain; in earnest look it up elsewhere）\n',
  );
  const args = [
    'verify',
    certificatePath,
    ...paths,
    '--trust',
    join(dataDir, 'trust.json'),
    '--block-hash',
    blockHash!,
  ];
  const checked = spawnSync(process.execPath, [join(root, 'server', 'cli', 'main.ts'), ...args], {
    stdio: 'inherit',
  });
  return checked.status ?? 1;
}

async function notarized(path: string): Promise<number> {
  await checkFile(path);
  const found = await running();
  const { demo, service } = found ? { demo: found, service: undefined } : await start();
  try {
    await notarizations(demo, path);
    return 0;
  } finally {
    if (service !== undefined) {
      service.kill('SIGTERM');
      await new Promise((ended) => service.on('exit', ended));
    }
  }
}

// `… | head` closes the pipe: the end that any other program would come to.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(141);
  throw error;
});
try {
  process.exitCode = await main();
} catch (cause) {
  const error = asRefused(cause);
  if (!(error instanceof Refused)) throw error;
  process.stderr.write(`kezheng demo: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
