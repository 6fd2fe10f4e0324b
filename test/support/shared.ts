import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Vectors that nobody in this project wrote; a clone may be without them, and then tests name what they skip. */
const FOLDER = join(import.meta.dirname, '..', '..', '..', 'shared', 'vectors');

export const sharedVectors: string | undefined = existsSync(FOLDER) ? FOLDER : undefined;

/** For tap's option `skip`. */
export const skipWithoutShared = sharedVectors === undefined ? 'this clone has no ../shared/vectors' : false;

export const sharedFile = (...path: readonly string[]): string => join(FOLDER, ...path);

export const readShared = (...path: readonly string[]): Buffer => readFileSync(sharedFile(...path));
