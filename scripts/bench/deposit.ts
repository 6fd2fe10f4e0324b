import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pairs, perSecond, type Row } from './row.ts';

/*
 * Single hash-only deposits, durable, each with a random idempotency key, against a bare Fastify route; the load
 * generator (wrk) runs on the same cores.
 */

const SECONDS = 8;
const PAIRS = 3;
const CONNECTIONS = 64;

/** wrk's own language. Each request has a body and a key of its own, as real ones have. */
const script = (apiKey: string): string => `
local hex = '0123456789abcdef'
local counter = 0
function setup(thread) end
function init(args)
  math.randomseed(os.time() * 1000 + (tonumber(tostring({}):sub(8), 16) or 0) % 1000)
end
local function digits(n)
  local out = {}
  for i = 1, n, 7 do out[#out + 1] = string.format('%07x', math.random(0, 0xfffffff)) end
  return table.concat(out):sub(1, n)
end
wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
wrk.headers['authorization'] = 'Bearer ${apiKey}'
function request()
  counter = counter + 1
  wrk.headers['idempotency-key'] = digits(32)
  local body = '{"title":"基准测试 benchmark ' .. counter .. '","category":"webpage","origin":{"source":"https://shop.example/item/1"},' ..
    '"files":[{"name":"page.png","size":' .. counter .. ',"mediaType":"image/png","sha256":"' .. digits(64) .. '","sm3":"' .. digits(64) .. '"}]}'
  return wrk.format(nil, '/v1/evidence', nil, body)
end
local bad = 0
function response(status) if status ~= 201 then bad = bad + 1 end end
function done(summary, latency, requests)
  io.write(string.format('RESULT %f %d %d %d\\n', summary.requests / (summary.duration / 1e6),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
`;

export const wrkVersion = (): string => {
  try {
    execFileSync('wrk', ['-v']);
  } catch (error) {
    const text = String((error as { stdout?: Buffer }).stdout ?? '');
    return /wrk (\S+)/.exec(text)?.[1] ?? 'unknown';
  }
  return 'unknown';
};

function load(url: string, lua: string): Promise<number> {
  const child = spawn('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, '-s', lua, url]);
  let out = '';
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (out += text));
  return new Promise((resolve, reject) =>
    child.on('close', () => {
      const [, rate, errors] = /RESULT (\S+) (\d+)/.exec(out) ?? [];
      if (rate === undefined || errors !== '0') reject(new Error(`wrk: ${out}`));
      else resolve(Number(rate));
    }),
  );
}

/** Resolves with the first line that it prints. */
function started(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout!.on('data', (text: Buffer) => pattern.test(text.toString()) && resolve(text.toString()));
    child.on('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
}

export async function run(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-bench-'));
  const root = join(import.meta.dirname, '..', '..');
  const bare = spawn(process.execPath, [join(import.meta.dirname, 'bare-route.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ours = spawn(process.execPath, [join(root, 'server', 'main.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KEZHENG_PORT: '0', KEZHENG_DATA_DIR: folder, KEZHENG_HOST: '127.0.0.1' },
  });
  try {
    const other = JSON.parse(await started(bare, /url/)) as { url: string; version: string };
    await started(ours, /kezheng ready/);
    const demo = JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')) as {
      url: string;
      organizations: readonly { apiKey: string }[];
    };
    const lua = join(folder, 'deposit.lua');
    writeFileSync(lua, script(demo.organizations[0]!.apiKey));
    const url = demo.url.replace('localhost', '127.0.0.1');
    const found = await pairs(
      PAIRS,
      () => load(url, lua),
      () => load(other.url, lua),
    );
    return [
      {
        what: '单条存证，仅摘要，随机幂等键，落盘 / single deposits, durable, random idempotency keys',
        ours: perSecond(found.ours),
        other: perSecond(found.other),
        otherName: `Fastify ${other.version}, bare route that validates and echoes (wrk ${wrkVersion()})`,
        ratio: found.ratio,
        limit: 0.4,
      },
    ];
  } finally {
    bare.kill();
    ours.kill('SIGTERM');
    await new Promise((ended) => ours.on('exit', ended));
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) console.table(await run());
