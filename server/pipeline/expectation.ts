/** When a certificate can be expected: an estimate for people and Retry-After, never a promise. */
export interface Expectation {
  /** A batch became final: how long it took from sealing. */
  observed(sealToFinalMs: number): void;
  /** Unix ms, never in the past. `sealedMs` is undefined while the entry waits for a batch. */
  certificateMs(receivedMs: number, sealedMs: number | undefined, nowMs: number): number;
}

/** How much the newest observation counts against all before. */
const WEIGHT = 0.3;
/** An overdue certificate is expected soon, and asked for again not at once. */
const SOON_MS = 1_000;

export function createExpectation(batchMaxAgeMs: number, firstGuessMs: number): Expectation {
  let sealToFinal = firstGuessMs;
  return {
    observed(ms) {
      sealToFinal = sealToFinal * (1 - WEIGHT) + ms * WEIGHT;
    },
    certificateMs(receivedMs, sealedMs, nowMs) {
      const due = (sealedMs ?? receivedMs + batchMaxAgeMs) + sealToFinal;
      return Math.max(Math.round(due), nowMs + SOON_MS);
    },
  };
}
