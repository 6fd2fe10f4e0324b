import { keccak256 } from '../hash/keccak.ts';
import { decodeRlp } from '../read/rlp.ts';
import { FormatError } from '../reason.ts';
import { bytesField, hex0x, listField, safeUintField, uintField } from './fields.ts';

/** Today's headers have 21 fields and about 650 bytes; consortium chains keep their validators in extraData. */
export const MAX_HEADER_BYTES = 16 * 1024;
/** The end of the year 9999: the last second that can be written as an instant. */
const MAX_TIMESTAMP = 253_402_300_799;
const MIN_HEADER_FIELDS = 15;
const MAX_HEADER_FIELDS = 40;

export interface BlockHeader {
  /** keccak256 of the whole header: 0x and 64 digits */
  readonly hash: string;
  readonly parentHash: string;
  readonly transactionsRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
  readonly number: number;
  /** Unix seconds */
  readonly timestamp: number;
}

/**
 * A header as Yellow Paper §4.3 has it. The fields after the fifteenth came with later forks and more will come: they
 * are part of the hash, must be well-formed RLP, and are not interpreted.
 */
export function decodeHeader(bytes: Uint8Array): BlockHeader {
  if (bytes.length > MAX_HEADER_BYTES)
    throw new FormatError('header-too-long', { limit: MAX_HEADER_BYTES, actual: bytes.length });
  const items = listField(decodeRlp(bytes), 'header');
  if (items.length < MIN_HEADER_FIELDS || items.length > MAX_HEADER_FIELDS)
    throw new FormatError('header-field-count', {
      minimum: MIN_HEADER_FIELDS,
      maximum: MAX_HEADER_FIELDS,
      actual: items.length,
    });
  const [parentHash, ommersHash, beneficiary, stateRoot, transactionsRoot, receiptsRoot, bloom] = items;
  const [difficulty, number, gasLimit, gasUsed, timestamp, extraData, mixHash, nonce] = items.slice(7);
  bytesField(ommersHash, 'ommersHash', 32);
  bytesField(beneficiary, 'beneficiary', 20);
  bytesField(stateRoot, 'stateRoot', 32);
  bytesField(bloom, 'logsBloom', 256);
  uintField(difficulty, 'difficulty');
  uintField(gasLimit, 'gasLimit');
  uintField(gasUsed, 'gasUsed');
  bytesField(extraData, 'extraData');
  bytesField(mixHash, 'mixHash', 32);
  bytesField(nonce, 'nonce', 8);
  const seconds = safeUintField(timestamp, 'timestamp');
  if (seconds > MAX_TIMESTAMP) throw new FormatError('header-time-invalid', { timestamp: seconds });
  return {
    hash: hex0x(keccak256(bytes)),
    parentHash: hex0x(bytesField(parentHash, 'parentHash', 32)),
    transactionsRoot: bytesField(transactionsRoot, 'transactionsRoot', 32),
    receiptsRoot: bytesField(receiptsRoot, 'receiptsRoot', 32),
    number: safeUintField(number, 'number'),
    timestamp: seconds,
  };
}
