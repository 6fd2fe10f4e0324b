import { keccak256, type RlpStructuredData, encodeRlp as rlp, toBeArray } from 'ethers';

/*
 * The functions c and n of Yellow Paper appendix D, word for word and without any thought of cost, over ethers' RLP:
 * an implementation to compare ours with. Nibbles are a string of hex digits.
 */

type Pairs = readonly (readonly [path: string, value: string])[];

export function naiveTrieRoot(values: readonly Uint8Array[]): Uint8Array {
  const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}`;
  const pairs = values.map((value, i) => [rlp(toBeArray(i)).slice(2), hex(value)] as const);
  const root = pairs.length === 0 ? keccak256(rlp('0x')) : keccak256(rlp(c(pairs)));
  return new Uint8Array(Buffer.from(root.slice(2), 'hex'));
}

function n(pairs: Pairs): RlpStructuredData {
  if (pairs.length === 0) return '0x';
  const node = c(pairs);
  const encoded = rlp(node);
  return encoded.length < 2 + 2 * 32 ? node : keccak256(encoded);
}

function c(pairs: Pairs): RlpStructuredData {
  const [first] = pairs;
  if (pairs.length === 1) return [hp(first![0], true), first![1]];
  let shared = 0;
  while (pairs.every(([path]) => path[shared] === first![0][shared])) shared++;
  const rest = (of: Pairs, from: number): Pairs => of.map(([path, value]) => [path.slice(from), value]);
  if (shared > 0) return [hp(first![0].slice(0, shared), false), n(rest(pairs, shared))];
  const under = [...'0123456789abcdef'].map((digit) => pairs.filter(([path]) => path[0] === digit));
  return [...under.map((some) => n(rest(some, 1))), '0x'];
}

const hp = (path: string, leaf: boolean): string =>
  path.length % 2 === 0 ? `0x${leaf ? 2 : 0}0${path}` : `0x${leaf ? 3 : 1}${path}`;
