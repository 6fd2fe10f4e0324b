/*
 * The 48 bytes of NTP version 4 (RFC 5905 §7.3), as a client that keeps no state sends and reads them (SNTP,
 * RFC 4330, RFC 5905 §14). Pure: bytes in, values out. Lengths and values come from the net.
 */

/** A header without extension fields and MAC. We send neither, so none comes back (RFC 7822 §7.5). */
export const PACKET_BYTES = 48;

const VERSION = 4;
const MODE_CLIENT = 3;
const MODE_SERVER = 4;
/** Leap indicator 3: the clock was never set (RFC 5905 figure 9). */
const LEAP_UNKNOWN = 3;
/** Stratum 16 means unsynchronized, more is reserved, 0 is a kiss-o'-death (RFC 5905 figure 11). */
const MAX_STRATUM = 15;
/** MAXDISP: an uncertainty of 16 s means that nothing is known (RFC 5905 §7.2). */
const MAX_DISTANCE_MS = 16_000;
/** MINDISP: no path is known better than this, whatever the numbers say (RFC 5905 §7.2). */
const MIN_DELAY_MS = 5;
/** From 1900-01-01, where NTP counts from, to 1970-01-01 (RFC 5905 figure 4). */
const NTP_TO_UNIX_MS = 2_208_988_800_000;
/** Seconds are 32 bits: they start again at 0 after 136 years, first on 2036-02-07 (RFC 5905 §6). */
const ERA_MS = 2 ** 32 * 1_000;

const AT = {
  stratum: 1,
  precision: 3,
  rootDelay: 4,
  rootDispersion: 8,
  referenceId: 12,
  origin: 24,
  receive: 32,
  transmit: 40,
} as const;

/**
 * So much earlier than a question came in its answer may say that it was sent: what a clock may be off before nothing
 * is issued by it any more (MAX_DRIFT_MS as it comes), so that a larger step back is never half believed.
 */
const MAX_BACK_MS = 1_000;

export const NONCE_BYTES = 8;

/**
 * All zero but for version, mode and the transmit timestamp, which is random instead of the time: it tells nothing of
 * our clock, and who has not seen it cannot answer (RFC 4330 §3 lets the server only copy it).
 */
export function writeRequest(nonce: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PACKET_BYTES);
  bytes[0] = (VERSION << 3) | MODE_CLIENT;
  bytes.set(nonce, AT.transmit);
  return bytes;
}

/** Whether this is an answer to that question, so that it can only come from who has seen the question. */
export function answers(bytes: Uint8Array, nonce: Uint8Array): boolean {
  if (bytes.length !== PACKET_BYTES) return false;
  if ((bytes[0]! & 0b111) !== MODE_SERVER || ((bytes[0]! >> 3) & 0b111) !== VERSION) return false;
  return nonce.every((byte, i) => byte === bytes[AT.origin + i]);
}

export type Reading =
  | {
      /** when the request came in and when the answer went out, by the server's clock, Unix time in ms */
      readonly receivedMs: number;
      readonly sentMs: number;
      readonly rootDelayMs: number;
      /** what else the server does not know of its own time, with what its clock cannot resolve */
      readonly rootDispersionMs: number;
    }
  | { readonly fault: 'unsynchronized' | 'rate' | 'deny' | 'invalid'; readonly why: string };

/** What an answer says. `nearMs`: our time, wrong by less than 68 years, which tells the era of a timestamp. */
export function readAnswer(bytes: Uint8Array, nearMs: number): Reading {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stratum = view.getUint8(AT.stratum);
  if (stratum === 0) return kiss(bytes.subarray(AT.referenceId, AT.referenceId + 4));
  if (stratum > MAX_STRATUM) return { fault: 'unsynchronized', why: `stratum ${stratum}` };
  if (view.getUint8(0) >> 6 === LEAP_UNKNOWN) return { fault: 'unsynchronized', why: 'leap indicator 3' };
  const [receivedMs, sentMs] = [timeAt(view, AT.receive, nearMs), timeAt(view, AT.transmit, nearMs)];
  if (receivedMs === undefined || sentMs === undefined) return { fault: 'invalid', why: 'timestamp 0' };
  const rootDelayMs = shortAt(view, AT.rootDelay);
  const rootDispersionMs = shortAt(view, AT.rootDispersion) + 1_000 * 2 ** view.getInt8(AT.precision);
  if (rootDelayMs / 2 + rootDispersionMs >= MAX_DISTANCE_MS)
    return { fault: 'unsynchronized', why: 'root distance of 16 s or more' };
  // Its clock may have been set back in between, or have stamped the two by different ways: the delay, and with it what
  // we doubt, grows by as much. More than that is no answer.
  if (sentMs < receivedMs - MAX_BACK_MS) return { fault: 'invalid', why: 'sent before received' };
  return { receivedMs, sentMs, rootDelayMs, rootDispersionMs };
}

/**
 * How far the truth may be from the middle: half of what the way there and back took, to the server's own source, and
 * the dispersion (root distance, RFC 5905 §11.2.1).
 */
export const distanceOf = (delayMs: number, rootDelayMs: number, rootDispersionMs: number): number =>
  Math.max(MIN_DELAY_MS, rootDelayMs + delayMs) / 2 + rootDispersionMs;

/** RFC 5905 §7.4. What we do not know asks for nothing but is no time either. */
function kiss(code: Uint8Array): Reading {
  const word = String.fromCharCode(...code).replaceAll(/[^A-Z0-9]/g, '');
  if (word === 'RATE') return { fault: 'rate', why: 'kiss RATE' };
  if (word === 'DENY' || word === 'RSTR') return { fault: 'deny', why: `kiss ${word}` };
  return { fault: 'unsynchronized', why: `kiss ${word}` };
}

/** 16 bits of seconds, 16 of fraction, never negative. */
const shortAt = (view: DataView, at: number): number => (view.getUint32(at) * 1_000) / 2 ** 16;

/** Unix time in ms, in the era that brings it nearest to `nearMs`; 0 means unknown (RFC 5905 §6). */
function timeAt(view: DataView, at: number, nearMs: number): number | undefined {
  const [seconds, fraction] = [view.getUint32(at), view.getUint32(at + 4)];
  if (seconds === 0 && fraction === 0) return undefined;
  const ms = seconds * 1_000 + (fraction * 1_000) / 2 ** 32 - NTP_TO_UNIX_MS;
  return ms + Math.round((nearMs - ms) / ERA_MS) * ERA_MS;
}
