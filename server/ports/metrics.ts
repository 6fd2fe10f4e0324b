/*
 * What the running service tells of itself: numbers for those who watch it, and traces where somebody collects them.
 * Labels are names from this program only, never what came from outside or names a deposit, a person or a key: the
 * number of series is bounded, and nothing leaks into a monitoring system.
 */

/** How long something took. Made once for each set of labels; observing costs a few additions. */
export interface Times {
  /** `count` of them took this long. */
  observe(ms: number, count?: number): void;
}

export type DepositKind = 'files' | 'digests' | 'bulk';

/** `refused`: the request was at fault; `unavailable`: we were. */
export type DepositOutcomeName = 'stored' | 'replayed' | 'refused' | 'unavailable';

export interface Metrics {
  /** Times of one route by status class: index 2 is 2xx. */
  routeTimes(method: string, route: string): (statusClass: number) => Times;
  deposits(kind: DepositKind, outcome: DepositOutcomeName, count?: number): void;
  /** an answer that was a problem, by its code */
  refused(code: string): void;
  verified(verdict: string): void;
  /** answers of the time-stamp service */
  tokenAnswered(outcome: 'granted' | 'refused' | 'time-not-available'): void;
  /** The page that Prometheus reads. */
  page(): Promise<{ readonly type: string; readonly text: string }>;
}

/** Attributes of a span: plain values, under the same rule as labels. */
export type SpanFacts = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  set(facts: SpanFacts): void;
  /** `error`: its name only goes out, texts may hold anything. */
  end(error?: unknown): void;
  /** What runs inside, and what it starts, belongs to this span. */
  run<T>(work: () => T): T;
}

export interface Tracing {
  /** A request, as part of the trace that the caller names (W3C traceparent), or of a new one. */
  request(name: string, headers: Readonly<Record<string, string | string[] | undefined>>): Span;
  /** Work inside the span that it is called in; a trace of its own where there is none and `root` says so. */
  within<T>(name: string, work: () => Promise<T>, facts?: SpanFacts, root?: boolean): Promise<T>;
  /** Sends what is left, for a bounded time. */
  close(): Promise<void>;
}
