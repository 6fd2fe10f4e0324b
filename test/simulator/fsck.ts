import { Readable } from 'node:stream';
import { CHAIN_ID, CONTRACT } from '../../scripts/vectors/block.ts';
import { GENESIS, operator } from '../../scripts/vectors/sample.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import type { Rpc } from '../../server/audit/chain.ts';
import { type FindingCode, listening } from '../../server/audit/finding.ts';
import { fsck } from '../../server/audit/fsck.ts';
import { APPENDED_TOPIC } from '../../server/core/anchor/evidence-log.ts';
import { hex0x } from '../../server/core/anchor/fields.ts';
import { utf8 } from '../../server/core/read/bytes.ts';
import type { Trust } from '../../server/core/verify/trust.ts';
import type { LogIdentity } from '../../server/ports/chain.ts';
import type { BlobInspector, Inspector, RawEntry, Snapshot } from '../../server/ports/inspect.ts';
import type { Block, Network } from './chain.ts';
import { DEPOSITORS } from './clients.ts';
import type { Disk } from './disk.ts';
import type { Database, KeptEntry, Tables } from './store.ts';

/* The service's own fsck on what a run has left: tables, disk and chain as they stand. */

async function* all<T>(rows: Iterable<T>): AsyncGenerator<T> {
  yield* rows;
}

type OfAnchor = { readonly anchor: number; readonly id: number };
const byAnchor = (a: OfAnchor, b: OfAnchor): number => a.anchor - b.anchor || a.id - b.id;

const rawEntry = ({ entry, fileDigests, claim, ...row }: KeptEntry): RawEntry => ({
  ...row,
  bytes: utf8(entry),
  digests: Buffer.from(fileDigests.join(''), 'hex'),
  idempotencyKey: claim?.key,
  fingerprint: claim && Buffer.from(claim.fingerprint, 'hex'),
});

function casesOf({ casework, entries }: Tables): Pick<Snapshot, 'cases' | 'caseEvents' | 'isOfCase'> {
  const bytesOf = (of: number): Uint8Array | undefined => {
    const entry = entries.find(({ sequence }) => sequence === of);
    return entry && utf8(entry.entry);
  };
  const ids = [...casework.cases.keys(), ...casework.events.map((event) => event.case)];
  const inOrder = [...new Set(ids)].toSorted();
  return {
    cases: () => all(inOrder.flatMap((id) => casework.cases.get(id) ?? [])),
    caseEvents: () =>
      all(
        inOrder.flatMap((id) =>
          casework.events
            .filter((event) => event.case === id)
            .toSorted((a, b) => a.index - b.index)
            .map((event) => ({ ...event, bytes: bytesOf(event.sequence) })),
        ),
      ),
    isOfCase: async (of) => casework.events.some(({ sequence }) => sequence === of),
  };
}

function snapshotOf(tables: Tables, gapless: boolean): Snapshot {
  const { entries, bulks, batches, logs, anchors, attempts, events, certificates, serials } = tables;
  const isSame = (a: LogIdentity, b: LogIdentity) => a.chainId === b.chainId && a.operator === b.operator;
  const logId = (log: LogIdentity): number => logs.findIndex((one) => isSame(one, log)) + 1;
  const rawAnchors = anchors
    .map(({ log, proof, ...anchor }) => ({
      ...anchor,
      log: logId(log),
      proof: proof && JSON.stringify(proof),
    }))
    .toSorted((a, b) => a.log - b.log || a.index - b.index);
  const anchorOf = (id: number) => rawAnchors.find((anchor) => anchor.id === id);
  const progress = { planned: 1, mined: 2, final: 3 } as const;
  const serialRows = [...serials].map(([sequence, given]) => ({ sequence, ...given }));
  const newest = Math.max(0, ...entries.map(({ sequence }) => sequence));
  return {
    gapless,
    organizations: () => all([...DEPOSITORS, ...tables.casework.organizations.values()]),
    keys: () => all([]),
    entries: (first, last) =>
      all(entries.filter(({ sequence }) => first <= sequence && sequence <= last).map(rawEntry)),
    batches: () =>
      all(
        batches.map((batch) => {
          const own = anchors.filter((anchor) => anchor.batch === batch.number);
          return { ...batch, progress: Math.max(1, ...own.map(({ state }) => progress[state])) };
        }),
      ),
    bulkCalls: () =>
      all(
        bulks.map(({ organization, claim, entries: made }) => ({
          ...{ organization, key: claim.key, createdMs: claim.nowMs },
          ...{ firstSequence: made[0]?.sequence ?? 1, count: made.length },
        })),
      ),
    logs: async () => logs.map((log, i) => ({ id: i + 1, ...log })),
    anchors: () => all(rawAnchors),
    anchorsById: () => all(rawAnchors.toSorted((a, b) => a.id - b.id)),
    anchorsOfBatch: async (batch) => rawAnchors.filter((anchor) => anchor.batch === batch),
    attempts: () =>
      all(
        attempts
          .map(({ anchorId, transactionHash, raw }, i) => {
            const { log, index, batch } = anchorOf(anchorId) ?? {};
            return { id: i + 1, anchor: anchorId, transactionHash, raw, log, index, batch };
          })
          .toSorted(byAnchor),
      ),
    events: () =>
      all(
        events
          .map(({ anchorId, atMs, event, detail }, i) => {
            const batch = anchorOf(anchorId)?.batch;
            return { id: i + 1, anchor: anchorId, atMs, batch, event, detail: JSON.stringify(detail) };
          })
          .toSorted(byAnchor),
      ),
    certificates: () =>
      all(
        certificates
          .map(({ anchorKeys, ...row }) => ({ ...row, anchorKeys: JSON.stringify(anchorKeys) }))
          .toSorted((a, b) => a.sequence - b.sequence || a.revision - b.revision),
      ),
    isCertified: async (sequence) => certificates.some((one) => one.sequence === sequence),
    serials: () => all(serialRows.toSorted((a, b) => a.year - b.year || a.serial - b.serial)),
    serialOf: async (sequence) => serialRows.find((one) => one.sequence === sequence),
    fixity: () => all([]),
    // Here nothing is stamped.
    stamps: async function* () {},
    signers: async () => [],
    stampState: async () => ({ stampedFrom: newest + 1, reservedMs: 0 }),
    batchTokens: () => all([]),
    isOfToken: async () => false,
    ...casesOf(tables),
    tokenEvidence: async () => undefined,
    askedAuthorities: async () => [],
    entriesOf: (owner) => all(entries.filter(({ organization }) => organization === owner).map(rawEntry)),
    repeats: () => all([]),
    lookupFlaws: () => all([]),
    end: async () => {},
  };
}

