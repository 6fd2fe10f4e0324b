import { EventEmitter } from 'node:events';
import { BlobUnavailable } from '../ports/blobs.ts';
import { type Chain, ChainProblem } from '../ports/chain.ts';
import type { Leadership } from '../ports/leadership.ts';
import type { Logger } from '../ports/logger.ts';
import { type Anchor, StoreUnavailable } from '../ports/store.ts';
import { type AnchorDeps, anchorRound } from './anchor.ts';
import { type AuthoritiesDeps, startAuthorities } from './authorities.ts';
import type { Expectation } from './expectation.ts';
import { type FixityDeps, fixityRound, nothingChecked } from './fixity.ts';
import { AnchorAlarm, nothingKnown } from './past.ts';
import { type SealDeps, sealDueBatch } from './seal.ts';
import { type StampLateDeps, StampsAhead, stampLateRound } from './stamp-late.ts';
import { type Turns, takeTurns } from './turns.ts';
import { startWebhooks, type WebhooksDeps } from './webhooks/webhooks.ts';
import { type After, type Around, type Explained, startTask, type Task, type TaskHealth } from './worker.ts';

export interface PipelineDeps {
  readonly seal: SealDeps;
  readonly leadership: Leadership;
  readonly restored: RestoredData;
  /** opens the chain; asked again while it throws */
  readonly chain: () => Promise<Chain>;
  readonly anchor: Omit<AnchorDeps, 'chain' | 'onFinal'>;
  readonly fixity: Omit<FixityDeps, 'stopping' | 'log'>;
  /** deposits that wait for their token; undefined where none are stamped */
  readonly stampLate?: StampLateDeps;
  /** outside authorities that stamp each batch; undefined or empty where there are none */
  readonly authorities?: AuthoritiesDeps;
  /** cases whose clocks ask for something; true where there may be more. Undefined where none are run. */
  readonly procedures?: () => Promise<boolean>;
  /** tells organizations what happens; undefined where nobody is told */
  readonly webhooks?: WebhooksDeps;
  readonly expectation: Expectation;
  readonly log: Logger;
  readonly everyMs: {
    readonly seal: number;
    readonly anchor: number;
    readonly fixity: number;
    readonly stampLate?: number;
    readonly authorities?: number;
    readonly webhooks?: number;
  };
  /** the timer of the tasks, where time is simulated */
  readonly after?: After;
  /** what watches each round of a task */
  readonly around?: Around;
}

/** What a backup leaves to be done after it was restored. */
export interface RestoredData {
  /** The data came out of a backup and were not yet compared with the log on the chain. */
  isUncompared(): boolean;
  /** They were; durable. */
  compared(): Promise<void>;
}

export interface Pipeline {
  health(): Readonly<
    Record<
      'sealing' | 'anchoring' | 'fixity' | 'stamping' | 'authorities' | 'procedures' | 'webhooks',
      TaskHealth['problem']
    >
  >;
  /** Whether this instance sealed and anchored when it was last its turn. */
  isLeading(): boolean;
  /** Calls back when a batch or an anchor moved; returns how to stop. */
  onProgress(listener: () => void): () => void;
  stop(): Promise<void>;
}

/** How often it is looked whether deposits wait for their token. */
const STAMP_LATE_MS = 1_000;

/** How often it is looked whether a batch waits for a token of an authority. */
const AUTHORITIES_MS = 1_000;

/** How often it is looked whether a clock of a case asks for something. */
const PROCEDURES_MS = 1_000;

/** How often it is looked whether something is to be told, or a message is due. */
const WEBHOOKS_MS = 1_000;

/** Runs what is due: seals batches, brings their roots into the log, and follows them until they are final. */
export function startPipeline(deps: PipelineDeps): Pipeline {
  const progress = new EventEmitter();
  progress.setMaxListeners(0);
  const turns = takeTurns(deps.leadership, deps.seal.clock);
  const common = {
    explain,
    nowMs: () => deps.seal.clock.nowMs(),
    ...(deps.after && { after: deps.after }),
    ...(deps.around && { around: deps.around }),
    log: deps.log,
  };
  const anchor = anchorOnce(deps, turns, progress);
  const anchoring = startTask({
    ...common,
    name: 'anchoring',
    round: turns.watch(anchor.round),
    everyMs: deps.everyMs.anchor,
  });
  const sealing = startTask({
    ...common,
    name: 'sealing',
    everyMs: deps.everyMs.seal,
    round: turns.watch(async () => {
      if (!(await turns.lead()) || !anchor.maySeal()) return false;
      const batch = await sealDueBatch(deps.seal);
      if (batch === undefined) return false;
      deps.log.info({ batch: batch.number, size: batch.size, root: batch.root }, 'batch sealed');
      progress.emit('moved');
      anchoring.wake();
      return true;
    }),
  });
  const stopping = new AbortController();
  const stored = checkStored(deps, turns.lead, stopping.signal);
  const fixity = startTask({
    ...common,
    name: 'fixity',
    round: stored.round,
    everyMs: deps.everyMs.fixity,
  });
  const { stampLate } = deps;
  const late =
    stampLate &&
    startTask({
      ...common,
      name: 'stamping',
      everyMs: deps.everyMs.stampLate ?? STAMP_LATE_MS,
      round: async () => (await turns.lead()) && stampLateRound(stampLate),
    });
  const { procedures } = deps;
  const cases =
    procedures &&
    startTask({
      ...common,
      name: 'procedures',
      everyMs: PROCEDURES_MS,
      round: async () => (await turns.lead()) && procedures(),
    });
  const asking =
    deps.authorities &&
    startAuthorities(
      deps.authorities,
      turns.lead,
      deps.everyMs.authorities ?? AUTHORITIES_MS,
      stopping.signal,
      common,
    );
  if (asking) progress.on('moved', asking.wake);
  const webhooks =
    deps.webhooks && startWebhooks(deps.webhooks, turns.lead, deps.everyMs.webhooks ?? WEBHOOKS_MS, common);
  if (webhooks) progress.on('moved', webhooks.wake);
  const tasks: readonly Task[] = [
    ...[sealing, anchoring, fixity],
    ...(late ? [late] : []),
    ...(cases ? [cases] : []),
  ];
  return {
    health: () => ({
      sealing: sealing.health().problem,
      anchoring: anchoring.health().problem,
      fixity: fixity.health().problem ?? stored.problem(),
      stamping: late?.health().problem,
      authorities: asking?.problem(),
      procedures: cases?.health().problem,
      webhooks: webhooks?.problem(),
    }),
    isLeading: turns.isLeading,
    onProgress(listener) {
      progress.on('moved', listener);
      return () => progress.off('moved', listener);
    },
    async stop() {
      stopping.abort();
      const all = [...tasks, ...(asking ? [asking] : []), ...(webhooks ? [webhooks] : [])];
      await Promise.all(all.map((task) => task.stop()));
    },
  };
}

