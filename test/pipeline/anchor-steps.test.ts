import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Wallet } from 'ethers';
import t, { type Test } from 'tap';
import { openEvmChain } from '../../server/adapters/evm/chain.ts';
import type { Database } from '../../server/adapters/storage.ts';
import { journalEntry } from '../../server/journal/entry.ts';
import { newId } from '../../server/journal/ids.ts';
import { anchorRound } from '../../server/pipeline/anchor.ts';
import { nothingKnown } from '../../server/pipeline/past.ts';
import type { Chain } from '../../server/ports/chain.ts';
import type { Store } from '../../server/ports/store.ts';
import { CHAIN_ID, sleep, startWithContract, type TestAnvil } from '../support/anvil.ts';
import { appendsOf } from '../support/configured.ts';
import { databaseOf } from '../support/storage.ts';

/*
 * The anchoring of two batches, killed before and after every call that it makes of the store and of the chain; then
 * begun anew on what is on disk. A real store, a real node; each case has an operator of its own, and so a log.
 */

t.setTimeout(200_000);
const clock = { nowMs: () => Date.now() };
const BATCHES = 2;
/** More rounds than they could need; who is not done by then never is. */
const MAX_ROUNDS = 60;

const OF_STORE = [
  ...['logs', 'openAnchors', 'anchorsOfLog', 'planAnchor', 'attempts', 'recordAttempt'],
  ...['recordMined', 'recordConfirmations', 'recordReorganised', 'recordFinal'],
] as const;
const OF_CHAIN = [
  ...['inspect', 'head', 'findAppend', 'sign', 'broadcast', 'fate', 'minedNonce', 'finality', 'prove'],
] as const;

class Killed extends Error {}

interface KillAt {
  readonly method: string;
  readonly when: 'before' | 'after';
  /** which call of it, from 1 */
  readonly call: number;
}

/** Lets everything through until the call at which the process dies; from then on nothing. */
function mortal(at: KillAt | undefined) {
  let calls = 0;
  let dead = false;
  const wrap = <T extends object>(real: T): T =>
    new Proxy(real, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          if (dead) throw new Killed();
          const here = name === at?.method && ++calls === at.call;
          if (here && at.when === 'before') dead = true;
          if (dead) throw new Killed();
          const result: unknown = await value.apply(target, args);
          if (here) dead = true;
          if (dead) throw new Killed();
          return result;
        };
      },
    });
  return { wrap, died: () => dead };
}