const inspectorOf = (tables: Tables, gapless: boolean): Inspector => ({
  begin: async () => snapshotOf(tables, gapless),
  flaws: async () => [],
  close: async () => {},
});

const blobsOf = (disk: Disk): BlobInspector => ({
  list: (room) => all(disk.list(room)),
  size: async (room, name) => disk.read(room, name)?.length,
  async stream(room, name) {
    const bytes = disk.read(room, name);
    return bytes && Readable.from([Buffer.from(bytes)]);
  },
  leftovers: () => all([]),
  async removeLeftover() {},
});

const LOG: LogIdentity = {
  chainId: CHAIN_ID,
  genesisHash: GENESIS,
  contract: CONTRACT,
  operator: operator.address,
};

const quantity = (value: number): string => `0x${value.toString(16)}`;
const word = (value: number): string => value.toString(16).padStart(64, '0');
const CODE = '0xfe';

/** As much of a node as an audit asks. */
function nodeOf(network: Network): Rpc {
  const told = (block: Block | undefined) =>
    block === undefined
      ? null
      : {
          number: quantity(block.number),
          hash: block.number === 0 ? GENESIS : block.hash,
          timestamp: quantity(block.time),
        };
  const methods: Readonly<Record<string, (params: readonly unknown[]) => unknown>> = {
    eth_chainId: () => quantity(CHAIN_ID),
    eth_getCode: () => CODE,
    eth_getBlockByNumber: ([tag]) =>
      told(network.blockAt(tag === 'finalized' ? network.finalNumber : Number(tag))),
    eth_call([, at]) {
      const { count, rolling } = network.blockAt(Number(at))!.state;
      return `0x${rolling}${count.toString(16).padStart(16, '0')}`;
    },
    eth_getLogs([filter]) {
      const { fromBlock, toBlock } = filter as { fromBlock: string; toBlock: string };
      return network
        .appends()
        .filter(({ blockNumber: at }) => at >= Number(fromBlock) && at <= Number(toBlock))
        .map((append) => ({
          address: CONTRACT,
          topics: [
            hex0x(APPENDED_TOPIC),
            `0x${operator.address.slice(2).padStart(64, '0')}`,
            `0x${word(append.index)}`,
          ],
          data: `0x${append.root}${word(append.size)}`,
          blockNumber: quantity(append.blockNumber),
          blockHash: append.blockHash,
          transactionHash: append.transactionHash,
        }));
    },
    eth_getTransactionByHash: () => null,
  };
  return {
    name: 'simulated',
    async call(method, params) {
      const answer = methods[method];
      if (answer === undefined) throw new Error(`the simulated node does not know ${method}`);
      return answer(params);
    },
  };
}

export interface Left {
  readonly database: Database;
  readonly gapless: boolean;
  readonly disk: Disk;
  readonly network: Network;
  readonly issuers: Trust['issuers'];
  readonly nowMs: number;
}

/** Clocks jump by minutes in a run: what rests on them alone is no more than that. */
const OF_CLOCKS: readonly FindingCode[] = ['batch-sealed-early', 'anchor-time-differs', 'event-time-differs'];

/** What it finds that is more than a note, and what it could not look at. */
export async function fsckFinds(left: Left): Promise<readonly string[]> {
  const found: string[] = [];
  const report = listening({
    found({ severity, code, table, key, found: what }) {
      if (severity !== 'note' && !OF_CLOCKS.includes(code))
        found.push(`${code} ${table}/${key} ${what ?? ''}`);
    },
    unread: (part, why) => void found.push(`${part} not read: ${why}`),
  });
  await fsck({
    inspector: inspectorOf(left.database.tables, left.gapless),
    blobs: blobsOf(left.disk),
    ...{
      signatures: nodeSignatures,
      issuers: left.issuers,
      stampers: [],
      authorities: [],
      nodes: [nodeOf(left.network)],
    },
    ...{ confirmations: undefined, contractCode: CODE, thorough: true, nowMs: left.nowMs },
    expected: { logs: [LOG], fromData: false },
    ...{ report, repairs: undefined },
  });
  return found;
}
