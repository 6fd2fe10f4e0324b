/**
 * Keys under which the service seals what it has to read again, 32 bytes each: the first one seals, all of them open.
 * Asked for at each use, so that a rotation reaches a service that runs.
 */
export type ReadDataKeys = () => Promise<readonly [Uint8Array, ...Uint8Array[]]>;
