import { sentence } from './messages/sentence.ts';
import type { TaskHealth } from './pipeline/worker.ts';
import { type Blobs, BlobUnavailable } from './ports/blobs.ts';
import type { Clock } from './ports/clock.ts';
import type { Logger } from './ports/logger.ts';
import { type Store, StoreUnavailable } from './ports/store.ts';

/*
 * Whether the parts that promises are kept in work, found by doing what a promise needs.
 */

type Problem = TaskHealth['problem'];
type Part = 'store' | 'files';

export interface PromiseParts {
  /** Looks now; a problem keeps the time when it was first found. */
  probe(): Promise<Readonly<Record<Part, Problem>>>;
}

/** How long a part may take to show that it works; one that is stuck is told as not working. */
const PROBE_MS = 1_500;

const PROBE_BYTES = new Uint8Array(64 * 1024);

export function watchParts(
  { store, blobs }: { readonly store: Pick<Store, 'probe'>; readonly blobs: Pick<Blobs, 'receive'> },
  clock: Clock,
  log: Logger,
): PromiseParts {
  const probes = { store: () => store.probe(), files: () => probeFiles(blobs) };
  const last: Record<Part, Problem> = { store: undefined, files: undefined };

  async function look(part: Part): Promise<void> {
    const reason = await whyNot(probes[part]);
    const before = last[part];
    if (reason === undefined) {
      if (before !== undefined) log.warn({ part }, `${part}: available again`);
      last[part] = undefined;
      return;
    }
    if (before === undefined)
      log.error({ part, reason }, `${part}: ${sentence('en', 'health', 'store-unavailable', {})}`);
    last[part] = {
      code: 'store-unavailable',
      detail: { reason },
      sinceMs: before?.sinceMs ?? clock.nowMs(),
    };
  }

  return {
    async probe() {
      await Promise.all([look('store'), look('files')]);
      return { ...last };
    },
  };
}

async function whyNot(probe: () => Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailable('no answer in time')), PROBE_MS);
  });
  try {
    await Promise.race([probe(), late]);
    return undefined;
  } catch (error) {
    if (error instanceof StoreUnavailable || error instanceof BlobUnavailable) return error.message;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function probeFiles(blobs: Pick<Blobs, 'receive'>): Promise<void> {
  const blob = await blobs.receive();
  try {
    await blob.write(PROBE_BYTES);
  } finally {
    await blob.discard();
  }
}
