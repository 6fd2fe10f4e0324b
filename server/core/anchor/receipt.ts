import { decodeRlp, type RlpItem } from '../read/rlp.ts';
import { FormatError } from '../reason.ts';
import { bytesField, hex0x, listField, uintField } from './fields.ts';

export interface Log {
  readonly address: string;
  readonly topics: readonly Uint8Array[];
  readonly data: Uint8Array;
}

export interface Receipt {
  /** 0 for legacy, else EIP-2718's type: equal to that of the transaction */
  readonly type: number;
  readonly succeeded: boolean;
  readonly cumulativeGasUsed: bigint;
  readonly bloom: Uint8Array;
  readonly logs: readonly Log[];
}

/** EVM: LOG0 to LOG4. */
const MAX_TOPICS = 4;

/** A receipt since Byzantium (EIP-658), legacy or of the types 1 and 2. */
export function decodeReceipt(bytes: Uint8Array): Receipt {
  const type = bytes[0] ?? 0;
  if (type >= 0xc0) return decodeBody(0, bytes);
  if (type === 1 || type === 2) return decodeBody(type, bytes.subarray(1));
  throw new FormatError('receipt-type-unsupported', { type });
}

function decodeBody(type: number, bytes: Uint8Array): Receipt {
  const [status, gas, bloom, logs] = listField(decodeRlp(bytes), 'receipt', 4);
  const outcome = bytesField(status, 'status');
  // Before Byzantium a state root stood here, and failure could not be told from success.
  if (outcome.length > 1 || (outcome.length === 1 && outcome[0] !== 1))
    throw new FormatError('receipt-status-invalid');
  return {
    type,
    succeeded: outcome.length === 1,
    cumulativeGasUsed: uintField(gas, 'cumulativeGasUsed'),
    bloom: bytesField(bloom, 'logsBloom', 256),
    logs: listField(logs, 'logs').map(decodeLog),
  };
}

function decodeLog(item: RlpItem): Log {
  const [address, topicList, data] = listField(item, 'log', 3);
  const topics = listField(topicList, 'topics');
  if (topics.length > MAX_TOPICS)
    throw new FormatError('ethereum-field-length', {
      field: 'topics',
      expected: MAX_TOPICS,
      actual: topics.length,
    });
  return {
    address: hex0x(bytesField(address, 'address', 20)),
    topics: topics.map((topic) => bytesField(topic, 'topic', 32)),
    data: bytesField(data, 'data'),
  };
}
