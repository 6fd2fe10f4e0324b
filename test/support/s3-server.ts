import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as makeRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Test } from 'tap';
import { freePort } from '../../server/adapters/evm/anvil.ts';

/* A real server of the S3 protocol (fauxqs) in a process of its own, and a stricter front for it. */

/** What the tests' servers take for credentials. */
export const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST',
  AWS_SECRET_ACCESS_KEY: 'test/secret/that/opens/nothing',
  AWS_EC2_METADATA_DISABLED: 'true',
};
export const BUCKET = 'evidence';

export interface S3Server {
  readonly port: number;
  /** For KEZHENG_BLOBS. */
  readonly address: string;
  /** Credentials, for processes that are started beside; this one has them already. */
  readonly env: Readonly<Record<string, string>>;
  /** Killed as by a power cut. What it holds is there again after start() only where it has a folder. */
  kill(): Promise<void>;
  start(): Promise<void>;
  pid(): number | undefined;
}

/**
 * A store has an object whole or not at all, also when it is killed; this one writes its files in place, so they are
 * written beside and renamed before it hears of it.
 */
const PROGRAM = `
  const { default: fs } = await import('node:fs');
  const { syncBuiltinESMExports } = await import('node:module');
  const write = fs.writeFileSync;
  let count = 0;
  fs.writeFileSync = (path, ...rest) => {
    const beside = path + '.' + process.pid + '.' + count++ + '.tmp';
    write(beside, ...rest);
    fs.renameSync(beside, path);
  };
  syncBuiltinESMExports();
  const { startFauxqs } = await import('fauxqs');
  const [port, s3StorageDir] = process.argv.slice(1);
  const server = await startFauxqs({ port: Number(port), logger: false, ...(s3StorageDir && { s3StorageDir }) });
  // Over a folder from before the bucket is there already.
  try { server.createBucket('${BUCKET}'); } catch {}
  process.on('disconnect', () => process.exit());
  process.send('ready');
`;

/** With an empty bucket; all in memory, or in `folder` where there is one. */
export async function startS3(t: Test, { folder }: { readonly folder?: string } = {}): Promise<S3Server> {
  Object.assign(process.env, CREDENTIALS);
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const program = ['--input-type=module', '-e', PROGRAM, String(port), ...(folder ? [folder] : [])];
    child = spawn(process.execPath, program, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { PATH: process.env['PATH'] },
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error('the S3 server ended before it was ready');
    });
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {});
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  await start();
  t.teardown(kill);
  return { port, address: addressOf(port), env: CREDENTIALS, kill, start, pid: () => child?.pid };
}

export const addressOf = (port: number, more = ''): string =>
  `s3://${BUCKET}?endpoint=http://127.0.0.1:${port}&region=us-east-1${more}`;

/** A request as it came over the wire. */
export interface S3Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly bytes: number;
}

export type S3Fault =
  /** Answered by the front; the server hears nothing of it. */
  | {
      readonly status: number;
      readonly code?: string;
      readonly body?: string;
      readonly headers?: Record<string, string>;
    }
  /** The server does it, and its answer is lost. */
  | 'lose the answer'
  /** The connection ends before the server hears of it. */
  | 'cut'
  /** The server does it; half of the answer's body comes, then the connection ends. */
  | 'cut the answer'
  /** The server does it; half of the answer's body comes, then nothing. */
  | 'stall the answer';

export interface S3Front {
  readonly port: number;
  readonly address: string;
  readonly requests: S3Request[];
  /** Asked about each request; undefined: as the server answers. */
  fault: (request: S3Request) => S3Fault | undefined;
  /** Answers carry no checksums, as those of stores that know none. */
  withoutChecksums: boolean;
  /** Uploads in parts that are neither completed nor aborted. */
  readonly openUploads: Map<string, { readonly key: string; initiated: Date }>;
}

/**
 * In front of a server: does what AWS does and test servers do not. Signatures, digests of bodies and checksums are
 * checked, uploads in parts can be listed. Tells what came and makes faults.
 */
export async function s3Front(t: Test, target: { readonly port: number }): Promise<S3Front> {
  const requests: S3Request[] = [];
  const openUploads: S3Front['openUploads'] = new Map();
  const state = { fault: (): S3Fault | undefined => undefined, withoutChecksums: false };
  const server = createServer(async (incoming, response) => {
    try {
      await serve(incoming, response);
    } catch {
      incoming.socket.destroy();
    }
  });

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const request = requestOf(incoming, body);
    requests.push(request);
    const fault = front.fault(request) ?? refusalOf(request, incoming, body);
    if (fault === 'cut') incoming.socket.destroy();
    else if (typeof fault === 'object') answer(response, request, fault);
    else if (request.method === 'GET' && request.query.has('uploads'))
      answer(response, request, { status: 200, body: listed(request, openUploads) });
    else {
      const { status, headers, bytes } = await askServer(incoming, body, target.port);
      if (status < 300) follow(request, bytes.length < 10_000 ? bytes.toString() : '');
      if (fault === 'lose the answer') return void incoming.socket.destroy();
      response.writeHead(status, front.withoutChecksums ? unchecked(headers) : headers);
      passOn(response, bytes, fault);
    }
  }

  function follow({ method, path, query }: S3Request, text: string): void {
    const id = /<UploadId>([^<]+)</.exec(text)?.[1];
    if (method === 'POST' && query.has('uploads') && id !== undefined)
      openUploads.set(id, { key: path.split('/').slice(2).join('/'), initiated: new Date() });
    else if (query.has('uploadId') && !query.has('partNumber'))
      openUploads.delete(query.get('uploadId') as string);
  }

  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const front: S3Front = Object.assign(state, { port, address: addressOf(port), requests, openUploads });
  return front;
}

