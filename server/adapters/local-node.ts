import { join } from 'node:path';

/** Where the chain of a demonstration listens, for the command line beside it: another port after each start. */
export const localNodeFile = (dataDir: string): string => join(dataDir, 'chain', 'node.url');
