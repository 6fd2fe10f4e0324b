import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { ensureDataKeys } from '../../server/adapters/data-keys.ts';
import { ensureDocumentSigner } from '../../server/adapters/document-signer.ts';
import { ensureIssuer } from '../../server/adapters/issuer.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { ensureTokenIdentity } from '../../server/adapters/stamping/identity.ts';
import { readConfig } from '../../server/config.ts';
import { APPENDED_TOPIC } from '../../server/core/anchor/evidence-log.ts';
import { hex0x } from '../../server/core/anchor/fields.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { blocksToCompare, verifyCertificate } from '../../server/core/verify/verify.ts';
import { createApiKey } from '../../server/identity/api-keys.ts';
import { SCOPES } from '../../server/identity/permissions.ts';
import { newId } from '../../server/journal/ids.ts';
import { startService } from '../../server/service.ts';
import { CHAIN_ID, CONTRACT, KEY, OPERATOR, sleep } from './anvil.ts';
import { rpc } from './rpc-proxy.ts';
import { body, digestOf, hashOnly } from './running.ts';
import { databaseOf, ON_POSTGRES, storageFor } from './storage.ts';

/* A whole service against a configured chain: an anvil of the test's own, mostly behind a proxy that can lie. */

export interface Configured {
  readonly url: string;
  readonly dataDir: string;
  readonly apiKey: string;
  call(path: string, options?: RequestInit): Promise<Response>;
  /** Deposits digest number `n`; fails unless the answer is 201. The id. */
  deposit(n: number): Promise<string>;
  // biome-ignore lint/suspicious/noExplicitAny: answers are judged by assertions, not by types
  view(id: string): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  batch(number: number): Promise<any>;
  /** Names of the events in a batch's history, in order. */
  events(batch: number): Promise<string[]>;
  /** What /health/ready says of anchoring: the code of its problem, or `ready`. Fails unless deposits are taken. */
  anchoring(): Promise<string>;
  /** The certificate now, or undefined where it is too early. */
  certificate(id: string): Promise<Buffer | undefined>;
  stop(): Promise<void>;
}

interface Options {
  readonly rpcUrl: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly operatorKey?: string;
  /** of an earlier run; one of its own where undefined */
  readonly dataDir?: string;
  /** of an earlier run; one of its own where undefined */
  readonly apiKey?: string;
}

export async function configured(
  t: Test,
  { rpcUrl, env = {}, operatorKey = KEY, dataDir, apiKey: given }: Options,
): Promise<Configured> {
  const folder = dataDir ?? mkdtempSync(join(tmpdir(), 'kezheng-pipeline-'));
  const keyFile = join(folder, 'test-operator.key');
  writeFileSync(keyFile, `${operatorKey}\n`);
  const apiKey = given ?? (await makeKey(folder));
  const storage = await storageFor(folder);
  if (ON_POSTGRES) {
    await ensureIssuer(folder, 'test', Date.now());
    await ensureTokenIdentity(folder, 'test', Date.now());
    await ensureDocumentSigner(folder, 'test', Date.now());
    await ensureDataKeys(folder);
  }
  const service = await startService(
    readConfig({
      KEZHENG_PORT: '0',
      KEZHENG_DATA_DIR: folder,
      KEZHENG_LOG_LEVEL: 'silent',
      KEZHENG_BATCH_MAX_AGE_MS: '20',
      KEZHENG_RPC_URL: rpcUrl,
      KEZHENG_CHAIN_ID: String(CHAIN_ID),
      KEZHENG_OPERATOR_KEY_FILE: keyFile,
      ...storage,
      ...(ON_POSTGRES && {
        KEZHENG_ISSUER_KEY_FILE: join(folder, 'issuer.key.pem'),
        KEZHENG_ISSUER_CERT_FILE: join(folder, 'issuer.cert.pem'),
        KEZHENG_TSA_KEY_FILE: join(folder, 'tsa.key.pem'),
        KEZHENG_TSA_CERT_FILE: join(folder, 'tsa.cert.pem'),
        KEZHENG_PDF_KEY_FILE: join(folder, 'pdf.key.pem'),
        KEZHENG_PDF_CERT_FILE: join(folder, 'pdf.cert.pem'),
        KEZHENG_DATA_KEY_FILE: join(folder, 'data.keys'),
      }),
      ...env,
    }),
  );
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await service.stop();
  };
  t.teardown(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });
  const call = (path: string, options: RequestInit = {}) => {
    const headers = new Headers(options.headers);
    headers.set('authorization', `Bearer ${apiKey}`);
    return fetch(service.url + path, { ...options, headers });
  };
  const batch = (number: number) => body(call(`/v1/batches/${number}`));
  return {
    url: service.url,
    dataDir: folder,
    apiKey,
    call,
    async deposit(n) {
      const headers = { 'content-type': 'application/json' };
      const answer = await call('/v1/evidence', {
        method: 'POST',
        headers,
        body: JSON.stringify(hashOnly(n)),
      });
      if (answer.status !== 201) throw new Error(`deposit: ${answer.status} ${await answer.text()}`);
      return (await body(answer)).id as string;
    },
    view: (id) => body(call(`/v1/evidence/${id}`)),
    batch,
    events: async (number) => (await batch(number)).history.map((one: { event: string }) => one.event),
    async anchoring() {
      const answer = await call('/health/ready');
      if (answer.status !== 200) throw new Error(`not ready: ${await answer.text()}`);
      const { anchoring } = (await body(answer)).parts;
      return anchoring.code ?? anchoring.status;
    },
    async certificate(id) {
      const answer = await call(`/v1/evidence/${id}/certificate`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (answer.status === 200) return bytes;
      if (answer.status === 409) return undefined;
      throw new Error(`certificate: ${answer.status} ${bytes}`);
    },
    stop,
  };
}

