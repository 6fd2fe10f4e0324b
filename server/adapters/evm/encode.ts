import { concat, fromHex } from '../../core/read/bytes.ts';
import { encodeRlp, type RlpItem, uintBytes } from '../../core/read/rlp.ts';
import { data, type Json, list, object, quantity, smallQuantity } from './shape.ts';

/*
 * From a node's JSON back to the bytes that were hashed: headers, transactions (EIP-2718 types 0 to 4), receipts.
 * Nobody trusts the result for its own sake: block.ts compares hashes.
 */

const bytes = (from: Json, field: string, length?: number): Uint8Array =>
  fromHex(data(from[field], field, length).slice(2));

const uint = (from: Json, field: string): Uint8Array => uintBytes(quantity(from[field], field));

const HASH = 32;

/** Yellow Paper §4.3, then EIP-1559, 4895, 4844 (two), 4788, 7685: each where the node says it. */
export function encodeHeader(block: Json): Uint8Array {
  const fields: RlpItem[] = [
    bytes(block, 'parentHash', HASH),
    bytes(block, 'sha3Uncles', HASH),
    bytes(block, 'miner', 20),
    bytes(block, 'stateRoot', HASH),
    bytes(block, 'transactionsRoot', HASH),
    bytes(block, 'receiptsRoot', HASH),
    bytes(block, 'logsBloom', 256),
    uint(block, 'difficulty'),
    uint(block, 'number'),
    uint(block, 'gasLimit'),
    uint(block, 'gasUsed'),
    uint(block, 'timestamp'),
    bytes(block, 'extraData'),
    bytes(block, 'mixHash', HASH),
    bytes(block, 'nonce', 8),
  ];
  const later: readonly (readonly [field: string, read: (from: Json, field: string) => Uint8Array])[] = [
    ['baseFeePerGas', uint],
    ['withdrawalsRoot', bytes],
    ['blobGasUsed', uint],
    ['excessBlobGas', uint],
    ['parentBeaconBlockRoot', bytes],
    ['requestsHash', bytes],
  ];
  for (const [field, read] of later)
    if (block[field] !== undefined && block[field] !== null) fields.push(read(block, field));
  return encodeRlp(fields);
}

/** The signed transaction, or undefined for a type that this code does not know. */
export function encodeTransaction(tx: Json): Uint8Array | undefined {
  const type = typeOf(tx);
  const signature = [uint(tx, 'r'), uint(tx, 's')];
  if (type === 0)
    return encodeRlp([uint(tx, 'nonce'), uint(tx, 'gasPrice'), ...body(tx), uint(tx, 'v'), ...signature]);
  const fields = typedFields(type, tx);
  if (fields === undefined) return undefined;
  const chainId = uint(tx, 'chainId');
  const parity = uint(tx, tx['yParity'] === undefined ? 'v' : 'yParity');
  return concat(
    Uint8Array.of(type),
    encodeRlp([chainId, uint(tx, 'nonce'), ...fields, parity, ...signature]),
  );
}

/** What stands between nonce and signature: EIP-2930, 1559, 4844, 7702. */
function typedFields(type: number, tx: Json): RlpItem[] | undefined {
  if (type === 1) return [uint(tx, 'gasPrice'), ...body(tx), accessList(tx)];
  if (type < 2 || type > 4) return undefined;
  const fees = [uint(tx, 'maxPriorityFeePerGas'), uint(tx, 'maxFeePerGas')];
  const common = [...fees, ...body(tx), accessList(tx)];
  if (type === 2) return common;
  if (type === 4) return [...common, authorizations(tx)];
  const blobHashes = list(tx['blobVersionedHashes'], 'blobVersionedHashes');
  return [
    ...common,
    uint(tx, 'maxFeePerBlobGas'),
    blobHashes.map((hash) => fromHex(data(hash, 'blobVersionedHashes', HASH).slice(2))),
  ];
}

/** Gas limit, recipient (none for a creation), value, calldata. */
const body = (tx: Json): RlpItem[] => [
  uint(tx, 'gas'),
  tx['to'] === null || tx['to'] === undefined ? new Uint8Array() : bytes(tx, 'to', 20),
  uint(tx, 'value'),
  bytes(tx, 'input'),
];

const accessList = (tx: Json): RlpItem =>
  list(tx['accessList'] ?? [], 'accessList').map((entry) => {
    const { address, storageKeys } = object(entry, 'accessList');
    return [
      fromHex(data(address, 'accessList', 20).slice(2)),
      list(storageKeys, 'storageKeys').map((key) => fromHex(data(key, 'storageKeys', HASH).slice(2))),
    ];
  });

const authorizations = (tx: Json): RlpItem =>
  list(tx['authorizationList'], 'authorizationList').map((entry) => {
    const one = object(entry, 'authorizationList');
    return [
      uint(one, 'chainId'),
      bytes(one, 'address', 20),
      uint(one, 'nonce'),
      uint(one, one['yParity'] === undefined ? 'v' : 'yParity'),
      uint(one, 'r'),
      uint(one, 's'),
    ];
  });

/** EIP-2718 and EIP-658; before Byzantium a state root stood in the place of the status. */
export function encodeReceipt(receipt: Json): Uint8Array {
  const type = typeOf(receipt);
  const logs = list(receipt['logs'], 'logs').map((value) => {
    const log = object(value, 'log');
    const topics = list(log['topics'], 'topics');
    return [
      bytes(log, 'address', 20),
      topics.map((topic) => fromHex(data(topic, 'topic', HASH).slice(2))),
      bytes(log, 'data'),
    ];
  });
  const encoded = encodeRlp([
    receipt['status'] === undefined ? bytes(receipt, 'root', HASH) : uint(receipt, 'status'),
    uint(receipt, 'cumulativeGasUsed'),
    bytes(receipt, 'logsBloom', 256),
    logs,
  ]);
  return type === 0 ? encoded : concat(Uint8Array.of(type), encoded);
}

const typeOf = (from: Json): number => (from['type'] === undefined ? 0 : smallQuantity(from['type'], 'type'));
