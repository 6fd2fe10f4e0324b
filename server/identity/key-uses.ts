import type { PeopleStore } from '../ports/people.ts';

export interface KeyUses {
  /** Notes it in memory, and nothing else: this stands in the way of every deposit. */
  used(key: string, atMs: number): void;
  /** Writes down what was noted. What a crash loses is a minute of it. */
  flush(): Promise<void>;
  /** Flushes once more. */
  close(): Promise<void>;
}

/** Each key is written down at most so often. */
const FLUSH_MS = 60_000;

export function createKeyUses(store: Pick<PeopleStore, 'recordKeyUse'>): KeyUses {
  let noted = new Map<string, number>();
  async function flush(): Promise<void> {
    if (noted.size === 0) return;
    const taken = noted;
    noted = new Map();
    try {
      await store.recordKeyUse(Array.from(taken, ([key, atMs]) => ({ key, atMs })));
    } catch {
      // The store is away, and whoever needs it says so: later uses are noted over these.
      for (const [key, atMs] of taken) if (!noted.has(key)) noted.set(key, atMs);
    }
  }
  const timer = setInterval(() => void flush(), FLUSH_MS).unref();
  return {
    used: (key, atMs) => void noted.set(key, atMs),
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