async function makeKey(dataDir: string): Promise<string> {
  const database = await databaseOf(dataDir);
  const { store } = database;
  const nowMs = Date.now();
  const organization = newId(nowMs);
  await store.addOrganization({
    id: organization,
    name: '测试权利人',
    role: 'depositor',
    uscc: undefined,
    createdMs: nowMs,
  });
  const key = { organization, label: 'test', scopes: SCOPES, expiresMs: undefined };
  const { clear } = await createApiKey(store, key, nowMs);
  await database.close();
  return clear;
}

/** Asks again until it is there; says what never came. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  ms = 25_000,
): Promise<T> {
  for (const end = Date.now() + ms; ; ) {
    const found = await ask();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await sleep(25);
  }
}

export const untilCertified = (service: Configured, id: string): Promise<Buffer> =>
  until('a certificate', () => service.certificate(id));

export const untilProblem = (service: Configured, code: string): Promise<unknown> =>
  until(`problem ${code}`, async () => (await service.anchoring()) === code);

/** The service has asked the log once, whole: from then on it seals. */
export const untilLooked = ({ calls }: { readonly calls: readonly string[] }): Promise<unknown> =>
  until('a second look at the log', () => calls.filter((method) => method === 'eth_call').length > 1);

export const untilState = (service: Configured, id: string, state: string): Promise<unknown> =>
  until(`state ${state}`, async () => (await service.view(id)).state === state);

/** What the checker says, with the service's own trust list and block hashes that a node says, of digest number `n`. */
export async function reportOf(certificate: Uint8Array, dataDir: string, nodeUrl: string, n: number) {
  const blocks = [];
  for (const { number } of blocksToCompare(certificate)) {
    const block = await rpc<{ hash: string } | null>(
      nodeUrl,
      'eth_getBlockByNumber',
      `0x${number.toString(16)}`,
      false,
    );
    blocks.push({ source: 'the node itself', number, ...(block && { hash: block.hash }) });
  }
  return verifyCertificate({
    certificate,
    files: [{ sha256: digestOf(n), size: n, basis: 'supplied' }],
    trust: parseTrust(readFileSync(join(dataDir, 'trust.json'))),
    blocks,
    signatures: nodeSignatures,
  });
}

/** `valid`, or what failed: so that a failing test says why. */
export async function verdictOf(
  certificate: Uint8Array,
  { dataDir }: { readonly dataDir: string },
  nodeUrl: string,
  n: number,
): Promise<string> {
  const report = await reportOf(certificate, dataDir, nodeUrl, n);
  if (report.verdict === 'valid') return 'valid';
  const open = report.checks.filter((check) => check.status !== 'passed');
  return `${report.verdict}: ${open.map((check) => `${check.id} ${check.reason.code}`).join(', ')}`;
}

export interface AppendedOnChain {
  readonly index: number;
  readonly root: string;
  readonly size: number;
  readonly blockNumber: number;
}

/** Every append that the contract's events show, in the order of the chain. */
export async function appendsOf(nodeUrl: string, operator = OPERATOR): Promise<AppendedOnChain[]> {
  const topics = [hex0x(APPENDED_TOPIC), `0x${operator.slice(2).padStart(64, '0')}`];
  const filter = { address: CONTRACT, topics, fromBlock: '0x0', toBlock: 'latest' };
  const logs = await rpc<{ topics: string[]; data: string; blockNumber: string }[]>(
    nodeUrl,
    'eth_getLogs',
    filter,
  );
  return logs.map(({ topics: [, , index], data, blockNumber }) => ({
    index: Number(index),
    root: data.slice(2, 66),
    size: Number(`0x${data.slice(66)}`),
    blockNumber: Number(blockNumber),
  }));
}

export interface Pooled {
  readonly hash: string;
  readonly nonce: number;
  readonly maxFeePerGas: bigint;
}

/** Transactions of an operator that wait in the node's pool, by nonce. */
export async function poolOf(nodeUrl: string, operator = OPERATOR): Promise<Pooled[]> {
  type Account = Record<string, { hash: string; nonce: string; maxFeePerGas?: string; gasPrice: string }>;
  const content = await rpc<Record<'pending' | 'queued', Record<string, Account>>>(nodeUrl, 'txpool_content');
  return [content.pending, content.queued]
    .flatMap((part) => Object.entries(part).filter(([account]) => account.toLowerCase() === operator))
    .flatMap(([, account]) => Object.values(account))
    .map((tx) => ({
      hash: tx.hash,
      nonce: Number(tx.nonce),
      maxFeePerGas: BigInt(tx.maxFeePerGas ?? tx.gasPrice),
    }))
    .sort((a, b) => a.nonce - b.nonce);
}

export const untilPooled = (nodeUrl: string, operator = OPERATOR): Promise<Pooled> =>
  until('a transaction in the pool', async () => (await poolOf(nodeUrl, operator)).at(-1));
