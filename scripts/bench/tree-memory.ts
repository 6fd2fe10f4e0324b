import { randomFillSync } from 'node:crypto';
import { openTreeBuilder } from '../../server/adapters/workers/trees.ts';

/** Builds the tree of a million leaves twice and prints the most bytes that this process ever had. Run by tree.ts. */
const trees = openTreeBuilder();
for (let n = 0; n < 2; n++) await trees.build(randomFillSync(new Uint8Array(1_000_000 * 32)));
await trees.close();
console.log(process.resourceUsage().maxRSS * 1_024);
