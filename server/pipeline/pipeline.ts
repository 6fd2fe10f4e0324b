import { EventEmitter } from 'node:events';
import { BlobUnavailable } from '../ports/blobs.ts';
import { type Chain, ChainProblem } from '../ports/chain.ts';
import type { Leadership } from '../ports/leadership.ts';
import type { Logger } from '../ports/logger.ts';
import { type Anchor, StoreUnavailable } from '../ports/store.ts';
import { AnchorAlarm, type AnchorDeps, anchorRound, type KnownPast, nothingKnown } from './anchor.ts';
import type { Expectation } from './expectation.ts';
import { type FixityDeps, fixityRound, nothingChecked } from './fixity.ts';
import { type SealDeps, sealDueBatch } from './seal.ts';
import { type After, type Around, startTask, type Task, type TaskHealth } from './worker.ts';

export interface PipelineDeps {
  readonly seal: SealDeps;
  readonly leadership: Leadership;
  readonly restored: RestoredData;
  /** opens the chain; asked again while it throws */
  readonly chain: () => Promise<Chain>;
  readonly anchor: Omit<AnchorDeps, 'chain' | 'onFinal'>;
  readonly fixity: Omit<FixityDeps, 'stopping' | 'log'>;
  readonly expectation: Expectation;
  readonly log: Logger;
  readonly everyMs: { readonly seal: number; readonly anchor: number; readonly fixity: number };
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
  health(): Readonly<Record<'sealing' | 'anchoring' | 'fixity', TaskHealth['problem']>>;
  /** Whether this instance sealed and anchored when it was last its turn. */
  isLeading(): boolean;
  /** Calls back when a batch or an anchor moved; returns how to stop. */
  onProgress(listener: () => void): () => void;
  stop(): Promise<void>;
}

/** Runs what is due: seals batches, brings their roots into the log, and follows them until they are final. */
export function startPipeline(deps: PipelineDeps): Pipeline {
  const progress = new EventEmitter();
  progress.setMaxListeners(0);
  let isLeading = false;
  const leads = async (): Promise<boolean> => (isLeading = await deps.leadership.lead());
  const common = {
    explain,
    nowMs: () => deps.seal.clock.nowMs(),
    ...(deps.after && { after: deps.after }),
    ...(deps.around && { around: deps.around }),
    log: deps.log,
  };
  const anchor = anchorOnce(deps, leads, progress);
  const anchoring = startTask({
    ...common,
    name: 'anchoring',
    round: anchor.round,
    everyMs: deps.everyMs.anchor,
  });
  const sealing = startTask({
    ...common,
    name: 'sealing',
    everyMs: deps.everyMs.seal,
    round: async () => {
      if (!(await leads()) || !anchor.maySeal()) return false;
      const batch = await sealDueBatch(deps.seal);
      if (batch === undefined) return false;
      deps.log.info({ batch: batch.number, size: batch.size, root: batch.root }, 'batch sealed');
      progress.emit('moved');
      anchoring.wake();
      return true;
    },
  });
  const stopping = new AbortController();
  const stored = checkStored(deps, leads, stopping.signal);
  const fixity = startTask({
    ...common,
    name: 'fixity',
    round: stored.round,
    everyMs: deps.everyMs.fixity,
  });
  const tasks: readonly Task[] = [sealing, anchoring, fixity];
  return {
    health: () => ({
      sealing: sealing.health().problem,
      anchoring: anchoring.health().problem,
      fixity: fixity.health().problem ?? stored.problem(),
    }),
    isLeading: () => isLeading,
    onProgress(listener) {
      progress.on('moved', listener);
      return () => progress.off('moved', listener);
    },
    async stop() {
      stopping.abort();
      await Promise.all(tasks.map((task) => task.stop()));
    },
  };
}

function anchorOnce(deps: PipelineDeps, leads: () => Promise<boolean>, progress: EventEmitter) {
  const past = nothingKnown();
  let hasTried = false;
  const { store, clock } = deps.seal;
  const onFinal = async (anchor: Anchor): Promise<void> => {
    const batch = await store.batch(anchor.batch);
    if (batch !== undefined) deps.expectation.observed(clock.nowMs() - batch.sealedMs);
    deps.log.info({ batch: anchor.batch, index: anchor.index, block: anchor.blockNumber }, 'anchor final');
  };
  async function round(): Promise<boolean> {
    // Every instance knows the chain, for checking; one of them writes to it.
    const chain = await deps.chain();
    if (!(await leads())) {
      // What the one that leads does is not known here: whoever takes over looks first.
      Object.assign(past, nothingKnown());
      hasTried = false;
      return false;
    }
    const moved = await anchorRound({ ...deps.anchor, chain, onFinal }, past);
    if (moved) progress.emit('moved');
    return moved;
  }

  return {
    maySeal: () => maySeal(past, hasTried, deps.restored),
    async round() {
      try {
        return await round();
      } catch (error) {
        hasTried = true;
        throw error;
      } finally {
        if (past.ahead === false && deps.restored.isUncompared()) await deps.restored.compared();
      }
    },
  };
}

/**
 * The first look at the log comes before the first batch: an old copy must not make batches beside those that the log
 * has. Where the chain is away batches are sealed without it, except from data that are known to be an old copy.
 */
function maySeal({ ahead }: KnownPast, hasTried: boolean, restored: RestoredData): boolean {
  if (ahead) throw ahead;
  if (ahead === undefined && restored.isUncompared()) throw new AnchorAlarm('restored-uncompared', {});
  return ahead === false || hasTried;
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
function explain(
  error: unknown,
): { code: string; detail: Readonly<Record<string, string | number>> } | undefined {
  if (error instanceof ChainProblem || error instanceof AnchorAlarm)
    return { code: error.code, detail: error.detail };
  if (error instanceof StoreUnavailable || error instanceof BlobUnavailable)
    return { code: 'store-unavailable', detail: { reason: error.message } };
  return undefined;
}
