import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { AbiCoder, Interface, Transaction, Wallet } from 'ethers';
import { network } from 'hardhat';
import t, { type Test } from 'tap';
import artifact from '../../contracts/EvidenceLog.json' with { type: 'json' };
import { ARTIFACT_URL, buildArtifact } from '../../scripts/contract.ts';
import { encodeAppend, rollingAfter } from '../../server/core/anchor/evidence-log.ts';
import { hex0x } from '../../server/core/anchor/fields.ts';
import { fromHex } from '../../server/core/read/bytes.ts';

const abi = new Interface(artifact.abi);
const ROOT = (i: number): string => (i + 1).toString(16).padStart(2, '0').repeat(32);
const GAS_LIMIT = 30_000;

interface Receipt {
  readonly status: string;
  readonly gasUsed: string;
  readonly contractAddress: string;
  readonly logs: readonly { readonly topics: readonly string[]; readonly data: string }[];
}

/** A fresh chain in this process, with the contract on it and two addresses that can pay. */
async function setUp(t: Test) {
  const { provider, close } = await network.create();
  t.teardown(close);
  const [alice, bob] = (await provider.request({ method: 'eth_accounts' })) as [string, string];
  const send = async (from: string, to: string | undefined, data: string): Promise<Receipt> => {
    const transaction = { from, data, gas: '0x100000', ...(to && { to }) };
    const hash = await provider.request({ method: 'eth_sendTransaction', params: [transaction] });
    return (await provider.request({ method: 'eth_getTransactionReceipt', params: [hash] })) as Receipt;
  };
  const { contractAddress: contract } = await send(alice, undefined, artifact.creationBytecode);
  const append = (from: string, index: number, size: number, root = ROOT(index)) =>
    send(from, contract, hex0x(encodeAppend({ index, size, root: fromHex(root) })));
  const call = async (data: string, from = alice): Promise<string> =>
    (await provider.request({
      method: 'eth_call',
      params: [{ from, to: contract, data }, 'latest'],
    })) as string;
  const headOf = async (log: string): Promise<{ count: number; rolling: string }> => {
    const answer = await call(abi.encodeFunctionData('head', [log]));
    const [count, rolling] = abi.decodeFunctionResult('head', answer);
    return { count: Number(count), rolling: BigInt(rolling).toString(16).padStart(48, '0') };
  };
  /** Name and arguments of the error with which the contract refuses. */
  const refusal = async (from: string, index: number, size: number): Promise<unknown[] | undefined> => {
    try {
      await call(hex0x(encodeAppend({ index, size, root: fromHex(ROOT(0)) })), from);
      return undefined;
    } catch (error) {
      const data = (error as { data?: string | { data?: string } }).data;
      const parsed = abi.parseError(typeof data === 'string' ? data : (data?.data ?? '0x'));
      return parsed ? [parsed.name, ...parsed.args.map(Number)] : [];
    }
  };
  return { alice, bob, append, headOf, refusal, call };
}

t.test('the committed bytecode, ABI and address are what source and compiler make', async (t) => {
  t.equal(readFileSync(ARTIFACT_URL, 'utf8'), buildArtifact());
});

t.test('an index is taken once and in order; a refusal says which one is expected', async (t) => {
  const { alice, append, headOf, refusal } = await setUp(t);
  t.strictSame(await refusal(alice, 1, 10), ['IndexTaken', 0, 1]);
  await append(alice, 0, 10);
  const before = await headOf(alice);
  t.strictSame(await refusal(alice, 0, 10), ['IndexTaken', 1, 0]);
  t.strictSame(await refusal(alice, 2, 10), ['IndexTaken', 1, 2]);
  t.equal(await refusal(alice, 1, 10), undefined);
  await t.rejects(append(alice, 0, 10));
  t.strictSame(await headOf(alice), before);
});

t.test('a root over no leaves is refused', async (t) => {
  const { alice, refusal } = await setUp(t);
  t.strictSame(await refusal(alice, 0, 0), ['EmptyBatch']);
});

