import type { Tracing } from '../../ports/metrics.ts';
import type { Count, Families, Labels } from './families.ts';

/** What is known of every call to a port: how long it took, whether it failed, and its span where traces are kept. */
export interface CallWatch {
  watch<A extends unknown[], R>(verb: string, call: (...args: A) => Promise<R>): (...args: A) => Promise<R>;
}

export function watchCalls(
  families: Families,
  port: string,
  what: string,
  tracing: Tracing | undefined,
): CallWatch & { readonly times: ReturnType<Families['times']> } {
  const times = families.times(`kezheng_${port}_duration_seconds`, `Time of ${what}, by verb`);
  const errors = families.counts(`kezheng_${port}_errors_total`, `Failed ${what}, by verb and kind of error`);
  return {
    times,
    watch(verb, call) {
      const took = times.with({ verb });
      const timed = async (...args: Parameters<typeof call>) => {
        const start = performance.now();
        try {
          return await call(...args);
        } catch (error) {
          errors.with({ verb, error: kindOf(error) }).value++;
          throw error;
        } finally {
          took.observe(performance.now() - start);
        }
      };
      if (tracing === undefined) return timed;
      const name = `${port}.${verb}`;
      return (...args) => tracing.within(name, () => timed(...args));
    },
  };
}

/** Codes and names of errors are ours: few, and the same for ever. */
export function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as { code?: unknown };
  return error.name === 'ChainProblem' && typeof code === 'string' ? code : error.name;
}

type Verb = (...args: never[]) => Promise<unknown>;

/** The same object with each of its methods watched; `as` takes the place of some. */
export function watched<T extends object>(target: T, calls: CallWatch, as: Partial<T>): T {
  const whole = { ...as } as Record<string, unknown>;
  for (const name of methodsOf(target)) {
    if (name in whole) continue;
    const method = (target as Record<string, Verb>)[name]!;
    whole[name] = calls.watch(name, method.bind(target) as (...args: unknown[]) => Promise<unknown>);
  }
  return whole as T;
}

/** Of an object of functions, or of a class. */
function methodsOf(target: object): Set<string> {
  const names = new Set<string>();
  for (let at = target; at !== Object.prototype; at = Object.getPrototypeOf(at) as object)
    for (const name of Object.getOwnPropertyNames(at))
      if (name !== 'constructor' && typeof (target as Record<string, unknown>)[name] === 'function')
        names.add(name);
  return names;
}

export const addTo = (family: { with(labels: Labels): Count }, labels: Labels, count = 1): void => {
  family.with(labels).value += count;
};
