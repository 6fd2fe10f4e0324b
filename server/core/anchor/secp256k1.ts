import { concat, fromHex } from '../read/bytes.ts';
import { bigEndian } from './fields.ts';

/*
 * Public-key recovery on secp256k1 (SEC 1 §4.1.6, curve of SEC 2 §2.4.1): y² = x³ + 7 over the field of P.
 * Only public values come in here, so nothing needs constant time. Nothing signs here.
 */

const P = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn;
export const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
export const HALF_ORDER = ORDER >> 1n;
const GX = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n;
const GY = 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n;

/** Jacobian: x = X/Z², y = Y/Z³; Z = 0 is the point at infinity. */
interface Point {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
}

const INFINITY: Point = { x: 1n, y: 1n, z: 0n };

/**
 * The 64 bytes X ‖ Y of the key that signed `hash`, or undefined where no key could have. r and s are in 1..n−1;
 * `parity` is that of R's y. R's x is r itself: Ethereum has no signature whose r lies above n (EIP-2930: yParity).
 */
export function recoverPublicKey(
  hash: Uint8Array,
  r: bigint,
  s: bigint,
  parity: number,
): Uint8Array | undefined {
  const square = (r * r * r + 7n) % P;
  const root = squareRoot(square);
  if ((root * root) % P !== square) return undefined;
  const y = Number(root & 1n) === parity ? root : P - root;
  const inverse = invert(r, ORDER);
  // Q = r⁻¹ (s R − e G); a negative factor is taken modulo the order.
  const forG = ((ORDER - (bigEndian(hash) % ORDER)) * inverse) % ORDER;
  const forR = (s * inverse) % ORDER;
  const ofR = oddMultiples({ x: r, y, z: 1n }, R_WINDOW);
  const key = sum([
    ...terms(forG, G_WINDOW, multiplesOfG()),
    ...terms(forR, R_WINDOW, { odd: ofR, turned: ofR.map(turn) }),
  ]);
  return key.z === 0n ? undefined : affineBytes(key);
}

function affineBytes({ x, y, z }: Point): Uint8Array {
  const inverse = invert(z, P);
  const square = (inverse * inverse) % P;
  return concat(word((x * square) % P), word((((y * square) % P) * inverse) % P));
}

const word = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, '0'));

/** Bits of the window of each factor: the table of G is made once, that of R for each signature. */
const G_WINDOW = 8;
const R_WINDOW = 5;

/** Odd multiples of a point, and the same of the point times λ. */
interface Multiples {
  readonly odd: readonly Point[];
  readonly turned: readonly Point[];
}

let ofG: Multiples | undefined;
function multiplesOfG(): Multiples {
  if (ofG === undefined) {
    const odd = oddMultiples({ x: GX, y: GY, z: 1n }, G_WINDOW);
    ofG = { odd, turned: odd.map(turn) };
  }
  return ofG;
}

/** 1, 3, 5 … (2^(width−1) − 1) times the point. */
function oddMultiples(point: Point, width: number): Point[] {
  const twice = double(point);
  const multiples = [point];
  for (let i = 1; i < 2 ** (width - 2); i++) multiples.push(add(multiples[i - 1]!, twice));
  return multiples;
}

/*
 * λ times a point costs one multiplication: λ(x, y) = (βx, y), as β³ = 1 modulo P and λ³ = 1 modulo the order. So a
 * factor k becomes k₁ + k₂λ with two factors of half its length, and half of the doublings (Gallant, Lambert,
 * Vanstone; Guide to ECC, algorithm 3.74, with its short vectors (A1, −B1) and (A2, A1)).
 */
const BETA = 0x7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501een;
const A1 = 0x3086d221a7d46bcde86c90e49284eb15n;
const B1 = 0xe4437ed6010e88286f547fa90abfe4c3n;
const A2 = 0x114ca50f7a8e2f3f657c1108d9d44cfd8n;

/** Times λ. */
const turn = ({ x, y, z }: Point): Point => ({ x: (x * BETA) % P, y, z });

/** k₁ and k₂, of either sign, with k₁ + k₂λ = k modulo the order. */
function split(factor: bigint): readonly [bigint, bigint] {
  const first = nearest(A1 * factor);
  const second = nearest(B1 * factor);
  return [factor - first * A1 - second * A2, first * B1 - second * A1];
}

/** A number that is not negative, divided by the order. */
const nearest = (value: bigint): bigint => (value + HALF_ORDER) / ORDER;

/** Part of a sum of multiples: digits of a factor, the lowest first, and the odd multiples that they choose from. */
interface Term {
  readonly digits: readonly number[];
  readonly odd: readonly Point[];
}

