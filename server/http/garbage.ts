import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/*
 * Every read from a socket brings a buffer of its own (64 KiB), which is garbage a moment later. V8 sees little reason
 * to collect such small objects, and during a large upload the memory behind them grows by a hundred megabytes. A
 * collection of the young generation every so many bytes takes a millisecond and keeps it flat.
 */

type Collect = (options: { readonly type: 'minor' }) => void;

function exposedCollect(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return collect;
}

const collect = exposedCollect();

/** Bytes between two collections: what an upload may add to the memory. */
const EVERY = 8 * 1024 * 1024;
let passed = 0;

/** To be told of all bytes that come in by streams, of all uploads together. */
export function bytesPassed(count: number): void {
  passed += count;
  if (passed < EVERY) return;
  passed = 0;
  collect({ type: 'minor' });
}
