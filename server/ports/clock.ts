/** Milliseconds since 1970-01-01T00:00:00Z. Time is an argument everywhere: only adapters look at a clock. */
export interface Clock {
  nowMs(): number;
}
