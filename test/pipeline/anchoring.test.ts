import { Wallet } from 'ethers';
import t, { type Test } from 'tap';
import { encodeAppend } from '../../server/core/anchor/evidence-log.ts';
import { hex0x } from '../../server/core/anchor/fields.ts';
import { fromHex } from '../../server/core/read/bytes.ts';
import {
  CHAIN_ID,
  CONTRACT,
  KEY,
  OPERATOR,
  OTHER,
  startWithContract,
  type TestAnvil,
} from '../support/anvil.ts';
import {
  appendsOf,
  configured,
  poolOf,
  until,
  untilCertified,
  untilLooked,
  untilPooled,
  untilState,
  verdictOf,
} from '../support/configured.ts';
import { rpcProxy } from '../support/rpc-proxy.ts';

/* The whole service on a real store, against an anvil of its own that mines only when the test says so. */

// Beside each other, each with options of its own: tap writes into them, and into shared ones the results of another.
t.jobs = 4;
t.setTimeout(200_000);

async function stillAnvil(t: Test): Promise<TestAnvil> {
  const anvil = await startWithContract(t);
  await anvil.call('evm_setAutomine', false);
  return anvil;
}

const ONE = { KEZHENG_CONFIRMATIONS: '1' };

/** Mines until the entry has its certificate: whatever has to be sent again on the way. */
async function mineUntilCertified(
  anvil: TestAnvil,
  service: Awaited<ReturnType<typeof configured>>,
  id: string,
): Promise<Buffer> {
  return until('a certificate while blocks come', async () => {
    await anvil.mine();
    await new Promise((resolve) => setTimeout(resolve, 150));
    return service.certificate(id);
  });
}

/** Signs a transaction of the operator's key as another program would. */
async function foreign(
  anvil: TestAnvil,
  fields: { nonce: number; to?: string; data?: string; gasLimit?: number; gwei?: bigint },
): Promise<void> {
  const raw = await new Wallet(KEY).signTransaction({
    ...{ type: 2, chainId: CHAIN_ID, to: OTHER, value: 0, gasLimit: 21_000, nonce: fields.nonce },
    ...(fields.to && { to: fields.to }),
    ...(fields.data && { data: fields.data }),
    ...(fields.gasLimit && { gasLimit: fields.gasLimit }),
    maxFeePerGas: (fields.gwei ?? 100n) * 10n ** 9n,
    maxPriorityFeePerGas: (fields.gwei ?? 100n) * 10n ** 9n,
  });
  await anvil.call('eth_sendRawTransaction', raw);
}

const nonceOf = async (anvil: TestAnvil): Promise<number> =>
  Number(await anvil.call('eth_getTransactionCount', OPERATOR, 'latest'));

const gone = async (anvil: TestAnvil, hash: string): Promise<boolean> =>
  (await anvil.call('eth_getTransactionReceipt', hash)) === null;

for (const [confirmations, what] of [
  ['finalized', 'the chain calls its block final'],
  ['3', 'the configured number of blocks stands on it'],
] as const)
  t.test(`there is no certificate before ${what}, and one then`, { buffered: true }, async (t) => {
    const anvil = await stillAnvil(t);
    const env = { KEZHENG_CONFIRMATIONS: confirmations };
    const service = await configured(t, { rpcUrl: anvil.url, env });
    const id = await service.deposit(1);
    await untilPooled(anvil.url);
    t.equal(await service.certificate(id), undefined, 'sent');
    for (const blocks of [1, 2]) {
      await anvil.mine();
      await until(`${blocks} confirmations`, async () => {
        const { anchoring } = await service.view(id);
        return anchoring?.confirmations === blocks;
      });
      t.match(await service.view(id), { state: 'anchoring', anchoring: { required: 3 } });
      t.equal(await service.certificate(id), undefined, `${blocks} blocks`);
    }
    await anvil.mine();
    const certificate = await untilCertified(service, id);
    t.equal(await verdictOf(certificate, service, anvil.url, 1), 'valid');
    t.strictSame(await service.events(1), ['planned', 'sent', 'mined', 'final']);
  });

