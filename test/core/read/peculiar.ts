/*
 * @peculiar/x509 injects through tsyringe, which refuses to load without the metadata functions of `reflect-metadata`;
 * that package is not installed, and these few lines are all that it needs of it.
 */

const kept = new WeakMap<object, Map<unknown, unknown>>();

function getOwnMetadata(key: unknown, target: object): unknown {
  return kept.get(target)?.get(key);
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  kept.set(target, (kept.get(target) ?? new Map()).set(key, value));
}

Object.assign(Reflect, { getMetadata: getOwnMetadata, getOwnMetadata, defineMetadata });

export const peculiar = await import('@peculiar/x509');
