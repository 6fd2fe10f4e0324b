import type { Medium } from './faults.ts';
import type { Instance } from './instance.ts';

/* How anybody asks a service: by a balancer, over a wire that loses answers. */

export interface Asking {
  /** Undefined where no answer came in time, or one that says to come again. */
  http<T>(what: string, handle: (instance: Instance) => Promise<T>): Promise<{ value: T } | undefined>;
  /** Again and again until it has an answer, where that is harmless; else once. */
  insist<T>(
    what: string,
    mayRepeat: boolean,
    handle: (instance: Instance) => Promise<T>,
  ): Promise<{ value: T } | undefined>;
}

export interface AskingDeps extends Medium {
  /** the instance that a balancer would choose; undefined where none runs */
  readonly instance: () => Instance | undefined;
  /** An error that a service must not answer with. */
  readonly onError: (what: string, error: Error) => void;
}

const TIMEOUT_MS = 15_000;

export function askingOf(deps: AskingDeps): Asking {
  const { random, schedule, faults } = deps;

  function http<T>(
    what: string,
    handle: (instance: Instance) => Promise<T>,
  ): Promise<{ value: T } | undefined> {
    return new Promise((resolve) => {
      const giveUp = schedule.after(TIMEOUT_MS, `${what}: no answer`, undefined, () => resolve(undefined));
      const answer = (told: string, outcome: { value: T } | undefined): void => {
        if (random.chance(faults.now().lost)) {
          schedule.note(`${what}: the answer is lost`);
          return;
        }
        schedule.after(faults.delayMs(), `${what} ← ${told}`, undefined, () => {
          giveUp();
          resolve(outcome);
        });
      };
      schedule.after(faults.delayMs(), `${what} →`, undefined, () => {
        const instance = deps.instance();
        if (instance === undefined) return answer('nobody there', undefined);
        handle(instance).then(
          (value) => answer(`${instance.life.name}`, { value }),
          (error: Error) => {
            deps.onError(what, error);
            answer(`${instance.life.name} ${error.name}`, undefined);
          },
        );
      });
    });
  }

  async function insist<T>(
    what: string,
    mayRepeat: boolean,
    handle: (instance: Instance) => Promise<T>,
  ): Promise<{ value: T } | undefined> {
    for (;;) {
      const answer = await http(what, handle);
      if (answer !== undefined || !mayRepeat) return answer;
      await schedule.sleep(random.between(200, 4_000), `${what}: again`, undefined);
    }
  }

  return { http, insist };
}
