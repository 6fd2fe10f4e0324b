/*
 * SM3, GB/T 32905-2016. Ours, because browsers do not have it; where the bytes are many and node:crypto is at hand,
 * use that. The numbers of sections are those of the standard.
 */

export const SM3_LENGTH = 32;

const BLOCK = 64;

/** Where the 64-bit length begins in the last block (5.2). */
const LENGTH_AT = 56;

/** IV, 4.1. */
const IV = Int32Array.of(
  0x7380166f,
  0x4914b2b9,
  0x172442d7,
  0xda8a0600,
  0xa96f30bc,
  0x163138aa,
  0xe38dee4d,
  0xb0fb0e4e,
);

/** T_j <<< j, 4.2 and 5.3.3: the rotation does not depend on the message, so it is done once. */
const T = Int32Array.from({ length: 64 }, (_, j) => {
  const t = j < 16 ? 0x79cc4519 : 0x7a879d8a;
  return (t << (j % 32)) | (t >>> (32 - (j % 32)));
});

/** Expanded words, 5.3.2. One for all: the block function is not interrupted, and must not allocate. */
const W = new Int32Array(68);

export interface Sm3 {
  /** More of the message; returns itself. */
  update(bytes: Uint8Array): Sm3;
  /** The 32 bytes for all that was given so far. Changes nothing: more may follow. */
  digest(): Uint8Array;
}

/** SM3 of the whole of `bytes`; 32 bytes. */
export const sm3 = (bytes: Uint8Array): Uint8Array => create().update(bytes).digest();

/** SM3 of a message that comes in pieces. */
export function create(): Sm3 {
  const state = IV.slice();
  const rest = new Uint8Array(BLOCK);
  let restLength = 0;
  let total = 0;

  const self: Sm3 = {
    update(bytes) {
      total += bytes.length;
      let at = 0;
      if (restLength > 0) {
        at = Math.min(BLOCK - restLength, bytes.length);
        rest.set(bytes.subarray(0, at), restLength);
        restLength += at;
        if (restLength < BLOCK) return self;
        compress(state, rest, 0, BLOCK);
      }
      const end = bytes.length - ((bytes.length - at) % BLOCK);
      compress(state, bytes, at, end);
      rest.set(bytes.subarray(end));
      restLength = bytes.length - end;
      return self;
    },
    digest() {
      const last = pad(rest.subarray(0, restLength), total);
      const end = state.slice();
      compress(end, last, 0, last.length);
      const out = new DataView(new ArrayBuffer(SM3_LENGTH));
      end.forEach((word, i) => {
        out.setInt32(4 * i, word);
      });
      return new Uint8Array(out.buffer);
    },
  };
  return self;
}

/** 5.2: a bit 1, zeros, and the length of the message in bits as 64 bits. */
function pad(rest: Uint8Array, total: number): Uint8Array {
  const padded = new Uint8Array(rest.length < LENGTH_AT ? BLOCK : 2 * BLOCK);
  padded.set(rest);
  padded[rest.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(total / 2 ** 29));
  view.setUint32(padded.length - 4, total << 3);
  return padded;
}

/** CF of 5.3 over the blocks of `bytes` from `from` up to `to`. The view is the only thing made, one a call. */
function compress(state: Int32Array, bytes: Uint8Array, from: number, to: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let block = from; block < to; block += BLOCK) {
    for (let j = 0; j < 16; j++) W[j] = view.getInt32(block + 4 * j);
    for (let j = 16; j < 68; j++) {
      const w3 = W[j - 3]!;
      const w13 = W[j - 13]!;
      const x = W[j - 16]! ^ W[j - 9]! ^ ((w3 << 15) | (w3 >>> 17));
      // P1 of 4.4
      const p1 = x ^ ((x << 15) | (x >>> 17)) ^ ((x << 23) | (x >>> 9));
      W[j] = p1 ^ ((w13 << 7) | (w13 >>> 25)) ^ W[j - 6]!;
    }
    rounds(state);
  }
}

/**
 * 5.3.3 over the words in W; the two halves differ in FF and GG (4.3). Four rounds at a time, so that the eight
 * registers change their names instead of their places: a fifth faster. Boolean forms of FF and GG with one
 * operation less are the standard's own values.
 */
