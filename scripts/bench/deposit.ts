import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBareRoute } from './bare.ts';
import { owned } from './cleanup.ts';
import { pairs, perSecond, type Row } from './row.ts';
import { startBenchedService } from './service.ts';

/*
 * Single hash-only deposits, durable, each with a random idempotency key, against a bare Fastify route; the load
 * generator (wrk) runs on the same cores. Once with a token for each, signed before its 201, and once as they are taken
 * while the clock is in doubt, without.
 */

const SECONDS = 6;
const PAIRS = 4;
const CONNECTIONS = 128;

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

/** Answers a second; every one of them must be what the script calls good. */
export function load(url: string, lua: string, connections = CONNECTIONS): Promise<number> {
  const child = owned(spawn('wrk', ['-t1', `-c${connections}`, `-d${SECONDS}s`, '-s', lua, url]));
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

export async function run(): Promise<Row[]> {
  const other = await startBareRoute();
  try {
    const otherName = `Fastify ${other.version}, a bare route that validates and echoes; load by wrk ${wrkVersion()}`;
    /** One service after the other: what the first has still to seal would be taken from the second. */
    const row = async (
      settings: Readonly<Record<string, string>>,
      what: string,
      limit: number,
    ): Promise<Row> => {
      const of = await startBenchedService(settings);
      try {
        const lua = join(of.folder, 'deposit.lua');
        writeFileSync(lua, script(of.key));
        const {
          ours,
          other: theirs,
          ratio,
        } = await pairs(
          PAIRS,
          () => load(of.url, lua),
          () => load(other.url, lua),
        );
        return { what, ours: perSecond(ours), other: perSecond(theirs), otherName, ratio, limit };
      } finally {
        await of.stop();
      }
    };
    const what =
      'single hash-only deposits, durable, each with a random idempotency key, keys and indexes on';
    return [
      await row({}, `${what}, each with its token (P-256)`, 0.3),
      await row(IN_DOUBT, `${what}, without tokens (clock in doubt)`, 0.4),
    ];
  } finally {
    other.stop();
  }
}

/** A time server that never answers: nothing is signed, and deposits go on. */
const IN_DOUBT = { KEZHENG_NTP_SERVERS: '127.0.0.1:9' };
