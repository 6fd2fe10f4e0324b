import { createHash } from 'node:crypto';
import t from 'tap';
import { fileMember, makeSample, makeTree, manifestOf } from '../../scripts/vectors/sample.ts';
import { parseCertificate } from '../../server/core/certificate/certificate.ts';
import { otsProof } from '../../server/core/ots/proof.ts';
import { toHex } from '../../server/core/read/bytes.ts';
import type { JsonObject } from '../../server/core/read/json.ts';
import { deploy, OTHER, openChain, startAnvil, type TestAnvil } from '../support/anvil.ts';
import { type Blocks, judge, whyNoOpenTimestamps } from '../support/opentimestamps.ts';
import { readOts } from '../support/ots-reader.ts';

/*
 * Blocks that a real node made, in the words in which it tells them, and proofs read by Debian's library: of ours there
 * is only what made the proofs.
 */

const skip = whyNoOpenTimestamps();
const ENTRIES = 100_000;

/** Names that JSON escapes, that are longer in UTF-8 than in characters, or that are written from right to left. */
const NAMES = ['photo.jpg', '"引号" \\ 反斜杠.png', '𠮷野家 😀\u0001.txt', 'مرحبا\u2028.pdf', '  '];
const FILES = NAMES.map((name, n) => ({ name, bytes: Buffer.from(`file ${n}`) }));
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const entry = manifestOf(
  FILES.map(({ name, bytes }) =>
    fileMember('photo.jpg', {
      name,
      sha256: digestOf(bytes),
      size: bytes.length,
      sm3: null,
      digests: 'declared',
    }),
  ),
);

/** Other people's transactions of three types, half of them in a greater hurry than any append. */
async function crowd(anvil: TestAnvil, count: number): Promise<void> {
  const hex = (value: number): string => `0x${value.toString(16)}`;
  const kinds = [
    (price: number) => ({ gasPrice: hex(price) }),
    (price: number) => ({ gasPrice: hex(price), accessList: [{ address: OTHER, storageKeys: [] }] }),
    (price: number) => ({ maxFeePerGas: hex(price), maxPriorityFeePerGas: hex(price) }),
  ];
  const accounts = (await anvil.call<string[]>('eth_accounts')).slice(1);
  for (let i = 0; i < count; i++) {
    const account = i % accounts.length;
    // One price an account: the node orders by price, and an account's own must stay in order.
    const [from, price] = [accounts[account], account % 2 === 0 ? 900e9 : 2e9];
    const data = `0x${'ab'.repeat(i % 200)}`;
    const common = { from, to: OTHER, value: hex(i), gas: hex(60_000), data };
    await anvil.call('eth_sendTransaction', { ...common, ...kinds[i % 3]!(price) });
  }
}

for (const [size, others, chainId] of [
  [3, 0, 31337],
  [5, 300, 31337],
  [ENTRIES, 300, 1],
] as const)
  t.test(
    `a real block of ${others + 1} transactions, a batch of ${size}, on chain ${chainId}: proofs hold, and none with a flipped bit`,
    { skip },
    async (t) => {
      const anvil = await startAnvil(t, '--chain-id', String(chainId));
      await deploy(anvil.url, chainId);
      const chain = openChain(t, { rpcUrls: [anvil.url], chainId });
      const tree = makeTree(entry, Math.floor(size * 0.7), size);
      await anvil.call('evm_setAutomine', false);
      await crowd(anvil, others);
      const signed = await chain.sign({ index: 0, root: toHex(tree.root), size });
      await chain.broadcast(signed);
      await anvil.mine();
      const found = (await chain.findAppend(0))!;
      const anchor = await chain.prove(found);
      t.ok(others === 0 || anchor.transactionIndex > 127, `at index ${anchor.transactionIndex}`);
      const { bytes } = await makeSample({
        entry,
        tree,
        anchors: () => [{ ...anchor } as unknown as JsonObject],
      });
      const block = await anvil.call<Blocks[string] & { transactions: string[] }>(
        'eth_getBlockByNumber',
        `0x${found.blockNumber.toString(16)}`,
        false,
      );
      t.equal(block.transactions.length, others + 1);
      const blocks = { [found.blockNumber]: block };
      const certificate = parseCertificate(bytes);
      const cases = FILES.map(({ bytes: file }, n) => {
        const proof = otsProof(certificate, n);
        t.match(proof, { chainId, blockHash: found.blockHash, timestamp: Number(block.timestamp) });
        return { ots: proof.bytes, digest: digestOf(file), blocks };
      });
      t.strictSame(
        judge(cases),
        cases.map(() => ({ timestamp: block.timestamp, canonical: true })),
      );
      const whole = cases[2]!;
      t.comment(`${whole.ots.length} bytes, ${readOts(whole.ots).operations.length} operations`);
      const flipped = [...whole.ots.keys()].map((at) => ({
        ...whole,
        ots: whole.ots.with(at, whole.ots[at]! ^ (1 << (at % 8))),
      }));
      t.strictSame(
        judge(flipped).flatMap(({ refused }, at) => (refused === undefined ? [at] : [])),
        [],
      );
      t.match(judge([{ ...whole, digest: cases[0]!.digest }]), [{ refused: 'another file' }]);
      const earlier = await anvil.call<Blocks[string]>('eth_getBlockByNumber', '0x0', false);
      t.match(judge([{ ...whole, blocks: { [found.blockNumber]: earlier } }]), [
        { refused: /does not match/ },
      ]);
    },
  );
