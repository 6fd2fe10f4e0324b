import { toHex } from '../read/bytes.ts';
import type { RlpItem } from '../read/rlp.ts';
import { FormatError } from '../reason.ts';

/*
 * What the fields of headers, transactions and receipts may be. `field` is a name for the reader of the reason.
 */

export function bytesField(item: RlpItem | undefined, field: string, length?: number): Uint8Array {
  if (!(item instanceof Uint8Array))
    throw new FormatError('ethereum-field-kind', { field, expected: 'bytes' });
  if (length !== undefined && item.length !== length)
    throw new FormatError('ethereum-field-length', { field, expected: length, actual: item.length });
  return item;
}

export function listField(item: RlpItem | undefined, field: string, length?: number): readonly RlpItem[] {
  if (item === undefined || item instanceof Uint8Array)
    throw new FormatError('ethereum-field-kind', { field, expected: 'list' });
  if (length !== undefined && item.length !== length)
    throw new FormatError('ethereum-field-length', { field, expected: length, actual: item.length });
  return item;
}

/** An integer below 2^256, without leading zeros (Yellow Paper appendix B). */
export function uintField(item: RlpItem | undefined, field: string): bigint {
  const bytes = bytesField(item, field);
  if (bytes[0] === 0) throw new FormatError('ethereum-field-not-minimal', { field });
  if (bytes.length > 32) throw new FormatError('ethereum-field-too-large', { field });
  return bigEndian(bytes);
}

/** An integer that fits a JSON number of the certificate: 0 to 2^53 − 1. */
export const safeUintField = (item: RlpItem | undefined, field: string): number =>
  safeNumber(uintField(item, field), field);

export function safeNumber(value: bigint, field: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FormatError('ethereum-field-too-large', { field });
  return Number(value);
}

export const bigEndian = (bytes: Uint8Array): bigint => BigInt(`0x0${toHex(bytes)}`);

/** Addresses, transaction and block hashes are written with 0x, everything else without. */
export const hex0x = (bytes: Uint8Array): string => `0x${toHex(bytes)}`;
