import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Issued } from '../core/read/openssl.ts';

/*
 * A time-stamp authority on loopback: `openssl ts -reply` behind HTTP, as small authorities are run.
 */

const run = promisify(execFile);

export interface AuthorityServer {
  readonly url: string;
  /** `host:port`, as KEZHENG_EGRESS_ALLOW has it */
  readonly place: string;
  /** How many queries it answered. */
  asked(): number;
  stop(): Promise<void>;
}

interface Wish {
  readonly signer: Issued;
  /** others that the token brings along */
  readonly chain?: readonly Issued[];
  readonly policy?: string;
  /** what becomes of an answer on its way */
  readonly answer?: (reply: Uint8Array) => Uint8Array;
  readonly status?: number;
}

interface Ending {
  teardown(end: () => unknown): void;
}

export async function authorityServer(t: Ending, wish: Wish): Promise<AuthorityServer> {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-authority-'));
  const path = (name: string) => join(folder, name);
  const pem = (list: readonly Issued[]) =>
    list.map(({ files }) => readFileSync(files.certificate)).join('\n');
  writeFileSync(path('serial'), '01');
  writeFileSync(path('chain.pem'), pem(wish.chain ?? []));
  writeFileSync(
    path('config'),
    [
      ...['[tsa]', 'default_tsa = one', '[one]', `serial = ${path('serial')}`, 'crypto_device = builtin'],
      `signer_cert = ${wish.signer.files.certificate}`,
      `signer_key = ${wish.signer.files.key}`,
      ...(wish.chain ? [`certs = ${path('chain.pem')}`] : []),
      ...['signer_digest = sha256', `default_policy = ${wish.policy ?? '1.2.3.4.1'}`],
      ...['digests = sha256, sha512', 'accuracy = secs:1', 'ess_cert_id_alg = sha256'],
      'clock_precision_digits = 3',
    ].join('\n'),
  );
  let asked = 0;
  const reply = async (query: Uint8Array): Promise<Uint8Array> => {
    const [from, to] = [path(`${++asked}.tsq`), path(`${asked}.tsr`)];
    writeFileSync(from, query);
    await run('openssl', ['ts', '-reply', '-config', path('config'), '-queryfile', from, '-out', to]);
    return new Uint8Array(readFileSync(to));
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', async () => {
      const bytes = await reply(Buffer.concat(parts));
      response.writeHead(wish.status ?? 200, { 'content-type': 'application/timestamp-reply' });
      response.end(wish.answer?.(bytes) ?? bytes);
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const place = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async () => {
    await new Promise((ended) => server.close(ended));
    rmSync(folder, { recursive: true, force: true });
  };
  t.teardown(() => (server.listening ? stop() : undefined));
  return { url: `http://${place}/`, place, asked: () => asked, stop };
}
