import type { BlobRoom } from '../../server/ports/blobs.ts';
import { CASE_BUGS } from './case-bugs.ts';
import type { Disk } from './disk.ts';
import type { Medium } from './faults.ts';
import type { Ports } from './instance.ts';
import type { Bug } from './simulation.ts';
import { type Database, type Tables, waiting } from './store.ts';

/*
 * Mistakes put in on purpose, each in the way in which somebody could make it. They stand where a service meets its
 * parts, so that the service itself is the real one. The simulator must find every one of them.
 */

/** Bytes that a tree will be kept under, by root, while the order of two writes is the wrong one. */
function sealBeforeTree(ports: Ports): Ports {
  const trees = new Map<string, Uint8Array>();
  return {
    ...ports,
    blobs: {
      ...ports.blobs,
      async keep(room, name, bytes) {
        if (room !== 'trees') return ports.blobs.keep(room, name, bytes);
        trees.set(name, bytes);
      },
    },
    store: {
      ...ports.store,
      async seal(batch) {
        const sealed = await ports.store.seal(batch);
        await ports.blobs.keep('trees', batch.root, trees.get(batch.root)!);
        return sealed;
      },
    },
  };
}

function sendBeforeRecord(ports: Ports): Ports {
  let record = async (): Promise<void> => {};
  return {
    ...ports,
    store: {
      ...ports.store,
      async recordAttempt(...args) {
        record = () => ports.store.recordAttempt(...args);
      },
    },
    chain: {
      ...ports.chain,
      async broadcast(transaction) {
        await ports.chain.broadcast(transaction);
        await record();
      },
    },
  };
}

/** What was committed since the last flush is gone when the machine loses power. */
function flushLater(database: Database, { random, schedule }: Medium): void {
  let flushed: Tables = structuredClone(database.tables);
  const flush = (): void => {
    flushed = structuredClone(database.tables);
    schedule.after(random.between(50, 1_000), 'the database flushes', undefined, flush);
  };
  flush();
  database.powerFails = () => {
    database.tables = structuredClone(flushed);
  };
}

/** Whoever comes seals what waits first, whatever the root was made of. */
function sealWithoutComparing(database: Database): void {
  const { seal } = database.verbs;
  Object.assign(database.verbs, {
    seal(batch: Parameters<typeof seal>[0]) {
      const entries = waiting(database.tables);
      if (entries.length === 0) throw new Error(`a batch of ${batch.size} where 0 wait`);
      const size = Math.min(batch.size, entries.length);
      return seal({ ...batch, firstSequence: entries[0]!.sequence, size });
    },
  });
}

/** The key is looked for in one transaction and kept in another. */
function claimInItsOwnTransaction(ports: Ports, database: Database): Ports {
  return {
    ...ports,
    store: {
      ...ports.store,
      async deposit(entry, claim) {
        if (claim === undefined) return ports.store.deposit(entry);
        const earlier = database.tables.entries.findLast((one) => one.claim?.key === claim.key);
        if (earlier !== undefined) return ports.store.deposit(entry, claim);
        const outcome = await ports.store.deposit(entry);
        // The second transaction: what was stored gets its key.
        await ports.store.pending();
        const kept = database.tables.entries.findIndex(({ id }) => id === entry.id);
        if (kept >= 0) database.tables.entries[kept] = { ...database.tables.entries[kept]!, claim };
        return outcome;
      },
    },
  };
}

/** What the log holds is taken from what we remember, not from the log. */
const believeOwnCount = (ports: Ports): Ports => ({
  ...ports,
  chain: {
    ...ports.chain,
    async head() {
      const head = await ports.chain.head();
      const log = await ports.chain.inspect();
      const known = (await ports.store.anchorsOfLog(log, 0, 1_000)).filter(
        ({ state }) => state !== 'planned',
      );
      return { ...head, count: known.length };
    },
  },
});

/** An anchor that is in a block counts as final. */
const certifyEarly = (ports: Ports): Ports => ({
  ...ports,
  certificates: {
    ...ports.certificates,
    async anchorsOfBatch(batch) {
      const anchors = await ports.certificates.anchorsOfBatch(batch);
      return Promise.all(
        anchors.map(async (anchor) => {
          if (anchor.state !== 'mined') return anchor;
          const { transactionHash, blockNumber, blockHash, index, root, size } = anchor;
          const at = { transactionHash: transactionHash!, blockNumber: blockNumber!, blockHash: blockHash! };
          const proof = await ports.chain.prove({ index, root, size, ...at });
          return { ...anchor, state: 'final' as const, proof };
        }),
      );
    },
  },
});

/** Of each blob one byte: no step of the service looks at it again, fsck does. */
function flip(disk: Disk, room: BlobRoom): void {
  for (const { name } of disk.list(room)) {
    const bytes = disk.read(room, name)!;
    bytes[0]! ^= 1;
  }
}

export const BUGS: readonly Bug[] = [
  { name: 'an fsync of blobs is left out', disk: { neverSyncs: true } },
  { name: 'the database answers before it is durable', database: flushLater },
  { name: 'a batch is sealed before its tree is durable', ports: sealBeforeTree },
  { name: 'a transaction is sent before it is recorded', ports: sendBeforeRecord },
  {
    name: 'the lock is not asked',
    ports: (ports) => ({
      ...ports,
      leadership: {
        ...ports.leadership,
        async lead() {
          await ports.leadership.lead();
          return true;
        },
      },
    }),
  },
  { name: 'a seal does not compare what waits', database: sealWithoutComparing },
  {
    name: 'an anchor is recorded as final before it is',
    ports: (ports) => ({
      ...ports,
      chain: {
        ...ports.chain,
        async finality(number, hash) {
          const finality = await ports.chain.finality(number, hash);
          return { ...finality, final: finality.canonical };
        },
      },
    }),
  },
  {
    name: 'an idempotency key is kept in a transaction of its own',
    ports: (ports, { database }) => claimInItsOwnTransaction(ports, database),
  },
  { name: 'the index is not asked from the log', ports: believeOwnCount },
  { name: 'a certificate is issued from an anchor that is not final', ports: certifyEarly },
  { name: 'a byte of a tree changes on the disk', atRest: (_, disk) => flip(disk, 'trees') },
  { name: 'a byte of a file changes on the disk', atRest: (_, disk) => flip(disk, 'files') },
  ...CASE_BUGS,
];
