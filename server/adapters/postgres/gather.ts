/** Values that are asked for at one time, at most. */
const MOST_AT_ONCE = 1_000;

/**
 * Asks for one value at a time, answered by few round trips: whatever is asked for while an answer is under way goes
 * together with the next one. Nothing is remembered: each answer was read after it was asked for.
 */
export function gathering<K, V>(load: (keys: readonly K[]) => Promise<readonly V[]>): (key: K) => Promise<V> {
  interface Waiter {
    readonly key: K;
    resolve(value: V): void;
    reject(error: unknown): void;
  }
  let queue: Waiter[] = [];
  let isLoading = false;

  async function loadNext(): Promise<void> {
    const waiters = queue.slice(0, MOST_AT_ONCE);
    queue = queue.slice(MOST_AT_ONCE);
    try {
      const values = await load(waiters.map((waiter) => waiter.key));
      for (const [i, waiter] of waiters.entries()) waiter.resolve(values[i]!);
    } catch (error) {
      // Those behind would only wait as long for the same answer.
      for (const waiter of [...waiters, ...queue]) waiter.reject(error);
      queue = [];
    }
  }

  async function drain(): Promise<void> {
    isLoading = true;
    while (queue.length > 0) await loadNext();
    isLoading = false;
  }

  return (key) =>
    new Promise((resolve, reject) => {
      queue.push({ key, resolve, reject });
      if (!isLoading) void drain();
    });
}
