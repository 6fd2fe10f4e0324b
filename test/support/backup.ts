import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Test } from 'tap';
import { body, certificateOf, form, type Running, run } from './running.ts';

/* The commands backup and restore as processes, and what there is to look at in their folders. */

const CLI = join(import.meta.dirname, '..', '..', 'server', 'cli', 'main.ts');
const HEX = /^[0-9a-f]{64}$/;

interface Outcome {
  readonly code: number | null;
  readonly err: string;
}

export function start(args: readonly string[], dataDir: string, env: Readonly<Record<string, string>> = {}) {
  const settings = { ...process.env, KEZHENG_DATA_DIR: dataDir, ...env };
  const child = spawn(process.execPath, [CLI, ...args], { env: settings });
  let err = '';
  child.stderr.on('data', (text) => (err += text));
  const ended = new Promise<Outcome>((resolve) => child.on('close', (code) => resolve({ code, err })));
  return { child, ended };
}

export const backup = (folder: string, dataDir: string, ...more: readonly string[]) =>
  start(['backup', folder, ...more], dataDir).ended;
export const restore = (folder: string, to: string, ...more: readonly string[]) =>
  start(['restore', folder, '--data-dir', to, ...more], '/nowhere').ended;

/** The data folder of a service that has stopped, with files of these texts and a tree for each of their batches. */
export async function dataWith(t: Test, texts: readonly string[]): Promise<string> {
  const service = await run();
  t.teardown(() => rm(service.dataDir, { recursive: true, force: true }));
  try {
    for (const text of texts) await certificateOf(service, await upload(service, text));
  } finally {
    await service.pause();
  }
  return service.dataDir;
}

/** A folder of its own, removed with the test. */
export function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-backup-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const upload = async (service: Running, text: string): Promise<string> =>
  (
    await body(
      service.call('/v1/evidence', {
        method: 'POST',
        body: form({ title: text }, [{ name: 'a.txt', bytes: Buffer.from(text) }]),
      }),
    )
  ).id as string;

export const original = async (service: Running, id: string): Promise<string> =>
  (await service.call(`/v1/evidence/${id}/files/0`)).text();

/** Every file of a folder, by its path in it. */
export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => relative(folder, join(one.parentPath, one.name)));

export const blobsIn = (folder: string): string[] =>
  filesIn(join(folder, 'blobs')).filter((name) => HEX.test(name.split('/').at(-1)!));
