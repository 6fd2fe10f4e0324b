import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from './cleanup.ts';
import { load, wrkVersion } from './deposit.ts';
import { opensslVersion, pairs, perSecond, type Row } from './row.ts';
import { startBenchedService } from './service.ts';

/*
 * Tokens over HTTP (RFC 3161), each over a digest and with a nonce of its own, the load generator on the same cores;
 * beside it `openssl ts -reply` with a key of the same kind, a process for each, which is how it is run.
 */

const PAIRS = 3;
const CONNECTIONS = 64;
const REPLIES = 60;

/** What another authority published for its own (k6 on one laptop) is 6,481; ours is to reach this. */
const LEAST_PER_SECOND = 15_000;

/** TimeStampReq: version 1, SHA-256 of something, a nonce of 8 octets. */
const SCRIPT = `
local head = string.char(0x30,0x40,0x02,0x01,0x01,0x30,0x31,0x30,0x0d,0x06,0x09,0x60,0x86,0x48,0x01,0x65,0x03,0x04,0x02,0x01,0x05,0x00,0x04,0x20)
local function octets(n)
  local out = {}
  for i = 1, n do out[i] = string.char(math.random(0, 255)) end
  return table.concat(out)
end
function init(args) math.randomseed(os.time()) end
wrk.method = 'POST'
wrk.headers['content-type'] = 'application/timestamp-query'
function request()
  local nonce = string.char(0x02, 0x08, math.random(1, 127)) .. octets(7)
  return wrk.format(nil, '/v1/tsa', nil, head .. octets(32) .. nonce)
end
local refused = 0
function response(status, headers, body) if #body < 300 then refused = refused + 1 end end
function done(summary, latency, requests)
  io.write(string.format('RESULT %f %d\\n', summary.requests / (summary.duration / 1e6),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout + refused))
end
`;

const OPENSSL_CONFIG = (folder: string): string => `
[tsa]
default_tsa = one
[one]
serial = ${folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
[req]
distinguished_name = dn
[dn]
[ext]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
`;

function openssl(folder: string): () => number {
  const run = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  writeFileSync(join(folder, 'config'), OPENSSL_CONFIG(folder));
  writeFileSync(join(folder, 'data'), 'what is stamped');
  run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'key');
  run(
    'req',
    '-x509',
    '-key',
    'key',
    '-out',
    'cert',
    '-subj',
    '/CN=other',
    '-config',
    'config',
    '-extensions',
    'ext',
  );
  run('ts', '-query', '-data', 'data', '-sha256', '-out', 'query');
  return () => {
    const began = performance.now();
    for (let i = 0; i < REPLIES; i++)
      run(
        'ts',
        '-reply',
        '-queryfile',
        'query',
        '-inkey',
        'key',
        '-signer',
        'cert',
        '-config',
        'config',
        '-out',
        'reply',
      );
    return (1_000 * REPLIES) / (performance.now() - began);
  };
}

export async function run(): Promise<Row[]> {
  const folder = temporaryFolder();
  const service = await startBenchedService();
  try {
    const lua = join(folder, 'token.lua');
    writeFileSync(lua, SCRIPT);
    const found = await pairs(PAIRS, () => load(service.url, lua, CONNECTIONS), openssl(folder));
    return [
      {
        what: 'tokens over HTTP, P-256, each with a digest and a nonce of its own',
        ours: perSecond(found.ours),
        other: perSecond(found.other),
        otherName: `${opensslVersion()}, \`openssl ts -reply\`, one process after the other; load on ours by wrk ${wrkVersion()}`,
        ratio: found.ratio,
        goal: { reached: found.ours, least: LEAST_PER_SECOND },
      },
    ];
  } finally {
    await service.stop();
    removeFolder(folder);
  }
}
