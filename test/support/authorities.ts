import { execFile, spawn } from 'node:child_process';
import { createHash, createPrivateKey, sign as signBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { freePort } from '../../server/adapters/evm/anvil.ts';
import { certificateSet, signToken, type TokenContent, tokenForm } from '../../server/core/token/build.ts';
import { parseRequest } from '../../server/core/token/request.ts';
import { encodeGranted, parseResponse } from '../../server/core/token/response.ts';
import { CA, type Issued, issue, type KeyKind, openssl } from '../core/read/openssl.ts';
import { pem, startHttp } from './servers.ts';

/*
 * Time-stamp authorities as others run them: OpenSSL's, behind HTTP as RFC 3161 §3.4 has it, with a list of revoked
 * certificates or a responder of OpenSSL's own. What they answer can be replaced: by silence, errors and lies.
 */

export const POLICY = '1.3.6.1.4.1.99999.1';

export const REPLY = 'application/timestamp-reply';

type Answer = (query: Buffer, reply: ServerResponse, honest: () => Promise<Buffer>) => unknown;

export interface TestAuthority {
  readonly port: number;
  readonly url: string;
  readonly root: Issued;
  readonly signer: Issued;
  /** As KEZHENG_TSA_AUTHORITIES_FILE has it. */
  entry(label: string, more?: object): object;
  /** Queries so far. */
  readonly asked: readonly Buffer[];
  /** Answers this instead of the truth; without one the truth again. */
  answer(instead?: Answer): void;
  /** Of lists and responders: the same. */
  tellRevocation(instead?: (reply: ServerResponse) => unknown): void;
  /** From now on the list, or the responder, says that the signer's key is compromised. */
  revoke(): Promise<void>;
}

export interface AuthorityWish {
  readonly key?: KeyKind;
  readonly revocation?: 'crl' | 'ocsp';
  /** of the signer's certificate */
  readonly days?: number;
  readonly extensions?: readonly string[];
}

const execute = promisify(execFile);
const TIMESTAMPING = ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=critical,timeStamping'];

export async function startAuthority(t: Test, wish: AuthorityWish = {}): Promise<TestAuthority> {
  const { key = 'P-256', revocation, days, extensions = TIMESTAMPING } = wish;
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-authority-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const asked: Buffer[] = [];
  let instead: Answer | undefined;
  let revocationInstead: ((reply: ServerResponse) => unknown) | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const port = await startHttp(t, async (request, reply) => {
    if (request.url !== '/tsr') return tellRevocation(request, reply);
    const query = await buffer(request);
    asked.push(query);
    const honest = () => stamp(query);
    if (instead) return instead(query, reply, honest);
    const isQuery = request.headers['content-type'] === 'application/timestamp-query';
    if (request.method !== 'POST' || !isQuery) return reply.writeHead(415).end();
    return granted(reply, await honest());
  });
  const url = `http://127.0.0.1:${port}/tsr`;
  const root = issue({ subject: `/C=CN/O=Authority ${port}/CN=Root`, extensions: CA, key });
  const middle = issue({ subject: `/C=CN/O=Authority ${port}/CN=CA`, extensions: CA, by: root, key });
  const places = { crl: 'crlDistributionPoints=URI:', ocsp: 'authorityInfoAccess=OCSP;URI:' };
  const named = revocation ? [`${places[revocation]}http://127.0.0.1:${port}/${revocation}`] : [];
  const signer = issue({
    subject: `/C=CN/O=Authority ${port}/CN=Signer`,
    by: middle,
    key,
    ...(days !== undefined && { days }),
    extensions: [...extensions, ...named],
  });

  writeFileSync(join(folder, 'chain.pem'), pem(middle));
  writeFileSync(
    join(folder, 'tsa.cnf'),
    `[tsa]\ndefault_tsa = conf\n[conf]\nserial = ${folder}/serial\nsigner_cert = ${signer.files.certificate}
signer_key = ${signer.files.key}\ncerts = ${folder}/chain.pem\nsigner_digest = sha256\ndefault_policy = ${POLICY}
digests = sha256\naccuracy = secs:1\ness_cert_id_alg = sha256\ness_cert_id_chain = no\n`,
  );
  writeFileSync(join(folder, 'index'), '');
  writeFileSync(join(folder, 'crlnumber'), '01\n');
  writeFileSync(join(folder, 'index.attr'), 'unique_subject = no\n');
  writeFileSync(
    join(folder, 'ca.cnf'),
    `[ca]\ndefault_ca = d\n[d]\ndatabase = ${folder}/index\ndefault_md = sha256\ndefault_crl_days = 7
crlnumber = ${folder}/crlnumber\ncrl_extensions = e\n[e]\nauthorityKeyIdentifier = keyid\n`,
  );
  const ca = [
    '-config',
    join(folder, 'ca.cnf'),
    '-cert',
    middle.files.certificate,
    '-keyfile',
    middle.files.key,
  ];
  let list: Buffer = Buffer.alloc(0);
  let responder: Awaited<ReturnType<typeof startResponder>> | undefined;
  const renewList = async () => {
    await execute('openssl', ['ca', ...ca, '-gencrl', '-out', join(folder, 'crl.pem')]);
    list = openssl(['crl', '-in', join(folder, 'crl.pem'), '-outform', 'DER']);
  };
  openssl(['ca', ...ca, '-valid', signer.files.certificate]);
  if (revocation === 'crl') await renewList();
  const renewResponder = async () => {
    responder?.child.kill('SIGKILL');
    responder = await startResponder(t, folder, middle);
  };
  if (revocation === 'ocsp') await renewResponder();

  /** One at a time: OpenSSL counts serial numbers in a file. */
  function stamp(query: Buffer): Promise<Buffer> {
    const file = join(folder, `query-${asked.length}`);
    const mine = turn.then(async () => {
      writeFileSync(file, query);
      const args = ['ts', '-reply', '-config', join(folder, 'tsa.cnf'), '-queryfile', file];
      return (await execute('openssl', args, { encoding: 'buffer' })).stdout;
    });
    turn = mine.catch(() => {});
    return mine;
  }

  async function tellRevocation(request: IncomingMessage, reply: ServerResponse): Promise<unknown> {
    if (revocationInstead) return revocationInstead(reply);
    if (request.url === '/crl') return reply.end(list);
    // It knows one connection at a time and closes it after each answer.
    const answer = await fetch(`http://127.0.0.1:${responder!.port}/`, {
      method: 'POST',
      headers: { 'content-type': String(request.headers['content-type']) },
      body: new Uint8Array(await buffer(request)),
    });
    reply.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    return reply.end(new Uint8Array(await answer.arrayBuffer()));
  }

  return {
    ...{ port, url, root, signer, asked },
    entry: (label, more = {}) => ({ label, url, policies: [POLICY], roots: [pem(root)], ...more }),
    answer: (given) => void (instead = given),
    tellRevocation: (given) => void (revocationInstead = given),
    async revoke() {
      await execute('openssl', [
        ...['ca', ...ca, '-revoke', signer.files.certificate, '-crl_reason', 'keyCompromise'],
      ]);
      await (revocation === 'crl' ? renewList() : renewResponder());
    },
  };
}

/** It reads its file once. */
async function startResponder(t: Test, folder: string, by: Issued) {
  const port = await freePort();
  const child = spawn(
    'openssl',
    [
      ...['ocsp', '-port', String(port), '-index', join(folder, 'index'), '-CA', by.files.certificate],
      ...['-rsigner', by.files.certificate, '-rkey', by.files.key, '-nmin', '60'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  t.teardown(() => child.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (text) => /waiting for/.test(String(text)) && resolve());
    child.once('exit', () => reject(new Error('the responder ended')));
  });
  return { port, child };
}

export function granted(reply: ServerResponse, bytes: Uint8Array): void {
  reply.writeHead(200, { 'content-type': REPLY }).end(bytes);
}

/** A token that says what it is told, well signed by whomever. */
export function lyingReply(
  query: Buffer,
  by: { readonly signer: Issued; readonly policy?: string; readonly chain?: readonly Issued[] },
  changes: Partial<TokenContent> = {},
): Uint8Array {
  const { signer, policy = POLICY, chain = [] } = by;
  const { imprint, nonce } = parseRequest(query, []);
  const form = tokenForm({ certificate: signer.der, policy, accuracyMs: 1_000 });
  const content = {
    ...{ imprint: imprint.raw, nonce, genTimeMs: Date.now() },
    serial: createHash('sha256').update(query).digest().subarray(0, 16),
    ...changes,
  };
  const sign = (bytes: Uint8Array) => signBytes('sha256', bytes, createPrivateKey(signer.key));
  const certificates = certificateSet([signer, ...chain].map(({ der }) => der));
  return encodeGranted(signToken(form, content, sign, certificates));
}

/** The token in an answer. */
export function tokenIn(reply: Uint8Array): Uint8Array {
  const response = parseResponse(reply);
  if (!response.granted) throw new Error(`not granted: ${response.text}`);
  return response.token;
}

/** Settings for a service that asks these. */
export function askingOf(
  folder: string,
  entries: readonly object[],
  ports: readonly number[],
): Readonly<Record<string, string>> {
  const file = join(folder, 'authorities.json');
  writeFileSync(file, JSON.stringify(entries));
  return {
    KEZHENG_TSA_AUTHORITIES_FILE: file,
    KEZHENG_EGRESS_ALLOW: ports.map((port) => `127.0.0.1:${port}`).join(','),
  };
}