for (const [how, reorganise] of Object.entries({
  'another block takes its place': async (anvil: TestAnvil) => {
    await anvil.call('anvil_reorg', 1, []);
  },
  'the chain loses it': async (anvil: TestAnvil, snapshot: unknown) => {
    await anvil.call('evm_revert', snapshot);
    await anvil.call('evm_increaseTime', 77);
  },
}))
  t.test(
    `an anchor whose block is reorganised away is anchored again, and its history tells it: ${how}`,
    { buffered: true },
    async (t) => {
      const anvil = await stillAnvil(t);
      const service = await configured(t, { rpcUrl: anvil.url });
      const snapshot = await anvil.call('evm_snapshot');
      const id = await service.deposit(1);
      await untilPooled(anvil.url);
      await anvil.mine();
      await untilState(service, id, 'anchoring');
      const before = (await service.view(id)).anchors[0];
      await reorganise(anvil, snapshot);
      await untilState(service, id, 'batched');
      t.equal(await service.certificate(id), undefined);
      const certificate = await mineUntilCertified(anvil, service, id);
      t.equal(await verdictOf(certificate, service, anvil.url, 1), 'valid');
      const events = await service.events(1);
      t.strictSame(
        events.filter((event) => event !== 'replaced'),
        ['planned', 'sent', 'mined', 'reorganised', 'mined', 'final'],
      );
      const { history } = await service.batch(1);
      const lost = history.find((one: { event: string }) => one.event === 'reorganised');
      t.match(lost, { blockHash: before.blockHash, transactionHash: before.transactionHash });
      t.not((await service.view(id)).anchors[0].blockHash, before.blockHash);
      t.match(await appendsOf(anvil.url), [{ index: 0 }]);
    },
  );

t.test(
  'a chain that lost final blocks gets the same roots at the same indexes again, and the certificates a new revision',
  { buffered: true },
  async (t) => {
    const anvil = await startWithContract(t);
    const service = await configured(t, { rpcUrl: anvil.url, env: ONE });
    const first = await service.deposit(1);
    await untilCertified(service, first);
    const snapshot = await anvil.call('evm_snapshot');
    const ids = [first];
    for (const n of [2, 3]) {
      ids.push(await service.deposit(n));
      await untilCertified(service, ids.at(-1)!);
    }
    const kept = await service.certificate(first);
    const old = await service.certificate(ids[2]!);
    const appended = await appendsOf(anvil.url);
    await anvil.call('evm_revert', snapshot);
    await anvil.call('evm_increaseTime', 77);
    await anvil.mine();
    await until('all anchored again', async () => (await appendsOf(anvil.url)).length === 3);
    for (const [i, id] of ids.entries()) {
      const certificate = await until('a certificate of the chain as it is now', async () => {
        const bytes = await service.certificate(id);
        return bytes && (await verdictOf(bytes, service, anvil.url, i + 1)) === 'valid' && bytes;
      });
      t.match(JSON.parse(certificate.toString()), { revision: i === 0 ? 1 : 2 });
    }
    t.ok(kept!.equals((await service.certificate(first))!), 'what was not touched stays as it was');
    t.equal(
      JSON.parse(old!.toString()).number,
      JSON.parse((await service.certificate(ids[2]!))!.toString()).number,
      'the number stays',
    );
    const places = ({ index, root, size }: { index: number; root: string; size: number }) => ({
      ...{ index, root, size },
    });
    t.strictSame((await appendsOf(anvil.url)).map(places), appended.map(places));
    const { history } = await service.batch(3);
    t.match(
      history.find((one: { event: string }) => one.event === 'reorganised'),
      { wasFinal: 1 },
    );
  },
);

t.test(
  'where the same transactions moved to other blocks after finality, certificates follow',
  { buffered: true },
  async (t) => {
    const anvil = await startWithContract(t);
    const proxy = await rpcProxy(t, anvil.url);
    const service = await configured(t, { rpcUrl: proxy.url, env: ONE });
    const snapshot = await anvil.call('evm_snapshot');
    const ids: string[] = [];
    const raws: string[] = [];
    for (const n of [1, 2]) {
      ids.push(await service.deposit(n));
      await untilCertified(service, ids.at(-1)!);
      const hash = (await service.view(ids.at(-1)!)).anchors[0].transactionHash;
      raws.push(await anvil.call('eth_getRawTransactionByHash', hash));
    }
    // The service sees only the end of it: the log is as before, in other blocks.
    proxy.away = true;
    await anvil.call('evm_revert', snapshot);
    await anvil.call('evm_increaseTime', 77);
    await anvil.mine();
    for (const raw of raws) await anvil.call('eth_sendRawTransaction', raw);
    t.equal((await appendsOf(anvil.url)).length, 2);
    proxy.away = false;
    for (const [i, id] of ids.entries())
      await until('a certificate of the chain as it is now', async () => {
        const bytes = await service.certificate(id);
        return bytes && (await verdictOf(bytes, service, anvil.url, i + 1)) === 'valid';
      });
    t.match(JSON.parse((await service.certificate(ids[0]!))!.toString()), { revision: 2 });
    t.equal((await appendsOf(anvil.url)).length, 2, 'nothing was sent for it');
    t.equal((await poolOf(anvil.url)).length, 0);
  },
);

