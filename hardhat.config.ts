import { fileURLToPath } from 'node:url';
import { defineConfig } from 'hardhat/config';
import { COMPILER } from './scripts/contract.ts';

// Tests of the contract only: the service and its build need no Hardhat.
export default defineConfig({
  solidity: {
    ...COMPILER,
    // From the package `solc`, as Hardhat would otherwise download a compiler.
    path: fileURLToPath(new URL('node_modules/solc/soljson.js', import.meta.url)),
  },
  paths: { sources: './contracts', tests: { solidity: './test/contracts' } },
  test: { solidity: { fuzz: { runs: 500, seed: '0x6b657a68656e67' } } },
});
