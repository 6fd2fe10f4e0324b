import { StoreUnavailable } from '../../ports/store.ts';

/** One piece of work after the other, in the order of the calls. */
export interface Lane {
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createLane(): Lane {
  let queue: { start(): Promise<void>; refuse(error: Error): void }[] = [];
  let isRunning = false;

  async function drain(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next.start();
    isRunning = false;
  }

  /** Where the database does not answer, those behind would only wait as long for the same. */
  function refuseAll(error: StoreUnavailable): void {
    const refused = queue;
    queue = [];
    for (const one of refused) one.refuse(error);
  }

  return {
    run: <T>(work: () => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        const start = () =>
          work().then(resolve, (error: Error) => {
            reject(error);
            if (error instanceof StoreUnavailable) refuseAll(error);
          });
        queue.push({ start, refuse: reject });
        void drain();
      }),
  };
}
