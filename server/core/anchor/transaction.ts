import { keccak256 } from '../hash/keccak.ts';
import { concat } from '../read/bytes.ts';
import { decodeRlp, encodeRlp, type RlpItem, uintBytes } from '../read/rlp.ts';
import { FormatError } from '../reason.ts';
import { bytesField, hex0x, listField, safeNumber, safeUintField, uintField } from './fields.ts';
import { HALF_ORDER, ORDER, recoverPublicKey } from './secp256k1.ts';

/*
 * Signed transactions of the types that an append is sent with: legacy with EIP-155, EIP-2930 (1), EIP-1559 (2).
 */

export interface SignedTransaction {
  readonly type: 0 | 1 | 2;
  readonly chainId: number;
  readonly nonce: bigint;
  readonly to: string;
  readonly value: bigint;
  readonly calldata: Uint8Array;
  readonly sender: string;
  readonly hash: string;
}

export function decodeTransaction(bytes: Uint8Array): SignedTransaction {
  const type = bytes[0] ?? 0;
  // EIP-2718: what starts with a list's first byte is legacy, else the first byte is the type.
  if (type >= 0xc0) return decodeLegacy(bytes);
  if (type === 1 || type === 2) return decodeTyped(type, bytes);
  throw new FormatError('transaction-type-unsupported', { type });
}

function decodeLegacy(bytes: Uint8Array): SignedTransaction {
  const items = listField(decodeRlp(bytes), 'transaction', 9);
  const [nonce, gasPrice, gasLimit, to, value, calldata, v, r, s] = items;
  uintField(gasPrice, 'gasPrice');
  uintField(gasLimit, 'gasLimit');
  // EIP-155: v is 35 or 36 plus twice the chain id. Without it the same transaction is valid on every chain.
  const signatureV = uintField(v, 'v');
  if (signatureV < 35n) throw new FormatError('transaction-without-chain-id');
  const chainId = (signatureV - 35n) / 2n;
  const unsigned = [...items.slice(0, 6), uintBytes(chainId), new Uint8Array(), new Uint8Array()];
  return {
    type: 0,
    chainId: safeNumber(chainId, 'chainId'),
    ...commonFields(nonce, to, value, calldata),
    sender: senderOf(keccak256(encodeRlp(unsigned)), Number((signatureV - 35n) % 2n), r, s),
    hash: hex0x(keccak256(bytes)),
  };
}

function decodeTyped(type: 1 | 2, bytes: Uint8Array): SignedTransaction {
  // EIP-2930 has one price, EIP-1559 two; all else is the same.
  const items = listField(decodeRlp(bytes.subarray(1)), 'transaction', 10 + type);
  const [chainId, nonce] = items;
  for (const price of items.slice(2, 2 + type)) uintField(price, 'gasPrice');
  const [gasLimit, to, value, calldata, accessList, yParity, r, s] = items.slice(2 + type);
  uintField(gasLimit, 'gasLimit');
  checkAccessList(accessList);
  const parity = uintField(yParity, 'yParity');
  if (parity > 1n) throw new FormatError('transaction-signature-invalid');
  const unsigned = concat(Uint8Array.of(type), encodeRlp(items.slice(0, -3)));
  return {
    type,
    chainId: safeUintField(chainId, 'chainId'),
    ...commonFields(nonce, to, value, calldata),
    sender: senderOf(keccak256(unsigned), Number(parity), r, s),
    hash: hex0x(keccak256(bytes)),
  };
}

function commonFields(nonce?: RlpItem, to?: RlpItem, value?: RlpItem, calldata?: RlpItem) {
  return {
    nonce: uintField(nonce, 'nonce'),
    to: hex0x(bytesField(to, 'to', 20)),
    value: uintField(value, 'value'),
    calldata: bytesField(calldata, 'calldata'),
  };
}

/** EIP-2930: pairs of an address and a list of storage keys. */
function checkAccessList(item: RlpItem | undefined): void {
  for (const entry of listField(item, 'accessList')) {
    const [address, keys] = listField(entry, 'accessList', 2);
    bytesField(address, 'accessList', 20);
    for (const key of listField(keys, 'accessList')) bytesField(key, 'accessList', 32);
  }
}

/** The address that signed: the last 20 bytes of the hash of its public key. */
function senderOf(signingHash: Uint8Array, parity: number, rItem?: RlpItem, sItem?: RlpItem): string {
  const r = uintField(rItem, 'r');
  const s = uintField(sItem, 's');
  // EIP-2: the upper half of s would give every transaction a second spelling with another hash.
  if (r === 0n || r >= ORDER || s === 0n || s > HALF_ORDER)
    throw new FormatError('transaction-signature-invalid');
  const publicKey = recoverPublicKey(signingHash, r, s, parity);
  if (publicKey === undefined) throw new FormatError('transaction-signature-invalid');
  return hex0x(keccak256(publicKey).subarray(12));
}