t.test(
  'a transaction that nobody mines is replaced by a dearer one, and only one is ever mined',
  { buffered: true },
  async (t) => {
    const anvil = await stillAnvil(t);
    const env = { ...ONE, KEZHENG_RESEND_AFTER_MS: '300' };
    const service = await configured(t, { rpcUrl: anvil.url, env });
    const id = await service.deposit(1);
    const first = await untilPooled(anvil.url);
    const dearer = await until('a dearer one', async () => {
      const [one] = await poolOf(anvil.url);
      return one && one.hash !== first.hash && one;
    });
    t.equal(dearer.nonce, first.nonce);
    t.ok(dearer.maxFeePerGas * 8n >= first.maxFeePerGas * 9n);
    await anvil.mine();
    const certificate = await mineUntilCertified(anvil, service, id);
    t.equal(await verdictOf(certificate, service, anvil.url, 1), 'valid');
    t.ok(await gone(anvil, first.hash));
    t.match(await appendsOf(anvil.url), [{ index: 0 }]);
    t.equal((await appendsOf(anvil.url)).length, 1);
    const events = await service.events(1);
    t.ok(events.includes('replaced'));
    t.strictSame(
      events.filter((event) => event !== 'replaced'),
      ['planned', 'sent', 'mined', 'final'],
    );
  },
);

t.test(
  'where the base fee has risen above it, a transaction is replaced and then mined',
  { buffered: true },
  async (t) => {
    const anvil = await stillAnvil(t);
    const env = { ...ONE, KEZHENG_RESEND_AFTER_MS: '300' };
    const proxy = await rpcProxy(t, anvil.url);
    const service = await configured(t, { rpcUrl: proxy.url, env });
    const id = await service.deposit(1);
    const first = await untilPooled(anvil.url);
    proxy.away = true;
    await anvil.call('anvil_setNextBlockBaseFeePerGas', `0x${(first.maxFeePerGas * 20n).toString(16)}`);
    await anvil.mine();
    t.ok(await gone(anvil, first.hash), 'too cheap to be mined');
    proxy.away = false;
    await mineUntilCertified(anvil, service, id);
    t.equal((await appendsOf(anvil.url)).length, 1);
  },
);

t.test(
  'a chain that stands still does not make the price climb without end',
  { buffered: true },
  async (t) => {
    const anvil = await stillAnvil(t);
    const env = { ...ONE, KEZHENG_RESEND_AFTER_MS: '100' };
    const service = await configured(t, { rpcUrl: anvil.url, env });
    const id = await service.deposit(1);
    const first = await untilPooled(anvil.url);
    // 120 times the time after which one is replaced: an hour and more against a chain of our own would be 2 hours.
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    const last = await untilPooled(anvil.url);
    t.ok(last.maxFeePerGas < first.maxFeePerGas * 3n, `${first.maxFeePerGas} became ${last.maxFeePerGas}`);
    await mineUntilCertified(anvil, service, id);
    t.equal((await appendsOf(anvil.url)).length, 1);
  },
);

t.test('a transaction that its node dropped is sent again as it was', { buffered: true }, async (t) => {
  const anvil = await stillAnvil(t);
  const service = await configured(t, { rpcUrl: anvil.url, env: ONE });
  const id = await service.deposit(1);
  const { hash } = await untilPooled(anvil.url);
  await anvil.call('anvil_dropTransaction', hash);
  const again = await untilPooled(anvil.url);
  t.equal(again.hash, hash);
  await mineUntilCertified(anvil, service, id);
  t.strictSame(await service.events(1), ['planned', 'sent', 'mined', 'final']);
  t.equal((await appendsOf(anvil.url)).length, 1);
});

t.test(
  'another program that takes our nonce costs nothing but time: the next one is taken, and one append results',
  { buffered: true },
  async (t) => {
    const anvil = await stillAnvil(t);
    const service = await configured(t, { rpcUrl: anvil.url, env: ONE });
    const id = await service.deposit(1);
    const ours = await untilPooled(anvil.url);
    await foreign(anvil, { nonce: ours.nonce });
    t.not((await poolOf(anvil.url))[0]!.hash, ours.hash, 'ours was pushed out');
    await anvil.mine();
    t.equal(await nonceOf(anvil), ours.nonce + 1);
    const second = await untilPooled(anvil.url);
    t.equal(second.nonce, ours.nonce + 1);
    await mineUntilCertified(anvil, service, id);
    t.equal((await appendsOf(anvil.url)).length, 1);
    t.equal(await nonceOf(anvil), ours.nonce + 2);
  },
);

