import type { BlobInspector } from '../../ports/inspect.ts';

type Listed = { readonly name: string; readonly size: number };

/** Both places as one, as the service reads them: what is in both is the near one's. */
export function tieredInspector(near: BlobInspector, far: BlobInspector): BlobInspector {
  return {
    list: (room) => merged(near.list(room), far.list(room)),
    size: async (room, name) => (await near.size(room, name)) ?? far.size(room, name),
    stream: async (room, name) => (await near.stream(room, name)) ?? far.stream(room, name),
    async *leftovers() {
      yield* near.leftovers();
      yield* far.leftovers();
    },
    async removeLeftover(name) {
      // Their names are random: it is in one of them.
      await near.removeLeftover(name);
      await far.removeLeftover(name);
    },
  };
}

/** Both list by name, so that a name which is in both is met at once. */
async function* merged(near: AsyncIterable<Listed>, far: AsyncIterable<Listed>): AsyncGenerator<Listed> {
  const [ours, theirs] = [near[Symbol.asyncIterator](), far[Symbol.asyncIterator]()];
  try {
    let [a, b] = [await ours.next(), await theirs.next()];
    while (!a.done || !b.done) {
      if (!a.done && (b.done || a.value.name <= b.value.name)) {
        if (!b.done && a.value.name === b.value.name) b = await theirs.next();
        yield a.value;
        a = await ours.next();
      } else if (!b.done) {
        yield b.value;
        b = await theirs.next();
      }
    }
  } finally {
    await ours.return?.();
    await theirs.return?.();
  }
}
