import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';
import process from 'node:process';
import { assembleToken, draftToken, type TokenDraft, tokenForm } from '../../core/token/build.ts';
import { sha256Imprint } from '../../core/token/imprint.ts';
import { PROMISE_POLICY } from '../../core/token/policies.ts';
import type { ClockReading } from '../../ports/time-gate.ts';

/** What our clock watch holds the clock to, and what every token says. */
export const ACCURACY_MS = 1_000;

/** A thread's own part of a serial number: that two threads, processes or starts draw the same is as likely as a forged signature. */
const OWN_OCTETS = 8;
const COUNT_OCTETS = 8;

/** Numbers that are used once, without anything to be remembered: a random part for each start, and a count. */
export function createSerials(): () => Uint8Array {
  const own = randomBytes(OWN_OCTETS);
  let count = 0n;
  return () => {
    const serial = Buffer.alloc(OWN_OCTETS + COUNT_OCTETS);
    own.copy(serial);
    serial.writeBigUInt64BE(++count, OWN_OCTETS);
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

export function createPromiseTokens(key: KeyObject, certificate: Uint8Array): PromiseTokens {
  const form = tokenForm({ certificate, policy: PROMISE_POLICY, accuracyMs: ACCURACY_MS });
  const nextSerial = createSerials();
  const draft = (imprint: Uint8Array, genTimeMs: number): TokenDraft =>
    draftToken(form, {
      imprint: sha256Imprint(imprint),
      serial: nextSerial(),
      genTimeMs,
      nonce: undefined,
    });
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