function anchorOnce(deps: PipelineDeps, turns: Turns, progress: EventEmitter) {
  const past = nothingKnown();
  /** Whose turn `past` is of: after another one, be it of the same instance, the database may be an older copy. */
  let term: number | undefined;
  /** For people only to set right; what is sealed meanwhile might stand beside the log's own history. */
  let alarm: AnchorAlarm | undefined;
  const { store, clock } = deps.seal;
  const onFinal = async (anchor: Anchor): Promise<void> => {
    const batch = await store.batch(anchor.batch);
    if (batch !== undefined) deps.expectation.observed(clock.nowMs() - batch.sealedMs);
    deps.log.info({ batch: anchor.batch, index: anchor.index, block: anchor.blockNumber }, 'anchor final');
  };
  async function round(): Promise<boolean> {
    // Every instance knows the chain, for checking; one of them writes to it.
    const chain = await deps.chain();
    if (!(await turns.lead())) {
      // What the one that leads does is not known here: whoever takes over looks first.
      Object.assign(past, nothingKnown());
      return false;
    }
    if (term !== turns.term()) Object.assign(past, nothingKnown());
    term = turns.term();
    const moved = await anchorRound({ ...deps.anchor, chain, onFinal }, past);
    if (moved) progress.emit('moved');
    return moved;
  }

  return {
    /**
     * The first look at the log comes before the first batch, however long the chain is away: these data may be an old
     * copy, put back by whatever means, whose batches would get numbers that others have. Entries only wait meanwhile.
     */
    maySeal(): boolean {
      if (alarm !== undefined) throw alarm;
      if (!past.compared && deps.restored.isUncompared()) throw new AnchorAlarm('restored-uncompared', {});
      return past.compared && term === turns.term();
    },
    async round() {
      try {
        const moved = await round();
        alarm = undefined;
        return moved;
      } catch (error) {
        if (error instanceof AnchorAlarm) alarm = error;
        throw error;
      } finally {
        const isSettled = past.compared && alarm === undefined;
        if (isSettled && deps.restored.isUncompared()) await deps.restored.compared();
      }
    },
  };
}

/** Files are checked by the instance that leads; what is wrong with them every instance tells. */
function checkStored(deps: PipelineDeps, leads: () => Promise<boolean>, stopping: AbortSignal) {
  const past = nothingChecked();
  const { store, clock } = deps.fixity;
  let problem: TaskHealth['problem'];
  return {
    problem: () => problem,
    async round(): Promise<boolean> {
      try {
        if (await leads()) await fixityRound({ ...deps.fixity, log: deps.log, stopping }, past);
      } finally {
        const { missing, damaged } = await store.fixityTotals();
        const sinceMs = problem?.sinceMs ?? clock.nowMs();
        problem =
          missing + damaged === 0
            ? undefined
            : { code: 'stored-files-bad', detail: { missing, damaged }, sinceMs };
      }
      return false;
    },
  };
}

/** What people can act on; everything else is a bug and is told as one. */
function explain(error: unknown): Explained | undefined {
  if (error instanceof AnchorAlarm) {
    // Every start on restored data goes through it: it is over with the first look at the log.
    const isPassing = error.code === 'restored-uncompared';
    return { code: error.code, detail: error.detail, isPassing };
  }
  if (error instanceof ChainProblem) return { code: error.code, detail: error.detail };
  if (error instanceof StampsAhead) return { code: 'stamps-ahead', detail: {} };
  if (error instanceof StoreUnavailable || error instanceof BlobUnavailable)
    return { code: 'store-unavailable', detail: { reason: error.message } };
  return undefined;
}
