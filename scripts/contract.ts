// Rebuilds contracts/EvidenceLog.json: what is committed is what this source and this compiler make, byte for byte.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getCreate2Address, keccak256 } from 'ethers';

const root = new URL('../', import.meta.url);
const SOURCE = 'contracts/EvidenceLog.sol';
export const ARTIFACT_URL = new URL('contracts/EvidenceLog.json', root);

/**
 * Everything that decides the bytecode. London has no opcode that chains in use lack (PUSH0 came later, and many
 * consortium chains never took it); no metadata, so that paths and comments leave the bytes alone.
 */
export const COMPILER = {
  version: '0.8.37',
  settings: {
    optimizer: { enabled: true, runs: 1_000_000 },
    // 350 gas an append less than the older code generator.
    viaIR: true,
    evmVersion: 'london',
    metadata: { appendCBOR: false, bytecodeHash: 'none' },
  },
} as const;

/** https://github.com/Arachnid/deterministic-deployment-proxy: the same address on every chain that has it. */
const CREATE2_PROXY = '0x4e59b44847b379578588920cA78FbF26c0B4956C';
const SALT = `0x${'00'.repeat(32)}`;

interface SolcOutput {
  readonly errors?: readonly { readonly formattedMessage: string }[];
  readonly contracts: Record<string, Record<string, CompiledContract>>;
}

interface CompiledContract {
  readonly abi: readonly unknown[];
  readonly evm: {
    readonly bytecode: { readonly object: string };
    readonly deployedBytecode: { readonly object: string };
  };
}

/** The text of contracts/EvidenceLog.json. */
export function buildArtifact(): string {
  const { abi, evm } = compile(readFileSync(new URL(SOURCE, root), 'utf8'));
  const creationBytecode = `0x${evm.bytecode.object}`;
  const artifact = {
    contract: 'EvidenceLog',
    compiler: COMPILER,
    create2: {
      proxy: CREATE2_PROXY.toLowerCase(),
      salt: SALT,
      address: getCreate2Address(CREATE2_PROXY, SALT, keccak256(creationBytecode)).toLowerCase(),
    },
    abi,
    creationBytecode,
    runtimeBytecode: `0x${evm.deployedBytecode.object}`,
  };
  return `${JSON.stringify(artifact, null, 2)}\n`;
}

const compile = (content: string): CompiledContract =>
  compileAll({ [SOURCE]: { content } })[SOURCE]!['EvidenceLog']!;

/** Contracts by source and name, all with the settings of ours; throws at a warning. */
export function compileAll(
  sources: Readonly<Record<string, { readonly content: string }>>,
): SolcOutput['contracts'] {
  // Loaded here: the compiler is 10 MB of JavaScript, and a reader of COMPILER alone does not need it.
  const solc = createRequire(import.meta.url)('solc') as {
    version(): string;
    compile(input: string): string;
  };
  if (!solc.version().startsWith(`${COMPILER.version}+`))
    throw new Error(`The compiler is ${solc.version()}, not ${COMPILER.version}: run npm ci.`);
  const input = {
    language: 'Solidity',
    sources,
    settings: {
      ...COMPILER.settings,
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as SolcOutput;
  // Warnings too: there is no reason to have any in one page of code.
  if (output.errors?.length) throw new Error(output.errors.map((e) => e.formattedMessage).join('\n'));
  return output.contracts;
}

if (import.meta.main) {
  writeFileSync(ARTIFACT_URL, buildArtifact());
  console.log('contracts/EvidenceLog.json written / 已写入');
}
