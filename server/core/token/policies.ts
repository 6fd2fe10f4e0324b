/*
 * The operator's two policies: object identifiers under 2.25 (X.667), each from a UUID, so that nobody had to be asked.
 */

/**
 * A token over a manifest, or over the root of a bulk call: the operator's promise to include what it covers in the log.
 * The public service never grants it (design: «Clocks that do not know each other»).
 */
export const PROMISE_POLICY = '2.25.147860789644224823730935928311375547881';

/** A token over anybody's digest: it says nothing but that the digest was there. */
export const PUBLIC_POLICY = '2.25.22927975068909678159370234448777356071';