const folder = await mkdtemp(join(tmpdir(), 'kezheng-steps-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const anvil = await startWithContract(t);
let cases = 0;

interface Case {
  readonly dir: string;
  readonly operator: string;
  readonly operatorKey: string;
  /** open until it is killed, then opened anew */
  database: Database;
}

/** A store with sealed batches, and an operator with funds. */
async function begin(): Promise<Case> {
  const wallet = new Wallet(`0x${randomBytes(32).toString('hex')}`);
  const operator = wallet.address.toLowerCase();
  await anvil.call('anvil_setBalance', operator, '0xde0b6b3a7640000');
  const dir = join(folder, String(++cases));
  await mkdir(dir);
  const database = await databaseOf(dir);
  const { store } = database;
  const organization = newId(clock.nowMs());
  await store.addOrganization({
    ...{ id: organization, name: 'x', role: 'depositor', uscc: undefined },
    createdMs: clock.nowMs(),
  });
  for (let i = 0; i < BATCHES; i++) {
    const receivedMs = clock.nowMs();
    const entry = journalEntry({
      ...{ id: newId(receivedMs), organization, receivedMs, entry: `{"n":${i}}`, fileDigests: [] },
    });
    await store.deposit(entry);
    const { firstSequence } = await store.pendingLeaves(1);
    const root = randomBytes(32).toString('hex');
    await store.seal({ firstSequence, size: 1, root, nowMs: receivedMs });
  }
  return { dir, operator, operatorKey: wallet.privateKey, database };
}

type Meanwhile = (anvil: TestAnvil, round: number) => Promise<unknown>;

/** One life of the process: rounds until all is final or it dies. True where it died. */
async function live(one: Case, at: KillAt | undefined, meanwhile: Meanwhile): Promise<boolean> {
  const { operatorKey } = one;
  const { store } = one.database;
  const chain = openEvmChain({
    ...{ rpcUrls: [anvil.url], chainId: CHAIN_ID, operatorKey, confirmations: 1 },
  });
  const life = mortal(at);
  const deps = {
    ...{ store: life.wrap<Store>(store), chain: life.wrap<Chain>(chain), clock },
    ...{ resendAfterMs: 60_000, genesisMayChange: false, onFinal: async () => {} },
  };
  const past = nothingKnown();
  try {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const moved = await anchorRound(deps, past);
      if (!moved && (await allFinal(store))) return false;
      await meanwhile(anvil, round);
    }
    throw new Error('never all final');
  } catch (error) {
    // What a dead process would have thrown is of no interest; everything else is a bug.
    if (!life.died()) throw error;
    await one.database.close();
    one.database = await databaseOf(one.dir);
    return true;
  } finally {
    chain.close();
  }
}

async function allFinal(store: Store): Promise<boolean> {
  for (let number = 1; number <= BATCHES; number++) {
    const [anchor] = await store.anchorsOfBatch(number);
    if (anchor?.state !== 'final') return false;
  }
  return true;
}

/** Each index once, in order, each with the root of its batch; every anchor final, with a proof; nothing paid twice. */
async function judge(t: Test, { database, operator }: Case): Promise<void> {
  const { store } = database;
  const roots: string[] = [];
  for (let number = 1; number <= BATCHES; number++) {
    const anchors = await store.anchorsOfBatch(number);
    t.match(anchors, [{ index: number - 1, state: 'final', proof: { type: 'ethereum-header/1' } }]);
    t.equal(anchors.length, 1);
    roots.push((await store.batch(number))!.root);
    const events = (await store.historyOfBatch(number)).map((one) => one.event);
    t.equal(events.filter((event) => event === 'planned').length, 1);
    t.equal(events.at(-1), 'final');
  }
  await database.close();
  const appends = await appendsOf(anvil.url, operator);
  t.strictSame(
    appends.map(({ index, root }) => [index, root]),
    roots.map((root, index) => [index, root]),
  );
  const nonce = await anvil.call('eth_getTransactionCount', operator, 'latest');
  t.equal(Number(nonce), BATCHES, 'not one transaction more than there are batches');
}

const mineAtOnce: Meanwhile = async () => undefined;

/** They change something, here or on the chain: to die after them is another thing than to die before. */
const CHANGES = [
  'planAnchor',
  'sign',
  'broadcast',
  'recordAttempt',
  'recordMined',
  'recordConfirmations',
  'recordFinal',
];

for (const method of [...OF_STORE, ...OF_CHAIN].filter((name) => name !== 'recordReorganised'))
  for (const when of CHANGES.includes(method) ? (['before', 'after'] as const) : (['before'] as const))
    t.test(`killed ${when} ${method}, at any of its calls, every batch is final once`, async (t) => {
      // Until the method is called no more often: then every one of its calls has been a place to die at.
      for (const call of [1, 2]) {
        const one = await begin();
        const died = await live(one, { method, when, call }, mineAtOnce);
        if (died) await live(one, undefined, mineAtOnce);
        await judge(t, one);
        if (!died) break;
      }
    });

t.test('killed after every single call, one after another, it still comes to the end', async (t) => {
  const one = await begin();
  const methods = [...OF_STORE, ...OF_CHAIN].filter(
    (name) => name.startsWith('record') || name === 'broadcast',
  );
  for (let lives = 0; lives < 30; lives++)
    for (const method of methods) {
      const when = lives % 2 === 0 ? 'after' : 'before';
      if (!(await live(one, { method, when, call: 1 }, mineAtOnce)) && lives > 2) {
        await judge(t, one);
        return;
      }
    }
  t.fail('never came to the end');
});

t.test('a node that has not come as far as what was final takes nothing back at once', async (t) => {
  const one = await begin();
  const chain = openEvmChain({
    ...{ rpcUrls: [anvil.url], chainId: CHAIN_ID, operatorKey: one.operatorKey, confirmations: 1 },
  });
  t.teardown(() => chain.close());
  const longAgo = await chain.head();
  await live(one, undefined, mineAtOnce);
  const laggard: Chain = {
    ...chain,
    head: async () => longAgo,
    finality: async () => ({ canonical: false, final: false, confirmations: 0, required: 0, blockTime: 0 }),
  };
  const past = nothingKnown();
  const time = { nowMs: clock.nowMs() };
  const roundOn = (node: Chain) =>
    anchorRound(
      {
        ...{ store: one.database.store, chain: node, clock: { nowMs: () => time.nowMs } },
        ...{ resendAfterMs: 60_000, genesisMayChange: false, onFinal: async () => {} },
      },
      past,
    );
  const behind = { code: 'chain-behind', detail: { block: longAgo.blockNumber } };
  await t.rejects(roundOn(laggard), behind);
  time.nowMs += 59_000;
  await t.rejects(roundOn(laggard), behind);
  t.ok(await allFinal(one.database.store));
  t.notOk(await roundOn(chain), 'and nothing is to be done once it has caught up');
  time.nowMs += 59_000;
  await t.rejects(roundOn(laggard), behind, 'the wait begins anew');
  t.ok(await allFinal(one.database.store));
  await judge(t, one);
});

t.test('a chain that has lost final blocks and does not grow gets back what was in them', async (t) => {
  const one = await begin();
  await live(one, undefined, mineAtOnce);
  const chain = openEvmChain({
    ...{ rpcUrls: [anvil.url], chainId: CHAIN_ID, operatorKey: one.operatorKey, confirmations: 1 },
  });
  t.teardown(() => chain.close());
  await anvil.call('anvil_rollback', BATCHES);
  const deps = {
    ...{ store: one.database.store, chain, clock, resendAfterMs: 300 },
    ...{ genesisMayChange: false, onFinal: async () => {} },
  };
  const past = nothingKnown();
  await t.rejects(anchorRound(deps, past), { code: 'chain-behind' });
  await sleep(300);
  for (let round = 0; round < MAX_ROUNDS && !(round > 1 && (await allFinal(one.database.store))); round++)
    await anchorRound(deps, past);
  await judge(t, one);
});

for (const when of ['before', 'after'] as const)
  t.test(`killed ${when} it records a reorganisation, every batch is final once`, async (t) => {
    await anvil.call('evm_setAutomine', false);
    t.teardown(() => anvil.call('evm_setAutomine', true));
    const one = await begin();
    /** The block in which the first root came is lost; the transaction comes back and is mined later. */
    const reorganise: Meanwhile = async (node, round) => {
      if (round === 1) await node.call('anvil_reorg', 1, []);
      else await node.mine();
    };
    t.ok(await live(one, { method: 'recordReorganised', when, call: 1 }, reorganise));
    await live(one, undefined, async (node) => node.mine());
    await judge(t, one);
  });
