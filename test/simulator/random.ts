/** mulberry32: everything that a run leaves to chance comes from one 32-bit seed, drawn in one order. */
export interface Random {
  /** from 0 to 1, 1 excluded */
  unit(): number;
  chance(probability: number): boolean;
  /** an integer, both ends included */
  between(low: number, high: number): number;
  pick<T>(from: readonly T[]): T;
  fill(bytes: Uint8Array): void;
  hex(bytes: number): string;
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const word = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return (x ^ (x >>> 14)) >>> 0;
  };
  const unit = () => word() / 2 ** 32;
  const between = (low: number, high: number) => low + Math.floor(unit() * (high - low + 1));
  const fill = (bytes: Uint8Array): void => {
    for (let i = 0; i < bytes.length; i += 4) {
      const next = word();
      for (let j = 0; j < 4 && i + j < bytes.length; j++) bytes[i + j] = (next >>> (8 * j)) & 0xff;
    }
  };
  return {
    unit,
    chance: (probability) => probability > 0 && unit() < probability,
    between,
    pick: (from) => from[between(0, from.length - 1)]!,
    fill,
    hex(length) {
      const bytes = new Uint8Array(length);
      fill(bytes);
      return Buffer.from(bytes).toString('hex');
    },
  };
}
