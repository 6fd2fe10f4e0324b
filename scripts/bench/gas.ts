import { Interface, JsonRpcProvider, Wallet, zeroPadValue } from 'ethers';
import artifact from '../../contracts/EvidenceLog.json' with { type: 'json' };
import { freePort, newGenesis, startAnvil } from '../../server/adapters/evm/anvil.ts';
import { encodeAppend } from '../../server/core/anchor/evidence-log.ts';
import { hex0x } from '../../server/core/anchor/fields.ts';
import { fromHex } from '../../server/core/read/bytes.ts';
import { compileAll } from '../contract.ts';
import { median, type Row } from './row.ts';

/*
 * Gas of an anchor after the first, beside other ways to put 32 bytes on a chain, all on one node and by one compiler.
 * Of the Ethereum Attestation Service stands here what its `timestamp` does, with the names it has there (MIT licence).
 */

const OTHERS = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

contract EasTimestamp {
    error AlreadyTimestamped();
    event Timestamped(bytes32 indexed data, uint64 indexed timestamp);
    mapping(bytes32 data => uint64 timestamp) private _timestamps;

    function timestamp(bytes32 data) external returns (uint64) {
        uint64 time = uint64(block.timestamp);
        if (_timestamps[data] != 0) revert AlreadyTimestamped();
        _timestamps[data] = time;
        emit Timestamped(data, time);
        return time;
    }
}

contract RootMapping {
    mapping(bytes32 root => bool known) public roots;

    function store(bytes32 root) external {
        roots[root] = true;
    }
}

contract EventOnly {
    event Anchored(bytes32 root);

    function emitRoot(bytes32 root) external {
        emit Anchored(root);
    }
}
`;

const CHAIN_ID = 31337;
const TIMES = 5;
const PRICE = { maxFeePerGas: 2_000_000_000n, maxPriorityFeePerGas: 1_000_000n };

export async function run(): Promise<Row[]> {
  const port = await freePort();
  const node = await startAnvil({ port, chainId: CHAIN_ID, genesis: newGenesis(), loadState: undefined });
  const provider = new JsonRpcProvider(`http://127.0.0.1:${port}`, CHAIN_ID, { staticNetwork: true });
  try {
    const wallet = Wallet.createRandom(provider);
    await provider.send('anvil_setBalance', [wallet.address, '0x56bc75e2d63100000']);
    let nonce = 0;
    const send = async (to: string | undefined, data: string) => {
      const sent = await wallet.sendTransaction({
        ...(to && { to }),
        data,
        gasLimit: 2_000_000,
        nonce: nonce++,
        ...PRICE,
      });
      await provider.send('evm_mine', []);
      const receipt = await provider.getTransactionReceipt(sent.hash);
      if (receipt?.status !== 1) throw new Error('a transaction failed');
      return receipt;
    };
    const deploy = async (bytecode: string): Promise<string> =>
      (await send(undefined, bytecode)).contractAddress!;
    const root = (i: number): string => (i + 17).toString(16).padStart(2, '0').repeat(32);
    /** The first use of a slot or a contract costs more than those after it, and is not counted. */
    const gasOf = async (to: string, dataOf: (i: number) => string): Promise<number> => {
      const used: number[] = [];
      for (let i = 0; i <= TIMES; i++) used.push(Number((await send(to, dataOf(i))).gasUsed));
      return median(used.slice(1));
    };
    const contracts = compileAll({ 'others.sol': { content: OTHERS } })['others.sol']!;
    const place = async (name: string): Promise<string> =>
      deploy(`0x${contracts[name]!.evm.bytecode.object}`);
    const call = (name: string, method: string) => async (): Promise<number> => {
      const abi = new Interface(contracts[name]!.abi as never);
      return gasOf(await place(name), (i) => abi.encodeFunctionData(method, [`0x${root(i)}`]));
    };
    const ours = await gasOf(await deploy(artifact.creationBytecode), (index) =>
      hex0x(encodeAppend({ index, size: 1_000_000, root: fromHex(root(index)) })),
    );
    const others: readonly [string, () => Promise<number>][] = [
      ['EAS `timestamp`', call('EasTimestamp', 'timestamp')],
      ['a mapping of roots', call('RootMapping', 'store')],
      ['an event alone', call('EventOnly', 'emitRoot')],
      [
        'bare calldata, 32 bytes to an address without code',
        () => gasOf(zeroPadValue('0x51', 20), (i) => `0x${root(i)}`),
      ],
    ];
    const rows: Row[] = [];
    for (const [otherName, measure] of others) {
      const gas = await measure();
      rows.push({
        what: 'gas of an anchor after the first',
        ours: `${ours.toLocaleString('en')} gas`,
        other: `${gas.toLocaleString('en')} gas`,
        otherName,
        ratio: ours / gas,
      });
    }
    return rows;
  } finally {
    provider.destroy();
    node.kill();
  }
}
