import type { Store } from '../ports/store.ts';
import { UsageError } from './usage.ts';

/** Two organizations may have one name: a key is made for an id, and whoever gave the name is told the ids. */
export async function refuseUnknown(store: Store, given: string): Promise<void> {
  if ((await store.organization(given)) !== undefined) return;
  const ids = (await store.organizations()).filter(({ name }) => name === given).map(({ id }) => id);
  const shown = harmless(given);
  if (ids.length === 0)
    throw new UsageError(
      `没有编号为 ${shown} 的机构；编号见 orgs list 的第一列 / there is no organization with the id ${shown}; ids are in the first column of orgs list`,
    );
  throw new UsageError(
    `这里须用机构编号，不是名称；${shown} 的编号：${ids.join('、')} / an id is needed here, not a name; the id of ${shown}: ${ids.join(', ')}`,
  );
}

/** A key in the wrong place must not end up on screens and in logs. */
const harmless = (given: string): string => (given.startsWith('kz_') ? 'kz_…' : given);
