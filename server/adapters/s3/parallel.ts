/**
 * Works on all, `width` at a time, results in order. After a first failure nothing more is begun, and what was begun
 * has ended when this rejects: the caller may clean up without somebody still writing.
 */
export async function inParallel<Item, Result>(
  items: Iterable<Item>,
  width: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const rest = items[Symbol.iterator]();
  let count = 0;
  let failure: { readonly error: unknown } | undefined;

  async function worker(): Promise<void> {
    for (let next = rest.next(); !next.done && failure === undefined; next = rest.next()) {
      const index = count++;
      try {
        results[index] = await work(next.value, index);
      } catch (error) {
        failure ??= { error };
      }
    }
  }

  await Promise.all(Array.from({ length: width }, worker));
  if (failure !== undefined) throw failure.error;
  return results;
}