t.test('two operators write two logs, and neither changes the other', async (t) => {
  const { alice, bob, append, headOf } = await setUp(t);
  await append(alice, 0, 10);
  const before = await headOf(alice);
  await append(bob, 0, 99, ROOT(9));
  t.strictSame(await headOf(alice), before);
  t.equal((await headOf(bob)).count, 1);
  t.not((await headOf(bob)).rolling, before.rolling);
});

t.test('the rolling value is that of a recomputation from the roots alone', async (t) => {
  const { alice, append, headOf } = await setUp(t);
  let rolling = '0'.repeat(48);
  for (let index = 0; index < 5; index++) {
    await append(alice, index, 10 + index);
    rolling = rollingAfter(rolling, index, ROOT(index), 10 + index);
    t.strictSame(await headOf(alice), { count: index + 1, rolling });
  }
});

t.test('the event says whose log, which index, which root, how many leaves', async (t) => {
  const { alice, append } = await setUp(t);
  const { logs } = await append(alice, 0, 77);
  t.equal(logs.length, 1);
  const event = abi.parseLog({ topics: [...logs[0]!.topics], data: logs[0]!.data })!;
  t.equal(event.name, 'Appended');
  t.strictSame(
    [String(event.args['log']).toLowerCase(), event.args['index'], event.args['root'], event.args['size']],
    [alice.toLowerCase(), 0n, `0x${ROOT(0)}`, 77n],
  );
});

t.test('a number with dirt above its 64 bits is refused', async (t) => {
  const { call } = await setUp(t);
  const values = AbiCoder.defaultAbiCoder().encode(
    ['uint256', 'bytes32', 'uint256'],
    [2n ** 64n, `0x${ROOT(0)}`, 1],
  );
  await t.rejects(call(`${abi.getFunction('append')!.selector}${values.slice(2)}`));
});

t.test(`an append after the first costs at most ${GAS_LIMIT} gas`, async (t) => {
  const { alice, append } = await setUp(t);
  // Roots and sizes without zero bytes are the dearest calldata.
  const dearest = 'ff'.repeat(32);
  const gas: number[] = [];
  for (let index = 0; index < 4; index++)
    gas.push(Number((await append(alice, index, 2 ** 53 - 1, dearest)).gasUsed));
  t.comment(`gas: ${gas.join(', ')}`);
  // A byte of calldata costs 4 gas where it is zero, else 16 (EIP-2028): seven more in an index, one more in a size.
  for (const used of gas.slice(1)) t.ok(used + 8 * 12 <= GAS_LIMIT, `${used}`);
});

t.test('the whole transaction is far below 4096 bytes and has the root in its calldata', async (t) => {
  const transaction = Transaction.from({
    ...{ type: 2, chainId: 2 ** 52, nonce: 2 ** 52, gasLimit: 2 ** 52, to: artifact.create2.address },
    ...{ maxFeePerGas: 2n ** 128n, maxPriorityFeePerGas: 2n ** 128n },
    data: hex0x(encodeAppend({ index: 2 ** 53 - 1, size: 2 ** 53 - 1, root: fromHex(ROOT(3)) })),
  });
  const raw = await new Wallet(`0x${'11'.repeat(32)}`).signTransaction(transaction);
  t.ok(raw.length / 2 - 1 < 4096, `${raw.length / 2 - 1} bytes`);
  t.match(raw, ROOT(3));
});

t.test('the Solidity fuzz tests pass', { timeout: 120_000 }, async (t) => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const hardhat = spawn(process.execPath, ['node_modules/.bin/hardhat', 'test', 'solidity'], {
    cwd: root,
    // Coverage of tap reaches into children and would instrument the compiler.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => hardhat.kill());
  let said = '';
  for (const stream of [hardhat.stdout, hardhat.stderr])
    stream.on('data', (chunk) => (said += String(chunk)));
  const code = await new Promise((resolve) => hardhat.on('close', resolve));
  t.equal(code, 0, said);
  t.match(said, /4 passing/);
});
