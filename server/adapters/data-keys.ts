import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReadDataKeys } from '../ports/data-keys.ts';
import { writeDurably } from './files.ts';

/*
 * The file of data keys: a line of 64 hex digits each, as `openssl rand -hex 32` writes it. The first one seals; the
 * others are kept for what was sealed before, and for backups of that time.
 */

export const DATA_KEY_FILE = 'data.keys';

/** More than one a year for a long time; each is tried by name, so their number costs nothing. */
const MAX_KEYS = 64;

/** The file cannot be used; the sentence says which setting, and why. What it holds is told nowhere. */
export class DataKeyError extends Error {
  constructor(file: string, zh: string, en: string, cause?: unknown) {
    super(`KEZHENG_DATA_KEY_FILE：${file} ${zh} / KEZHENG_DATA_KEY_FILE: ${file} ${en}`, { cause });
    this.name = 'DataKeyError';
  }
}

export const dataKeysIn =
  (file: string): ReadDataKeys =>
  async () =>
    parse(await read(file), file);

/** In the data folder, made at the first start and readable by its owner only. Once there it is never made anew. */
export async function ensureDataKeys(dataDir: string): Promise<ReadDataKeys> {
  const file = join(dataDir, DATA_KEY_FILE);
  try {
    await read(file);
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await writeDurably(file, `${newKey()}\n`, 0o600);
  }
  return dataKeysIn(file);
}

/** Puts a new key before the others. A crash leaves the file as it was, or with the new key and all others. */
export async function addDataKey(file: string): Promise<void> {
  const text = await read(file);
  if (parse(text, file).length === MAX_KEYS)
    throw new DataKeyError(
      file,
      `已有 ${MAX_KEYS} 个密钥，请先移除不再使用的`,
      `has ${MAX_KEYS} keys already: remove those that nothing is sealed under`,
    );
  await writeDurably(file, `${newKey()}\n${text}`, 0o600);
}

const newKey = (): string => randomBytes(32).toString('hex');

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new DataKeyError(file, `无法读取（${code}）`, `cannot be read (${code})`, error);
  }
}

function parse(text: string, file: string): readonly [Uint8Array, ...Uint8Array[]] {
  const lines = text.split('\n').flatMap((line) => line.trim() || []);
  const [first, ...others] = lines.map((line) => new Uint8Array(Buffer.from(line, 'hex')));
  const isRight = lines.every((line) => /^[0-9a-f]{64}$/.test(line));
  if (first === undefined || !isRight || lines.length > MAX_KEYS || new Set(lines).size < lines.length)
    throw new DataKeyError(
      file,
      `应为 1 至 ${MAX_KEYS} 行各不相同的 64 位小写十六进制密钥`,
      `does not hold 1 to ${MAX_KEYS} different keys, a line of 64 hex digits in lower case each`,
    );
  return [first, ...others];
}
