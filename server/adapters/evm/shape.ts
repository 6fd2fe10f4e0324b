import { ChainProblem } from '../../ports/chain.ts';

/*
 * What a node may answer. Everything is checked for its shape where it comes in; whether it is true is checked by
 * hashing (block.ts) or by asking other nodes (nodes.ts).
 */

export type Json = Readonly<Record<string, unknown>>;

export function wrong(what: string): never {
  throw new ChainProblem('chain-answer-invalid', { what });
}

export function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) wrong(what);
  return value as Json;
}

export function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) wrong(what);
  return value;
}

/** An integer: 0x and up to 64 digits. Leading zeros are let pass, as some nodes send them. */
export function quantity(value: unknown, what: string): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) wrong(what);
  return BigInt(value);
}

export function smallQuantity(value: unknown, what: string): number {
  const number = quantity(value, what);
  if (number > BigInt(Number.MAX_SAFE_INTEGER)) wrong(what);
  return Number(number);
}

/** Bytes: 0x and pairs of digits, of `length` bytes where a length is given; lower case. */
export function data(value: unknown, what: string, length?: number): string {
  if (typeof value !== 'string' || !/^0x(?:[0-9a-fA-F]{2})*$/.test(value)) wrong(what);
  if (length !== undefined && value.length !== 2 + 2 * length) wrong(what);
  return value.toLowerCase();
}

export const hash = (value: unknown, what: string): string => data(value, what, 32);

export const toQuantity = (value: number): string => `0x${value.toString(16)}`;
