import process from 'node:process';
import { keyUse, type Resealed, resealAll } from '../identity/rotation.ts';
import { sealingWith } from '../identity/sealed.ts';
import type { ReadDataKeys } from '../ports/data-keys.ts';
import type { Store } from '../ports/store.ts';
import { EXIT, parse, UsageError } from './usage.ts';

export interface SecretsTools {
  /** the file of KEZHENG_DATA_KEY_FILE, or the one in the data folder */
  readonly file: string;
  readonly readKeys: ReadDataKeys;
  addKey(): Promise<void>;
  withStore<T>(use: (store: Store) => Promise<T>): Promise<T>;
}

/** How many of the unreadable are written out. */
const NAMED = 20;

/** kezheng secrets rotate: a new data key, and everything sealed anew under it; `--reseal`: under the first one there is. */
export async function secretsCommand(args: readonly string[], tools: SecretsTools): Promise<number> {
  const { values, positionals } = parse(args, { reseal: { type: 'boolean' } });
  if (positionals.length !== 1 || positionals[0] !== 'rotate')
    throw new UsageError('secrets rotate [--reseal]');
  return tools.withStore(async (store) => {
    // The store first: without it a new key would be of no use.
    if (values.reseal !== true) await tools.addKey();
    const sealed = await resealAll(store, sealingWith(tools.readKeys));
    const { unused, missing } = await keyUse(store, tools.readKeys);
    tell(tools.file, sealed, unused);
    return sealed.unreadable.length > 0 || missing.length > 0 ? EXIT.incomplete : EXIT.valid;
  });
}

function tell(file: string, { renewed, left, unreadable }: Resealed, unused: readonly string[]): void {
  const told = [
    `${file}：${renewed} 项改以首个密钥加密，${left} 项已是 / ${renewed} sealed anew under the first key, ${left} were already\n`,
  ];
  if (unreadable.length > 0) {
    const more = unreadable.length > NAMED ? '  …\n' : '';
    const lines = unreadable.slice(0, NAMED).map(({ kind, whose, why }) => `  ${kind} ${whose}  ${why}\n`);
    told.push(
      `${unreadable.length} 项无法解开，保持原样 / cannot be opened and were left as they are:\n`,
      ...lines,
      more,
    );
  }
  if (unused.length > 0)
    told.push(
      `已无内容以下列密钥加密；此前的备份仍需要它们，请与备份一同保存后再从文件中移除 / nothing is sealed under these keys any more; earlier backups need them still: keep them with those, then take them out of the file:\n`,
      ...unused.map((name) => `  ${name}\n`),
    );
  process.stderr.write(told.join(''));
}
