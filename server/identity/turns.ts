/** More waits than can be served soon: nothing was done. */
export class TooManyWaiting extends Error {
  constructor() {
    super('too many wait for a turn');
    this.name = 'TooManyWaiting';
  }
}

export interface Turns {
  /** Does the work when its turn comes; throws TooManyWaiting at once where the line is full. */
  take<T>(work: () => Promise<T>): Promise<T>;
}

/** So many at once, so many more in line. */
export function createTurns(atOnce: number, mostWaiting: number): Turns {
  let running = 0;
  const line: (() => void)[] = [];
  return {
    async take(work) {
      if (running >= atOnce) {
        if (line.length >= mostWaiting) throw new TooManyWaiting();
        // Whoever leaves hands his place on: nobody comes between.
        await new Promise<void>((resolve) => line.push(resolve));
      } else running++;
      try {
        return await work();
      } finally {
        const next = line.shift();
        if (next === undefined) running--;
        else next();
      }
    },
  };
}

/** One at a time for each name, and few in line; a name that nobody waits under is forgotten. */
export function createTurnsByName(mostWaiting: number): {
  take<T>(name: string, work: () => Promise<T>): Promise<T>;
} {
  const byName = new Map<string, { readonly turns: Turns; users: number }>();
  return {
    async take(name, work) {
      const own = byName.get(name) ?? { turns: createTurns(1, mostWaiting), users: 0 };
      byName.set(name, own);
      own.users++;
      try {
        return await own.turns.take(work);
      } finally {
        own.users--;
        if (own.users === 0) byName.delete(name);
      }
    },
  };
}