function rounds(state: Int32Array): void {
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  let r = 0; // A <<< 12
  let s = 0; // SS1
  let w = 0; // W_j
  let x = 0; // TT2, before P0 (4.4)
  for (let j = 0; j < 16; j += 4) {
    r = (a << 12) | (a >>> 20);
    s = (r + e + T[j]!) | 0;
    s = (s << 7) | (s >>> 25);
    w = W[j]!;
    d = ((a ^ b ^ c) + d + (s ^ r) + (w ^ W[j + 4]!)) | 0;
    x = ((e ^ f ^ g) + h + s + w) | 0;
    h = x ^ ((x << 9) | (x >>> 23)) ^ ((x << 17) | (x >>> 15));
    b = (b << 9) | (b >>> 23);
    f = (f << 19) | (f >>> 13);
    r = (d << 12) | (d >>> 20);
    s = (r + h + T[j + 1]!) | 0;
    s = (s << 7) | (s >>> 25);
    w = W[j + 1]!;
    c = ((d ^ a ^ b) + c + (s ^ r) + (w ^ W[j + 5]!)) | 0;
    x = ((h ^ e ^ f) + g + s + w) | 0;
    g = x ^ ((x << 9) | (x >>> 23)) ^ ((x << 17) | (x >>> 15));
    a = (a << 9) | (a >>> 23);
    e = (e << 19) | (e >>> 13);
    r = (c << 12) | (c >>> 20);
    s = (r + g + T[j + 2]!) | 0;
    s = (s << 7) | (s >>> 25);
    w = W[j + 2]!;
    b = ((c ^ d ^ a) + b + (s ^ r) + (w ^ W[j + 6]!)) | 0;
    x = ((g ^ h ^ e) + f + s + w) | 0;
    f = x ^ ((x << 9) | (x >>> 23)) ^ ((x << 17) | (x >>> 15));
    d = (d << 9) | (d >>> 23);
    h = (h << 19) | (h >>> 13);
    r = (b << 12) | (b >>> 20);
    s = (r + f + T[j + 3]!) | 0;
    s = (s << 7) | (s >>> 25);
    w = W[j + 3]!;
    a = ((b ^ c ^ d) + a + (s ^ r) + (w ^ W[j + 7]!)) | 0;
    x = ((f ^ g ^ h) + e + s + w) | 0;
    e = x ^ ((x << 9) | (x >>> 23)) ^ ((x << 17) | (x >>> 15));
    c = (c << 9) | (c >>> 23);
    g = (g << 19) | (g >>> 13);
  }
  for (let j = 16; j < 64; j += 4) {
    r = (a << 12) | (a >>> 20);
    s = (r + e + T[j]!) | 0;
    s = (s << 7) | (s >>> 25);
    w = W[j]!;
    d = (((a & b) | (c & (a | b))) + d + (s ^ r) + (w ^ W[j + 4]!)) | 0;
    x = ((g ^ (e & (f ^ g))) + h + s + w) | 0;
    h = x ^ ((x << 9) | (x >>> 23)) ^ ((x << 17) | (x >>> 15));
    b = (b << 9) | (b >>> 23);
    f = (f << 19) | (f >>> 13);
    r = (d << 12) | (d >>> 20);
    s = (r + h + T[j + 1]!) | 0;
    s = (s << 7) | (s >>> 25);
    w = W[j + 1]!;
    c = (((d & a) | (b & (d | a))) + c + (s ^ r) + (w ^ W[j + 5]!)) | 0;
    x = ((f ^ (h & (e ^ f))) + g + s + w) | 0;
    g = x ^ ((x << 9) | (x >>> 23)) ^ ((x << 17) | (x >>> 15));
    a = (a << 9) | (a >>> 23);
    e = (e << 19) | (e >>> 13);
    r = (c << 12) | (c >>> 20);
    s = (r + g + T[j + 2]!) | 0;
    s = (s << 7) | (s >>> 25);
    w = W[j + 2]!;
    b = (((c & d) | (a & (c | d))) + b + (s ^ r) + (w ^ W[j + 6]!)) | 0;
    x = ((e ^ (g & (h ^ e))) + f + s + w) | 0;
    f = x ^ ((x << 9) | (x >>> 23)) ^ ((x << 17) | (x >>> 15));
    d = (d << 9) | (d >>> 23);
    h = (h << 19) | (h >>> 13);
    r = (b << 12) | (b >>> 20);
    s = (r + f + T[j + 3]!) | 0;
    s = (s << 7) | (s >>> 25);
    w = W[j + 3]!;
    a = (((b & c) | (d & (b | c))) + a + (s ^ r) + (w ^ W[j + 7]!)) | 0;
    x = ((h ^ (f & (g ^ h))) + e + s + w) | 0;
    e = x ^ ((x << 9) | (x >>> 23)) ^ ((x << 17) | (x >>> 15));
    c = (c << 9) | (c >>> 23);
    g = (g << 19) | (g >>> 13);
  }
  state[0]! ^= a;
  state[1]! ^= b;
  state[2]! ^= c;
  state[3]! ^= d;
  state[4]! ^= e;
  state[5]! ^= f;
  state[6]! ^= g;
  state[7]! ^= h;
}