t.test(
  'a replacement leaves alone what another program with the same key sent before it',
  { buffered: true },
  async (t) => {
    const anvil = await stillAnvil(t);
    const nonce = await nonceOf(anvil);
    await foreign(anvil, { nonce, gwei: 3n });
    const [theirs] = await poolOf(anvil.url);
    const env = { ...ONE, KEZHENG_RESEND_AFTER_MS: '300' };
    const service = await configured(t, { rpcUrl: anvil.url, env });
    const id = await service.deposit(1);
    const ours = await until('our transaction', async () => (await poolOf(anvil.url))[1]);
    t.equal(ours.nonce, nonce + 1);
    await until(
      'a replacement',
      async () => (await service.events(1)).filter((e) => e === 'replaced').length > 1,
    );
    t.equal((await poolOf(anvil.url))[0]!.hash, theirs!.hash);
    await anvil.mine();
    t.notOk(await gone(anvil, theirs!.hash));
    await mineUntilCertified(anvil, service, id);
    t.equal((await appendsOf(anvil.url)).length, 1);
  },
);

t.test(
  'a gap before our nonce is filled: a transaction never waits for one that will not come',
  { buffered: true },
  async (t) => {
    const anvil = await stillAnvil(t);
    const nonce = await nonceOf(anvil);
    await foreign(anvil, { nonce, gwei: 3n });
    const [theirs] = await poolOf(anvil.url);
    const env = { ...ONE, KEZHENG_RESEND_AFTER_MS: '300' };
    const service = await configured(t, { rpcUrl: anvil.url, env });
    const id = await service.deposit(1);
    await until('our transaction', async () => (await poolOf(anvil.url))[1]);
    await anvil.call('anvil_dropTransaction', theirs!.hash);
    await mineUntilCertified(anvil, service, id);
    t.equal((await appendsOf(anvil.url)).length, 1);
  },
);

t.test('several batches in one block each get their own certificate', { buffered: true }, async (t) => {
  const anvil = await stillAnvil(t);
  const proxy = await rpcProxy(t, anvil.url);
  const service = await configured(t, { rpcUrl: proxy.url, env: ONE });
  await untilLooked(proxy);
  proxy.away = true;
  const ids: string[] = [];
  for (const n of [1, 2, 3]) {
    ids.push(await service.deposit(n));
    await untilState(service, ids.at(-1)!, 'batched');
  }
  // As an instance leaves it that sent all three and lost its memory.
  const nonce = await nonceOf(anvil);
  for (const index of [0, 1, 2]) {
    const { root, size } = await service.batch(index + 1);
    const data = hex0x(encodeAppend({ index, root: fromHex(root), size }));
    await foreign(anvil, { nonce: nonce + index, to: CONTRACT, data, gasLimit: 60_000 });
  }
  await anvil.mine();
  const appends = await appendsOf(anvil.url);
  t.equal(appends.length, 3);
  t.equal(new Set(appends.map((one) => one.blockNumber)).size, 1);
  proxy.away = false;
  for (const [i, id] of ids.entries())
    t.equal(await verdictOf(await untilCertified(service, id), service, anvil.url, i + 1), 'valid');
  t.equal((await appendsOf(anvil.url)).length, 3);
  t.equal(await nonceOf(anvil), nonce + 3, 'nothing was sent twice');
});

t.test(
  'two services anchor in one block of one contract, and neither takes the other’s root for its own',
  { buffered: true },
  async (t) => {
    const anvil = await stillAnvil(t);
    const wallet = Wallet.createRandom();
    const operator = wallet.address.toLowerCase();
    await anvil.call('anvil_setBalance', operator, '0xde0b6b3a7640000');
    const ours = await configured(t, { rpcUrl: anvil.url, env: ONE });
    const theirs = await configured(t, { rpcUrl: anvil.url, env: ONE, operatorKey: wallet.privateKey });
    const ids = [await ours.deposit(1), await theirs.deposit(2)] as const;
    await untilPooled(anvil.url);
    await untilPooled(anvil.url, operator);
    await anvil.mine();
    const certificates = [await untilCertified(ours, ids[0]), await untilCertified(theirs, ids[1])] as const;
    t.equal(await verdictOf(certificates[0], ours, anvil.url, 1), 'valid');
    t.equal(await verdictOf(certificates[1], theirs, anvil.url, 2), 'valid');
    const [a, b] = [(await ours.view(ids[0])).anchors[0], (await theirs.view(ids[1])).anchors[0]];
    t.equal(a.blockHash, b.blockHash);
    t.strictSame([a.index, b.index], [0, 0]);
    t.match(await verdictOf(certificates[0], theirs, anvil.url, 1), /^invalid: .*log log-not-trusted/);
  },
);
