/**
 * Memory for parts on their way out, of one process: however many uploads there are, no more than `limit` bytes at
 * once; the others wait in the order they came. Whole parts are used again and again: memory given back to the
 * collector comes back late, and a large upload would pile it up.
 */
export interface PartMemory {
  use<T>(bytes: number, work: (memory: Buffer) => Promise<T>): Promise<T>;
}

export function createPartMemory(limit: number, partBytes: number): PartMemory {
  const spare: Buffer[] = [];
  const waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  let free = limit;

  function letGo(): void {
    for (let first = waiting[0]; first !== undefined && first.bytes <= free; first = waiting[0]) {
      waiting.shift();
      free -= first.bytes;
      first.go();
    }
  }

  function take(bytes: number): Promise<void> {
    return new Promise((go) => {
      waiting.push({ bytes, go });
      letGo();
    });
  }

  return {
    async use(bytes, work) {
      // What is larger than all of it goes alone.
      const share = Math.min(bytes, limit);
      await take(share);
      const memory = (bytes === partBytes && spare.pop()) || Buffer.allocUnsafe(bytes);
      try {
        const result = await work(memory);
        // Not after an error: a connection that is being torn down may still look at it.
        if (bytes === partBytes) spare.push(memory);
        return result;
      } finally {
        free += share;
        letGo();
      }
    },
  };
}
