import { createHash, hash, randomBytes, randomFillSync, sign } from 'node:crypto';
import process from 'node:process';
import { assembleToken, draftToken, type TokenDraft, tokenForm } from '../../core/token/build.ts';
import { sha256Imprint } from '../../core/token/imprint.ts';
import { PROMISE_POLICY } from '../../core/token/policies.ts';
import type { StamperSpec } from '../../ports/stamp.ts';
import { type ClockReading, MAX_BEHIND_MS } from '../../ports/time-gate.ts';

/** An oscillator that drifts by 200 ppm is so much further off when the watch looks again at last, and a little more. */
const DRIFT_MS = 100;

/** What every token states: what the watch allows, what a time may wait for a clock that was set back, and drift. */
export const accuracyOf = (maxDriftMs: number): number => maxDriftMs + MAX_BEHIND_MS + DRIFT_MS;

const START_OCTETS = 4;
const COUNT_OCTETS = 8;
const FRESH_OCTETS = 7;

/**
 * Numbers that are used once, without anything to be remembered: a random part for each start, a count, and fresh random
 * octets for each, since a machine that is restored from a snapshot starts twice with the same count.
 */
export function createSerials(): () => Uint8Array {
  const start = randomBytes(START_OCTETS);
  const pool = Buffer.alloc(FRESH_OCTETS * 256);
  let [count, used] = [0n, pool.length];
  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const serial = Buffer.alloc(START_OCTETS + COUNT_OCTETS + FRESH_OCTETS);
    start.copy(serial);
    serial.writeBigUInt64BE(++count, START_OCTETS);
    pool.copy(serial, START_OCTETS + COUNT_OCTETS, used, (used += FRESH_OCTETS));
    return serial;
  };
}

/** Between looking at the one clock and at the other this much may pass; more looks like a jump. */
const CLOSE_MS = 20;
const TRIES = 5;

const monotonicNow = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * Both clocks at one moment: a thread that was stopped between them looks again. CLOCK_MONOTONIC is the same for all
 * threads of a process, which `performance.now()` is not.
 */
export function readClock(): ClockReading {
  for (let left = TRIES; ; left--) {
    const before = monotonicNow();
    const wallMs = Date.now();
    const after = monotonicNow();
    if (after - before < CLOSE_MS || left === 1) return { wallMs, monotonicMs: (before + after) / 2 };
  }
}

/** Name of a signer's certificates in a store. */
export const signerId = (certificate: Uint8Array): string =>
  createHash('sha256').update(certificate).digest('hex');

/** The operator's promise over what has this SHA-256, in the form in which it is stored: without certificates. */
export interface PromiseTokens {
  now(imprint: Uint8Array, genTimeMs: number): Uint8Array;
  /** Signed in the thread pool, for those whose thread has other work. */
  soon(imprint: Uint8Array, genTimeMs: number): Promise<Uint8Array>;
}

export function createPromiseTokens({
  key,
  certificate,
  accuracyMs,
}: Omit<StamperSpec, 'gate'>): PromiseTokens {
  const form = tokenForm({ certificate, policy: PROMISE_POLICY, accuracyMs });
  const nextSerial = createSerials();
  const draft = (imprint: Uint8Array, genTimeMs: number): TokenDraft =>
    draftToken(
      form,
      { imprint: sha256Imprint(imprint), serial: nextSerial(), genTimeMs, nonce: undefined },
      (info) => hash('sha256', info, 'buffer'),
    );
  return {
    now(imprint, genTimeMs) {
      const drafted = draft(imprint, genTimeMs);
      return assembleToken(form, drafted, sign('sha256', drafted.toSign, key));
    },
    soon(imprint, genTimeMs) {
      const drafted = draft(imprint, genTimeMs);
      return new Promise((resolve, reject) =>
        sign('sha256', drafted.toSign, key, (error, signature) =>
          error ? reject(error) : resolve(assembleToken(form, drafted, signature)),
        ),
      );
    },
  };
}