function requestOf({ method = '', url = '', headers }: IncomingMessage, body: Buffer): S3Request {
  const { pathname, searchParams } = new URL(url, 'http://server');
  return {
    method,
    path: pathname,
    query: searchParams,
    headers: headers as S3Request['headers'],
    bytes: body.length,
  };
}

async function askServer({ method, url, headers }: IncomingMessage, body: Buffer, port: number) {
  const onward = makeRequest({ port, host: '127.0.0.1', method, path: url, headers, agent: false });
  onward.end(body);
  const [answered] = (await once(onward, 'response')) as [IncomingMessage];
  const bytes = await buffer(answered);
  const { connection: _connection, 'transfer-encoding': _encoding, ...kept } = answered.headers;
  return { status: answered.statusCode ?? 500, headers: kept, bytes };
}

const unchecked = (headers: object): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-amz-checksum')));

function passOn(response: ServerResponse, bytes: Buffer, fault: S3Fault | undefined): void {
  if (fault === undefined) return void response.end(bytes);
  response.write(bytes.subarray(0, bytes.length / 2));
  if (fault === 'cut the answer') setTimeout(() => response.destroy(), 20);
}

function answer(
  response: ServerResponse,
  { method }: S3Request,
  { status, code, body, headers }: S3Fault & object,
): void {
  const text =
    body ??
    `<?xml version="1.0"?><Error><Code>${code ?? 'InternalError'}</Code><Message>no</Message></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml', ...headers });
  response.end(method === 'HEAD' ? undefined : text);
}

function listed({ query }: S3Request, uploads: S3Front['openUploads']): string {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('key-marker') ?? '';
  const all = [...uploads]
    .filter(([, { key }]) => key.startsWith(prefix) && key > after)
    .sort(([, a], [, b]) => (a.key < b.key ? -1 : 1));
  // One a page: whoever reads only the first page is found out.
  const page = all.slice(0, 1).map(([id, { key, initiated }]) => {
    return `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`;
  });
  const more =
    all.length > 1
      ? `<IsTruncated>true</IsTruncated><NextKeyMarker>${all[0]![1].key}</NextKeyMarker>`
      : '<IsTruncated>false</IsTruncated>';
  return `<?xml version="1.0"?><ListMultipartUploadsResult>${more}${page.join('')}</ListMultipartUploadsResult>`;
}

/** What AWS refuses before it looks at a request any closer. */
function refusalOf(request: S3Request, incoming: IncomingMessage, body: Buffer): S3Fault | undefined {
  const digest = createHash('sha256').update(body).digest();
  const { headers } = request;
  const claimed = headers['x-amz-content-sha256'];
  if (claimed !== digest.toString('hex')) return { status: 400, code: 'XAmzContentSHA256Mismatch' };
  const checksum = headers['x-amz-checksum-sha256'];
  if (checksum !== undefined && checksum !== digest.toString('base64'))
    return { status: 400, code: 'BadDigest' };
  const [, accessKey, scope] = /Credential=([^/]+)\/([^,]+)/.exec(headers['authorization'] ?? '') ?? [];
  if (accessKey !== CREDENTIALS.AWS_ACCESS_KEY_ID) return { status: 403, code: 'InvalidAccessKeyId' };
  if (!headers['authorization']?.endsWith(`Signature=${signatureOf(incoming, claimed, scope!)}`))
    return { status: 403, code: 'SignatureDoesNotMatch' };
  return undefined;
}

/** AWS Signature Version 4, computed from what came. */
function signatureOf({ method, url, headers }: IncomingMessage, digest: string, scope: string): string {
  const signed = /SignedHeaders=([^,]+)/.exec(headers['authorization'] ?? '')?.[1] ?? '';
  const [path = '', query = ''] = (url ?? '').split('?');
  const pairs = query === '' ? [] : query.split('&').map((pair) => (pair.includes('=') ? pair : `${pair}=`));
  const lines = signed.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const canonical = [method, path, pairs.sort().join('&'), lines.join(''), signed, digest].join('\n');
  const hashed = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, hashed].join('\n');
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const secret = `AWS4${CREDENTIALS.AWS_SECRET_ACCESS_KEY}`;
  return hmac(scope.split('/').reduce<string | Buffer>(hmac, secret), text).toString('hex');
}
