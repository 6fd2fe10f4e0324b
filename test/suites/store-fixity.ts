import type { Test } from 'tap';
import type { FixityCheck, Store } from '../../server/ports/store.ts';
import { addOrganization, digest, entryOf, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

const MARK = '"digests":"computed"';
const fileOf = (receivedMs: number) => ({ sha256: digest(), sm3: digest(), size: 2 ** 40 + 1, receivedMs });
const checkOf = (sha256: string, given: Partial<FixityCheck> = {}): FixityCheck => ({
  sha256,
  checkedMs: NOW_MS,
  result: 'ok',
  found: undefined,
  ...given,
});

async function sealAll(store: Store): Promise<void> {
  const { firstSequence, leaves } = await store.pendingLeaves(10_000);
  await store.seal({ firstSequence, size: leaves.length / 32, root: digest(), nowMs: NOW_MS });
}

const names = (files: readonly { sha256: string }[]): string[] => files.map((file) => file.sha256);

export async function fixityGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('every entry in a batch is walked once, in order, in pieces, also after a restart', async (t) => {
    const { store, reopen } = await open(t);
    t.same(await store.unlistedEntries(10, MARK), { entries: [], through: undefined });
    const organization = await addOrganization(store);
    const entries = [1, 2, 3, 4, 5].map((n) =>
      entryOf(organization, { entry: n === 3 ? '{"digests":"declared"}' : `{${MARK},"n":${n}}` }),
    );
    await store.depositMany(organization, entries);
    t.equal((await store.unlistedEntries(10, MARK)).through, undefined, 'none is in a batch yet');
    await sealAll(store);

    const first = await store.unlistedEntries(3, MARK);
    t.same(
      first.entries.map(({ id, entry }) => [id, entry]),
      [0, 1].map((i) => [entries[i]!.id, entries[i]!.entry]),
    );
    t.same(await store.unlistedEntries(3, MARK), first, 'looking moves nothing');
    await store.listFiles([], first.through!);
    const second = await (await reopen()).unlistedEntries(3, MARK);
    t.same(
      second.entries.map((entry) => entry.id),
      [entries[3]!.id, entries[4]!.id],
    );
  });

  t.test('the walk never goes back, and reaches entries that come later', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    await store.deposit(entryOf(organization, { entry: `{${MARK}}` }));
    await sealAll(store);
    const early = (await store.unlistedEntries(1, MARK)).through!;
    await store.listFiles([], early);
    const later = entryOf(organization, { entry: `{${MARK},"later":1}` });
    await store.deposit(later);
    await sealAll(store);
    const { entries, through } = await store.unlistedEntries(1, MARK);
    t.same(
      entries.map((entry) => entry.id),
      [later.id],
    );
    await store.listFiles([], through!);
    await store.listFiles([], early);
    t.equal((await store.unlistedEntries(1, MARK)).through, undefined);
  });

  t.test('a listed file waits to be checked, the oldest first, and is listed once', async (t) => {
    const { store } = await open(t);
    const [young, old] = [fileOf(NOW_MS + 2), fileOf(NOW_MS + 1)];
    await store.listFiles([young, old], 1);
    await store.listFiles([{ ...old, receivedMs: NOW_MS + 9 }], 2);
    const { receivedMs: _, ...stored } = old;
    t.same(await store.filesToCheck('unchecked', NOW_MS + 2, 9), [stored]);
    t.same(names(await store.filesToCheck('unchecked', NOW_MS + 3, 9)), [old.sha256, young.sha256]);
    t.same(names(await store.filesToCheck('unchecked', NOW_MS + 3, 1)), [old.sha256]);
    t.same(await store.filesToCheck('ok', NOW_MS + 3, 9), []);
    t.same(await store.fixityOf([old.sha256, digest()]), [undefined, undefined]);
  });

  t.test(
    'the last check stands in the record in place of the one before, also after a restart',
    async (t) => {
      const { store, reopen } = await open(t);
      const file = fileOf(NOW_MS);
      await store.listFiles([file], 1);
      const found = { sha256: digest(), sm3: digest(), size: 7 };
      const damaged = checkOf(file.sha256, { result: 'damaged', found });
      await store.recordFixity([damaged]);
      t.same(await store.fixityOf([digest(), file.sha256]), [undefined, damaged]);
      t.same(await store.fixityTotals(), { missing: 0, damaged: 1 });
      t.same(names(await store.filesToCheck('damaged', NOW_MS + 1, 9)), [file.sha256]);
      t.same(await store.filesToCheck('damaged', NOW_MS, 9), [], 'older means older');
      t.same(await store.filesToCheck('unchecked', NOW_MS + 9, 9), []);

      const again = await reopen();
      t.same(await again.fixityOf([file.sha256]), [damaged]);
      // What is listed again, with another deposit, keeps its result.
      await again.listFiles([file], 2);
      t.same(await again.fixityTotals(), { missing: 0, damaged: 1 });
      const missing = checkOf(file.sha256, { result: 'missing', checkedMs: NOW_MS + 1 });
      await again.recordFixity([missing]);
      t.same(await again.fixityTotals(), { missing: 1, damaged: 0 });
      const ok = checkOf(file.sha256, { checkedMs: NOW_MS + 2 });
      await again.recordFixity([ok, checkOf(digest(), { result: 'missing' })]);
      t.same(await again.fixityOf([file.sha256]), [ok]);
      t.same(
        await again.fixityTotals(),
        { missing: 0, damaged: 0 },
        'a file that is not listed counts nowhere',
      );
      t.same(names(await again.filesToCheck('ok', NOW_MS + 3, 9)), [file.sha256]);
    },
  );
}
