import { createHash, randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { openSqliteStore } from '../../server/adapters/sqlite/store.ts';
import { sha256 } from '../../server/core/hash/sha256.ts';
import { parseRequest } from '../../server/core/token/request.ts';
import { rootDocument } from '../../server/core/token/root-document.ts';
import { type AuthoritiesDeps, startAuthorities } from '../../server/pipeline/authorities.ts';
import type { LogIdentity } from '../../server/ports/chain.ts';
import { DoorProblem } from '../../server/ports/door.ts';
import { OPERATOR_ID, type Store } from '../../server/ports/store.ts';
import type { OutsideAuthority, TokenOutcome } from '../../server/ports/tsp.ts';
import { CA, issue } from '../core/read/openssl.ts';
import { addOrganization, entryOf, logOf } from '../suites/sample.ts';
import { lyingReply, POLICY } from '../support/authorities.ts';
import { until } from '../support/configured.ts';

/*
 * The tasks over a real store, with authorities whose answers a test decides: their order, their pauses, and what a
 * crash at any point leaves.
 */

const root = issue({ subject: '/CN=Root', extensions: CA });
const signer = issue({
  subject: '/CN=Signer',
  by: root,
  extensions: ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=critical,timeStamping'],
});

const authorityAt = (url: string, label = url): OutsideAuthority => ({
  ...{ label, url, policies: [POLICY], roots: [root.der] },
});
const A = authorityAt('http://a.example/');
const B = authorityAt('http://b.example/');

const openStore = (t: Test): Promise<Store> =>
  openSqliteStore({ path: `${t.testdir()}/kezheng.sqlite`, clock: { nowMs: () => Date.now() } });

async function seal(store: Store, log: LogIdentity | undefined = logOf()): Promise<number> {
  const { firstSequence, leaves } = await store.pendingLeaves(1_000);
  const hash = createHash('sha256').update(leaves).digest('hex');
  const batch = await store.seal({
    ...{ firstSequence, size: leaves.length / 32, root: hash, nowMs: Date.now() },
  });
  if (log !== undefined) await store.planAnchor(log, Date.now());
  return batch.number;
}

async function depositAndSeal(store: Store, organization: string): Promise<number> {
  await store.deposit(entryOf(organization));
  return seal(store);
}

interface World {
  /** what an authority answers; throws where it is away */
  readonly answer: (url: string, query: Uint8Array) => Promise<Uint8Array> | Uint8Array;
  readonly store: AuthoritiesDeps['store'];
  readonly authorities?: readonly OutsideAuthority[];
  readonly leads?: () => Promise<boolean>;
}

const honest = (query: Uint8Array): Uint8Array => lyingReply(Buffer.from(query), { signer });

const silent = { info() {}, warn() {}, error() {} } as never;

function start(t: Test, { answer, store, authorities = [A, B], leads = async () => true }: World) {
  const stopping = new AbortController();
  const outcomes: string[] = [];
  const errors: unknown[] = [];
  let aheadMs = 0;
  const nowMs = () => Date.now() + aheadMs;
  const running = startAuthorities(
    {
      ...{ authorities, store, own: [], operator: '运营者', signatures: nodeSignatures },
      tsp: { ask: (url, query, signal) => Promise.race([answered(answer, url, query), stopped(signal!)]) },
      revocation: { collect: async () => [] },
      clock: { nowMs },
      clockWord: () => 'unchecked',
      onOutcome: (place: number, outcome: TokenOutcome) => void outcomes.push(`${place} ${outcome}`),
    },
    leads,
    5,
    stopping.signal,
    {
      explain(error) {
        errors.push(error);
        return undefined;
      },
      nowMs,
      log: silent,
    },
  );
  const stop = async () => {
    stopping.abort();
    await running.stop();
  };
  t.teardown(stop);
  return { running, stop, outcomes, errors, pass: (ms: number) => void (aheadMs += ms) };
}

const answered = async (answer: World['answer'], url: string, query: Uint8Array) => answer(url, query);

const stopped = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new DoorProblem('door-stopped'))));

/** A store with an organization; both authorities asked from the next batch on. */
async function begin(t: Test) {
  const store = await openStore(t);
  t.teardown(() => store.close());
  const organization = await addOrganization(store);
  await store.joinAuthorities([A.url, B.url]);
  return { store, organization };
}

const tokensOf = (store: Store, batch: number, count: number) =>
  until(`${count} tokens of batch ${batch}`, async () => {
    const tokens = await store.batchTokens(batch);
    return tokens.length === count ? tokens : undefined;
  });

