import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../server/config.ts';
import { type Service, startService } from '../../server/service.ts';
import { storageFor } from './storage.ts';

/** A whole service on a folder of its own: real store, real chain, real port. */
export interface Running extends Service {
  readonly dataDir: string;
  /** API keys of the two demonstrated organizations */
  readonly keys: readonly [string, string];
  /** Stops it and leaves its folder. */
  pause(): Promise<void>;
  /** A call with the first organization's key, or another, or none. */
  call(path: string, options?: CallOptions): Promise<Response>;
}

export interface CallOptions extends RequestInit {
  readonly key?: string | null;
  readonly json?: unknown;
}

/** Without a folder it gets one of its own, removed when it stops. */
export async function run(env: Readonly<Record<string, string>> = {}, given?: string): Promise<Running> {
  const dataDir = given ?? mkdtempSync(join(tmpdir(), 'kezheng-test-'));
  const config = readConfig({
    KEZHENG_PORT: '0',
    KEZHENG_DATA_DIR: dataDir,
    KEZHENG_LOG_LEVEL: 'fatal',
    KEZHENG_BATCH_MAX_AGE_MS: '300',
    ...(await storageFor(dataDir)),
    ...env,
  });
  const service = await startService(config);
  const demo = JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8')) as {
    organizations: readonly { apiKey: string }[];
  };
  const keys = demo.organizations.map((one) => one.apiKey) as unknown as [string, string];
  return {
    ...service,
    pause: service.stop,
    async stop() {
      await service.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
    dataDir,
    keys,
    call(path, { key = keys[0], json, headers, ...options } = {}) {
      const all = new Headers(headers);
      if (key !== null) all.set('authorization', `Bearer ${key}`);
      if (json === undefined) return fetch(service.url + path, { ...options, headers: all });
      all.set('content-type', 'application/json');
      return fetch(service.url + path, {
        method: 'POST',
        ...options,
        headers: all,
        body: JSON.stringify(json),
      });
    },
  };
}

/** The body as JSON, untyped: what a test looks into, it names. */
// biome-ignore lint/suspicious/noExplicitAny: answers are judged by assertions, not by types
export const body = async (answer: Response | Promise<Response>): Promise<any> => (await answer).json();

export const digestOf = (n: number): string => n.toString(16).padStart(64, '0');

export const hashOnly = (n: number, more: object = {}) => ({
  title: `仅摘要 ${n}`,
  files: [{ name: `f${n}.bin`, size: n, sha256: digestOf(n) }],
  ...more,
});

export function form(
  evidence: unknown,
  files: readonly { name: string; bytes: Uint8Array; type?: string }[],
): FormData {
  const data = new FormData();
  data.append('evidence', typeof evidence === 'string' ? evidence : JSON.stringify(evidence));
  for (const { name, bytes, type = 'application/octet-stream' } of files)
    data.append('file', new Blob([bytes as Uint8Array<ArrayBuffer>], { type }), name);
  return data;
}

/** Waits until it has a certificate; the bytes. */
export async function certificateOf(service: Running, id: string, key?: string): Promise<Buffer> {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await service.call(`/v1/evidence/${id}/certificate`, key === undefined ? {} : { key });
    if (answer.status === 200) return Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 409) throw new Error(`certificate: ${answer.status} ${await answer.text()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no certificate for ${id}`);
}