function terms(factor: bigint, width: number, { odd, turned }: Multiples): readonly Term[] {
  const [plain, timesLambda] = split(factor);
  return [
    { digits: signedDigits(plain, width), odd },
    { digits: signedDigits(timesLambda, width), odd: turned },
  ];
}

const signedDigits = (factor: bigint, width: number): readonly number[] =>
  factor < 0n ? nonAdjacentForm(-factor, width).map((digit) => -digit) : nonAdjacentForm(factor, width);

/** With one chain of doublings for all (Straus). */
function sum(all: readonly Term[]): Point {
  let point = INFINITY;
  for (let i = Math.max(...all.map(({ digits }) => digits.length)) - 1; i >= 0; i--) {
    point = double(point);
    for (const { digits, odd } of all) point = addMultiple(point, odd, digits[i] ?? 0);
  }
  return point;
}

function addMultiple(to: Point, odd: readonly Point[], digit: number): Point {
  if (digit === 0) return to;
  const { x, y, z } = odd[(Math.abs(digit) - 1) / 2]!;
  return add(to, { x, y: digit < 0 ? P - y : y, z });
}

/** Odd digits between ±2^(width−1), lowest first, zeros between: few additions (Guide to ECC, algorithm 3.35). */
function nonAdjacentForm(factor: bigint, width: number): number[] {
  const digits: number[] = [];
  const size = 2 ** width;
  for (let rest = factor; rest > 0n; rest >>= 1n) {
    const low = Number(rest & BigInt(size - 1));
    const digit = low % 2 === 0 ? 0 : low >= size / 2 ? low - size : low;
    digits.push(digit);
    rest -= BigInt(digit);
  }
  return digits;
}

/** dbl-2009-l of the Explicit-Formulas Database, a = 0. Infinity doubles to itself, and no point here has y = 0. */
function double({ x, y, z }: Point): Point {
  const a = (x * x) % P;
  const b = (y * y) % P;
  const c = (b * b) % P;
  const d = (((x * b) % P) * 4n) % P;
  const e = 3n * a;
  const x3 = modP(e * e - 2n * d);
  return { x: x3, y: modP(e * (d - x3) - 8n * c), z: (2n * y * z) % P };
}

/** add-1998-cmo-2 of the same database, with the cases it leaves out. */
function add(p: Point, q: Point): Point {
  if (p.z === 0n) return q;
  const zz1 = (p.z * p.z) % P;
  const zz2 = q.z === 1n ? 1n : (q.z * q.z) % P;
  const u1 = (p.x * zz2) % P;
  const s1 = (((p.y * zz2) % P) * q.z) % P;
  const h = modP(q.x * zz1 - u1);
  const t = modP(((q.y * zz1) % P) * p.z - s1);
  if (h === 0n) return t === 0n ? double(p) : INFINITY;
  const hh = (h * h) % P;
  const hhh = (h * hh) % P;
  const v = (u1 * hh) % P;
  const x3 = modP(t * t - hhh - 2n * v);
  return { x: x3, y: modP(t * (v - x3) - s1 * hhh), z: (((p.z * q.z) % P) * h) % P };
}

function modP(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

/** value^((P+1)/4): a root where there is one, as P is 3 modulo 4. Runs of 223 and 22 one-bits make most of the exponent. */
function squareRoot(value: bigint): bigint {
  const ones2 = (times(value, 1) * value) % P;
  const ones3 = (times(ones2, 1) * value) % P;
  const ones6 = (times(ones3, 3) * ones3) % P;
  const ones11 = (times((times(ones6, 3) * ones3) % P, 2) * ones2) % P;
  const ones22 = (times(ones11, 11) * ones11) % P;
  const ones44 = (times(ones22, 22) * ones22) % P;
  const ones88 = (times(ones44, 44) * ones44) % P;
  const ones176 = (times(ones88, 88) * ones88) % P;
  const ones220 = (times(ones176, 44) * ones44) % P;
  const ones223 = (times(ones220, 3) * ones3) % P;
  return times((times((times(ones223, 23) * ones22) % P, 6) * ones2) % P, 2);
}

/** Squared so many times. */
function times(value: bigint, squarings: number): bigint {
  let power = value;
  for (let i = 0; i < squarings; i++) power = (power * power) % P;
  return power;
}

/** Extended Euclid; `value` is not a multiple of the prime `modulus`. */
function invert(value: bigint, modulus: bigint): bigint {
  let [a, b] = [value % modulus, modulus];
  let [x, y] = [1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b] = [b - quotient * a, a];
    [x, y] = [y - quotient * x, x];
  }
  return x < 0n ? x + modulus : x;
}