t.test('the digest that is stamped is that of the place of the batch in its log', async (t) => {
  const { store, organization } = await begin(t);
  const number = await depositAndSeal(store, organization);
  start(t, { store, answer: (_, query) => honest(query) });
  const tokens = await tokensOf(store, number, 2);
  const batch = (await store.batch(number))!;
  const { chainId, contract, operator } = logOf();
  const document = rootDocument({
    chainId,
    contract,
    operator,
    index: 0,
    root: batch.root,
    size: batch.size,
  });
  for (const { log, token } of tokens) {
    t.same(log, { chainId, contract, operator, index: 0 });
    t.ok(Buffer.from(token).includes(Buffer.from(sha256(document))));
  }
});

t.test(
  'where a batch stands in several logs, the one that has it for good is named, else the last',
  async (t) => {
    const { store, organization } = await begin(t);
    await store.deposit(entryOf(organization));
    const [old, next] = [logOf('aa'), logOf('bb')];
    const number = await seal(store, old);
    await store.planAnchor(next, Date.now());
    start(t, { store, answer: (_, query) => honest(query), authorities: [A] });
    t.match(await tokensOf(store, number, 1), [{ log: { operator: next.operator } }]);
  },
);

t.test('a batch without a place in a log waits for one', async (t) => {
  const { store, organization } = await begin(t);
  await store.deposit(entryOf(organization));
  const asked: string[] = [];
  const { stop } = start(t, {
    store,
    answer(url, query) {
      asked.push(url);
      return honest(query);
    },
  });
  const { firstSequence, leaves } = await store.pendingLeaves(10);
  const { number } = await store.seal({
    ...{ firstSequence, size: leaves.length / 32, root: '00'.repeat(32), nowMs: Date.now() },
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.same(asked, []);
  await store.planAnchor(logOf(), Date.now());
  await tokensOf(store, number, 2);
  await stop();
});

t.test('one that never answers holds up no other, and batches are stamped oldest first', async (t) => {
  const { store, organization } = await begin(t);
  const numbers: number[] = [];
  for (let i = 0; i < 20; i++) numbers.push(await depositAndSeal(store, organization));
  start(t, {
    store,
    answer: (url, query) => (url === A.url ? new Promise<never>(() => {}) : honest(query)),
  });
  await tokensOf(store, numbers.at(-1)!, 1);
  const tokens = await Promise.all(numbers.map((number) => store.batchTokens(number)));
  t.same(
    tokens.map((of) => of.map(({ url }) => url)),
    numbers.map(() => [B.url]),
  );
  const sequences = tokens.map(([token]) => token!.sequence);
  t.same(
    sequences,
    sequences.toSorted((a, b) => a - b),
  );
});

t.test('one that fails is left in peace for longer and longer, and then asked again', async (t) => {
  const { store, organization } = await begin(t);
  const number = await depositAndSeal(store, organization);
  let asked = 0;
  let works = false;
  const world = start(t, {
    store,
    authorities: [A],
    answer(_, query) {
      asked++;
      if (!works) throw new DoorProblem('door-unreachable', { host: 'a.example' }, new Error('10.0.0.1'));
      return honest(query);
    },
  });
  await until('a problem', () => world.running.problem());
  t.match(world.running.problem(), {
    code: 'authority-away',
    detail: { authority: A.label, reason: 'door-unreachable' },
  });
  const waits = [1_000, 2_000, 4_000, 8_000];
  for (const [i, ms] of waits.entries()) {
    t.equal(asked, i + 1);
    world.running.wake();
    await new Promise((resolve) => setTimeout(resolve, 60));
    t.equal(asked, i + 1, 'not before its time');
    world.pass(ms);
    world.running.wake();
    await until('another question', () => asked === i + 2);
  }
  works = true;
  world.pass(600_000);
  world.running.wake();
  await tokensOf(store, number, 1);
  await until('the problem is over', () => world.running.problem() === undefined);
  t.same(world.outcomes, [...Array(5).fill('0 away'), '0 kept']);
});

t.test('nobody is asked where another instance leads, and what it did is taken up', async (t) => {
  const { store, organization } = await begin(t);
  const number = await depositAndSeal(store, organization);
  let leads = false;
  let asked = 0;
  const { running, errors } = start(t, {
    store,
    authorities: [A],
    leads: async () => leads,
    answer(_, query) {
      asked++;
      return honest(query);
    },
  });
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.equal(asked, 0);
  t.equal(running.problem(), undefined);
  leads = true;
  await tokensOf(store, number, 1);
  // Another instance with other settings has led meanwhile.
  await store.joinAuthorities([B.url]);
  const next = await depositAndSeal(store, organization);
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.same(await store.batchTokens(next), [], 'it is joined again from here on');
  await tokensOf(store, await depositAndSeal(store, organization), 1);
  t.same(errors, []);
});

t.test('where no authority is configured any more, none is remembered', async (t) => {
  const { store } = await begin(t);
  const { stop } = start(t, { store, authorities: [], answer: (_, query) => honest(query) });
  await until('they are left', async () => (await store.askedAuthorities()).length === 0);
  await stop();
});

const CRASHES: readonly (readonly [string, (store: Store) => Partial<Store>, number])[] = [
  [
    'before the token is kept',
    () => ({
      keepBatchToken: async () => {
        throw new Error('crash');
      },
    }),
    0,
  ],
  [
    'after the token is kept',
    (store) => ({
      keepBatchToken: async (...given) => {
        await store.keepBatchToken(...given);
        throw new Error('crash');
      },
    }),
    1,
  ],
  [
    'before the organization of the operator is there',
    () => ({
      addOrganization: async () => {
        throw new Error('crash');
      },
    }),
    0,
  ],
  [
    'after it is there',
    (store) => ({
      addOrganization: async (...given) => {
        await store.addOrganization(...given);
        throw new Error('crash');
      },
      keepBatchToken: async () => {
        throw new Error('crash');
      },
    }),
    0,
  ],
  [
    'while it is asked how far each has come',
    () => ({
      joinAuthorities: async () => {
        throw new Error('crash');
      },
    }),
    0,
  ],
];
for (const [when, crash, left] of CRASHES)
  t.test(`a crash ${when} leaves a batch that gets one token, and one entry`, async (t) => {
    const { store, organization } = await begin(t);
    const number = await depositAndSeal(store, organization);
    const answer = (_: string, query: Uint8Array) => honest(query);
    const broken = start(t, { store: { ...store, ...crash(store) }, authorities: [A], answer });
    await until('the crash', () => broken.errors.length > 0);
    await broken.stop();
    t.equal((await store.batchTokens(number)).length, left);
    start(t, { store, authorities: [A], answer });
    await tokensOf(store, number, 1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    t.equal((await store.pending()).count, 1);
    t.equal((await store.batchTokens(number)).length, 1);
  });

t.test('two instances that both believe that they lead keep one token', async (t) => {
  const { store, organization } = await begin(t);
  const number = await depositAndSeal(store, organization);
  const answer = (_: string, query: Uint8Array) => honest(query);
  const both = [1, 2].map(() => start(t, { store, authorities: [A, B], answer }));
  await tokensOf(store, number, 2);
  await Promise.all(both.map(({ stop }) => stop()));
  t.equal((await store.batchTokens(number)).length, 2);
  t.equal((await store.pending()).count, 2);
  t.same(
    both.flatMap(({ errors }) => errors),
    [],
  );
});

t.test('a batch of nothing but digests of tokens is passed over', async (t) => {
  const { store, organization } = await begin(t);
  const number = await depositAndSeal(store, organization);
  const queries: Uint8Array[] = [];
  start(t, {
    store,
    answer(_, query) {
      queries.push(query);
      return honest(query);
    },
  });
  await tokensOf(store, number, 2);
  const own = await seal(store);
  const next = await depositAndSeal(store, organization);
  await tokensOf(store, next, 2);
  t.same(await store.batchTokens(own), []);
  t.equal(queries.length, 4);
  t.equal(
    new Set(queries.map((query) => Buffer.from(parseRequest(query, []).nonce!).toString('hex'))).size,
    4,
  );
  const { items } = await store.listEvidence(OPERATOR_ID, {}, { limit: 10 });
  t.equal(items.length, 4);
});

t.test(
  'an answer that is no answer is counted as refused, with the reason for the health page',
  async (t) => {
    const { store, organization } = await begin(t);
    await depositAndSeal(store, organization);
    const { running, outcomes } = start(t, { store, authorities: [A], answer: () => randomBytes(40) });
    await until('a problem', () => running.problem());
    t.match(running.problem(), { code: 'authority-token-refused', detail: { reason: /^der-/ } });
    t.same(outcomes, ['0 refused']);
  },
);

t.test('of several problems the one that has lasted longest is told', async (t) => {
  const { store, organization } = await begin(t);
  await depositAndSeal(store, organization);
  let second = false;
  const { running, pass } = start(t, {
    store,
    answer(url, query) {
      if (url === B.url || second) throw new DoorProblem('door-unreachable', {});
      return honest(query);
    },
  });
  await until('a problem', () => running.problem());
  second = true;
  pass(5_000);
  await depositAndSeal(store, organization);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.match(running.problem(), { detail: { authority: B.label } });
});
