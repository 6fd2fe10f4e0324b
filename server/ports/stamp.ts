import type { KeyObject } from 'node:crypto';
import type { TimeGateMemory, TimeRefusal } from './time-gate.ts';

/*
 * What signing time-stamp tokens needs from outside. A store that writes in a thread of its own signs the tokens of
 * deposits there, in the moment in which it writes: so all that this needs is a value that a thread can be given.
 */

/** The key that signs tokens, and the certificates (DER) that say whose it is, its own first. */
export interface TokenIdentity {
  readonly key: KeyObject;
  readonly chain: readonly Uint8Array[];
}

/** Structured clone takes it to a thread. */
export interface StamperSpec {
  readonly key: KeyObject;
  /** DER of the certificate that the tokens name */
  readonly certificate: Uint8Array;
  /** what the tokens state: how far their time may be from the truth */
  readonly accuracyMs: number;
  readonly gate: TimeGateMemory;
}

/** Times for tokens, never lower than one that was given before, by any process on the same store. */
export interface TokenClock {
  next(): Promise<number | TimeRefusal>;
}
