import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { createCases } from '../../server/casework/cases.ts';
import type { Room } from '../../server/casework/room.ts';
import { type CertificateDeps, certificateOf } from '../../server/pipeline/certificate.ts';
import { type BulkRecord, type DepositDeps, deposit, depositMany } from '../../server/pipeline/deposit.ts';
import { createExpectation } from '../../server/pipeline/expectation.ts';
import { computedFile, type Depositor } from '../../server/pipeline/manifest.ts';
import { startPipeline } from '../../server/pipeline/pipeline.ts';
import { discardFiles, keepFiles, type ReceivedFile, receiveFile } from '../../server/pipeline/receive.ts';
import type { StampReads } from '../../server/pipeline/stamps.ts';
import { evidenceStatus, type StatusDeps } from '../../server/pipeline/status.ts';
import type { Blobs } from '../../server/ports/blobs.ts';
import type { Chain } from '../../server/ports/chain.ts';
import type { Clock } from '../../server/ports/clock.ts';
import { EVENTS_ID } from '../../server/ports/identity.ts';
import type { Issuer } from '../../server/ports/issuer.ts';
import type { Leadership } from '../../server/ports/leadership.ts';
import type { BatchTokenStore, IdempotencyClaim } from '../../server/ports/store.ts';
import type { TreeBuilder } from '../../server/ports/work.ts';
import { digestsOf } from './disk.ts';
import type { Life, Schedule } from './schedule.ts';
import type { SimulatedStore } from './store.ts';

type Tokens = StampReads & Pick<BatchTokenStore, 'batchTokens' | 'tokenEvidence'>;

/** What a process stands on; each part may be replaced by one with a bug in it. */
export interface Ports {
  readonly store: SimulatedStore;
  readonly blobs: Blobs;
  readonly chain: Chain;
  readonly leadership: Leadership;
  readonly trees: TreeBuilder;
  /** the store as certificates are made from it */
  readonly certificates: Omit<CertificateDeps['store'], keyof Tokens>;
}

export interface InstanceOptions {
  readonly life: Life;
  readonly schedule: Schedule;
  readonly clock: Clock;
  readonly ports: Ports;
  readonly issuer: Issuer;
  /** the procedure of its cases; undefined where it runs none */
  readonly room: Room | undefined;
  readonly limits: { readonly maxAgeMs: number; readonly maxEntries: number };
  readonly everyMs: { readonly seal: number; readonly anchor: number; readonly fixity: number };
  readonly resendAfterMs: number;
  /** An error that no one can act on: a bug of the service, or of the simulation. */
  readonly onBug: (task: string, error: Error) => void;
}

/** A case as somebody takes it with him: all of its events, each with its certificate and what it says. */
export interface CasePackage {
  readonly id: string;
  readonly events: readonly { readonly certificate: Uint8Array; readonly content: string | undefined }[];
  readonly head: Uint8Array;
}

/** Cases that are looked at in one round. */
const DUE_CASES = 4;

export interface Upload {
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** A running service: its rounds go by themselves, and requests are answered as `http/` answers them. */
export type Instance = ReturnType<typeof startInstance>;

export function startInstance(options: InstanceOptions) {
  const { life, schedule, clock, ports, issuer, room, limits, everyMs, resendAfterMs, onBug } = options;
  const { store, blobs, chain, leadership, trees } = ports;
  const digests = digestsOf();
  const expectation = createExpectation(limits.maxAgeMs, 3_000);
  const log = {
    ...{ debug() {}, warn() {}, info() {} },
    error(fields: object, message: string) {
      schedule.note(`${life.name} ${message}`);
      const { err, task } = fields as { err?: Error; task?: string };
      if (message.endsWith('internal-error')) onBug(task ?? '', err!);
    },
  };
  const cases = room && createCases({ store, rooms: [room], issuer, clock, service: 'simulated' });
  startPipeline({
    seal: { store, blobs, trees, clock, limits },
    leadership,
    restored: { isUncompared: () => false, async compared() {} },
    chain: async () => chain,
    anchor: { store, clock, resendAfterMs, genesisMayChange: false },
    fixity: { store, blobs, digests, clock, maxAgeMs: 30 * 86_400_000 },
    ...(cases && { procedures: async () => (await cases.tick(DUE_CASES)) === DUE_CASES }),
    ...{ expectation, log, everyMs },
    after: (ms, run) => schedule.after(ms, `${life.name} timer`, life, run),
  });
  const depositing: DepositDeps = {
    ...{ store, clock, signatures: nodeSignatures, service: 'simulated' },
    clockWord: () => 'unchecked',
  };
  const reading: StatusDeps = { store, clock, expectation };
  const certificates: CertificateDeps = {
    ...{
      store: { ...ports.certificates, ...WITHOUT_STAMPS },
      chainOf: async () => [],
      blobs,
      clock,
      issuer,
      signatures: nodeSignatures,
    },
    stated: (batch) => [{ name: 'batch', value: String(batch) }],
  };

  async function certificate(organization: string, id: string) {
    const entry = await store.evidence(organization, id);
    if (entry === undefined) throw new Error(`${id} is not in the journal`);
    return certificateOf(certificates, entry);
  }

  return {
    life,
    chain,
    cases,
    certificate,
    /** Undefined while an event has no certificate. */
    async casePackage(id: string): Promise<CasePackage | undefined> {
      // Before the events: of what comes meanwhile it says nothing.
      const head = await cases?.head(id);
      if (head === undefined) return undefined;
      const events: CasePackage['events'][number][] = [];
      // From the end: the last is the last that gets its certificate.
      for (const { entry, content } of (await store.caseEvents(id, 0, 1_000)).toReversed()) {
        const made = await certificate(EVENTS_ID, (JSON.parse(entry) as { id: string }).id);
        if (made === undefined) return undefined;
        events.unshift({ certificate: made.bytes, content });
      }
      return { id, events, head };
    },
    deposit: (depositor: Depositor, record: BulkRecord, claim: IdempotencyClaim | undefined) =>
      deposit(depositing, depositor, record.given, record.contents, claim),
    /** As the form does: files are durable before the entry that names them. */
    async upload(
      depositor: Depositor,
      title: string,
      uploads: readonly Upload[],
      claim: IdempotencyClaim | undefined,
    ) {
      const received: ReceivedFile[] = [];
      try {
        for (const { name, chunks } of uploads)
          received.push(
            await receiveFile(blobs, digests, chunks, { name, mediaType: undefined, limit: 2 ** 20 }),
          );
        await keepFiles(received);
        const files = received.map((file) => computedFile(file));
        return await deposit(depositing, depositor, { title }, { files, folder: null }, claim);
      } finally {
        await discardFiles(received);
      }
    },
    bulk: (depositor: Depositor, records: readonly BulkRecord[], claim: IdempotencyClaim | undefined) =>
      depositMany(depositing, depositor, records, claim && { ...claim, note: '' }),
    status: (organization: string, id: string) => evidenceStatus(reading, organization, id),
  };
}

/** Tokens are made where a store writes; nothing of the pipeline waits for them, and here there are none. */
const WITHOUT_STAMPS: Tokens = {
  stampOf: async () => undefined,
  leavesFrom: async () => new Uint8Array(),
  batchTokens: async () => [],
  tokenEvidence: async () => [],
};
