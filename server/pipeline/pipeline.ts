import { EventEmitter } from 'node:events';
import { BlobUnavailable } from '../ports/blobs.ts';
import { type Chain, ChainProblem } from '../ports/chain.ts';
import type { Logger } from '../ports/logger.ts';
import { type Anchor, StoreUnavailable } from '../ports/store.ts';
import { AnchorAlarm, type AnchorDeps, anchorRound, nothingKnown } from './anchor.ts';
import type { Expectation } from './expectation.ts';
import { type SealDeps, sealDueBatch } from './seal.ts';
import { startTask, type Task, type TaskHealth } from './worker.ts';

export interface PipelineDeps {
  readonly seal: SealDeps;
  /** opens the chain; asked again while it throws */
  readonly chain: () => Promise<Chain>;
  readonly anchor: Omit<AnchorDeps, 'chain' | 'onFinal'>;
  readonly expectation: Expectation;
  readonly log: Logger;
  readonly everyMs: { readonly seal: number; readonly anchor: number };
}

export interface Pipeline {
  health(): Readonly<Record<'sealing' | 'anchoring', TaskHealth['problem']>>;
  /** Calls back when a batch or an anchor moved; returns how to stop. */
  onProgress(listener: () => void): () => void;
  stop(): Promise<void>;
}

/** Runs what is due: seals batches, brings their roots into the log, and follows them until they are final. */
export function startPipeline(deps: PipelineDeps): Pipeline {
  const progress = new EventEmitter();
  progress.setMaxListeners(0);
  const common = { explain, nowMs: () => deps.seal.clock.nowMs(), log: deps.log };
  const anchoring = startTask({
    ...common,
    name: 'anchoring',
    round: anchorOnce(deps, progress),
    everyMs: deps.everyMs.anchor,
  });
  const sealing = startTask({
    ...common,
    name: 'sealing',
    everyMs: deps.everyMs.seal,
    round: async () => {
      const batch = await sealDueBatch(deps.seal);
      if (batch === undefined) return false;
      deps.log.info({ batch: batch.number, size: batch.size, root: batch.root }, 'batch sealed');
      progress.emit('moved');
      anchoring.wake();
      return true;
    },
  });
  const tasks: readonly Task[] = [sealing, anchoring];
  return {
    health: () => ({ sealing: sealing.health().problem, anchoring: anchoring.health().problem }),
    onProgress(listener) {
      progress.on('moved', listener);
      return () => progress.off('moved', listener);
    },
    async stop() {
      await Promise.all(tasks.map((task) => task.stop()));
    },
  };
}

function anchorOnce(deps: PipelineDeps, progress: EventEmitter): () => Promise<boolean> {
  const past = nothingKnown();
  const { store, clock } = deps.seal;
  const onFinal = async (anchor: Anchor): Promise<void> => {
    const batch = await store.batch(anchor.batch);
    if (batch !== undefined) deps.expectation.observed(clock.nowMs() - batch.sealedMs);
    deps.log.info({ batch: anchor.batch, index: anchor.index, block: anchor.blockNumber }, 'anchor final');
  };
  return async () => {
    const chain = await deps.chain();
    const moved = await anchorRound({ ...deps.anchor, chain, onFinal }, past);
    if (moved) progress.emit('moved');
    return moved;
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
