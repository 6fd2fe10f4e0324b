import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { openSqliteStore } from '../adapters/sqlite/store.ts';
import type { Store } from '../ports/store.ts';
import { UsageError } from './usage.ts';

/** The installation's own store, beside a running service or without one. */
export async function withStore<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const path = join(resolve(process.env['KEZHENG_DATA_DIR'] || './data'), 'kezheng.sqlite');
  if (!existsSync(path))
    throw new UsageError(`没有找到 ${path}，请先启动一次服务 / not found; start the service once first`);
  const store = await openSqliteStore({ path, clock: { nowMs: () => Date.now() } });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
