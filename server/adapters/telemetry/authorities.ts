import type { Store } from '../../ports/store.ts';
import { TOKEN_OUTCOMES, type TokenOutcome } from '../../ports/tsp.ts';
import type { Families } from './families.ts';
import type { Gauges } from './gauges.ts';

/** Authorities are told apart by their place in the file, from 1: neither address nor name becomes a label. */
export function countAuthorities(families: Families, authorities: number) {
  const requests = families.counts(
    'kezheng_authority_requests_total',
    'What became of asking an outside authority for a token, by its place in KEZHENG_TSA_AUTHORITIES_FILE and outcome',
  );
  const counts = Array.from({ length: authorities }, (_, i) =>
    Object.fromEntries(
      TOKEN_OUTCOMES.map((outcome) => [outcome, requests.with({ authority: String(i + 1), outcome })]),
    ),
  );
  return (place: number, outcome: TokenOutcome): void => void counts[place]![outcome]!.value++;
}

/** As the store has it: the same for all instances. 0 where no sealed batch waits. */
export async function readAuthorities(
  store: Pick<Store, 'askedAuthorities' | 'batch'>,
  urls: readonly string[],
  gauges: Gauges,
  nowMs: number,
): Promise<void> {
  if (urls.length === 0) return;
  const asked = new Map((await store.askedAuthorities()).map(({ url, nextBatch }) => [url, nextBatch]));
  for (const [i, url] of urls.entries()) {
    const next = asked.get(url);
    const batch = next === undefined ? undefined : await store.batch(next);
    const age = batch === undefined ? 0 : Math.max(0, nowMs - batch.sealedMs) / 1_000;
    gauges.set('kezheng_batch_unstamped_oldest_seconds', age, { authority: String(i + 1) });
  }
}
