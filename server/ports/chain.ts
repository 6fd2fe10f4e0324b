/** An append-only log in EvidenceLog: one operator in one contract on one chain. Hex with 0x, lower case. */
export interface LogIdentity {
  readonly chainId: number;
  readonly genesisHash: string;
  readonly contract: string;
  readonly operator: string;
}

/** Why nothing can be anchored now. `detail` is for people and logs; codes have sentences in messages/. */
export type ChainProblemCode =
  | 'chain-unreachable'
  | 'chain-id-wrong'
  | 'chain-genesis-wrong'
  | 'contract-missing'
  | 'contract-different'
  | 'chain-hashes-differ'
  | 'chain-nodes-disagree'
  | 'chain-behind'
  | 'operator-out-of-funds'
  | 'transaction-refused'
  | 'chain-answer-invalid'
  | 'chain-finality-unknown';

export class ChainProblem extends Error {
  readonly code: ChainProblemCode;
  readonly detail: Readonly<Record<string, string | number>>;
  constructor(
    code: ChainProblemCode,
    detail: Readonly<Record<string, string | number>> = {},
    cause?: unknown,
  ) {
    super(`${code} ${JSON.stringify(detail)}`, { cause });
    this.name = 'ChainProblem';
    this.code = code;
    this.detail = detail;
  }
}

/** State of our log as the contract has it, read at one block. */
export interface LogHead {
  /** How many roots the log holds: the next index. */
  readonly count: number;
  /** Low 192 bits of the rolling hash, 48 hex digits without 0x. */
  readonly rolling: string;
  readonly blockNumber: number;
  readonly blockHash: string;
}

/** Where a root entered the log, as a node tells it (not yet proven). */
export interface Appended {
  readonly index: number;
  /** 64 hex digits without 0x */
  readonly root: string;
  readonly size: number;
  readonly transactionHash: string;
  readonly blockNumber: number;
  readonly blockHash: string;
}

/** A signed `append`, durable in our store before any node sees it. */
export interface SignedAppend {
  readonly transactionHash: string;
  /** hex with 0x */
  readonly raw: string;
  readonly nonce: number;
  /** wei, decimal */
  readonly maxFeePerGas: string;
  readonly maxPriorityFeePerGas: string;
}

export type TransactionFate =
  | { readonly state: 'unknown' }
  | { readonly state: 'pending' }
  | {
      readonly state: 'mined';
      readonly blockNumber: number;
      readonly blockHash: string;
      readonly succeeded: boolean;
    };

export interface Finality {
  /** The block with this hash is still the chain's block at its number. */
  readonly canonical: boolean;
  readonly final: boolean;
  /** Blocks that stand on it, itself included; 0 where not canonical. */
  readonly confirmations: number;
  /** How many it needs in all, as far as can be told now. */
  readonly required: number;
  /** Unix seconds, of the block's header; 0 where not canonical. */
  readonly blockTime: number;
}

/** `ethereum-header/1` as FORMAT.md has it: all hex without 0x. */
export interface EthereumHeaderAnchor {
  readonly type: 'ethereum-header/1';
  readonly header: string;
  readonly transactionIndex: number;
  readonly transaction: string;
  readonly transactionProof: readonly string[];
  readonly receipt: string;
  readonly receiptProof: readonly string[];
  readonly logPosition: number;
}

/**
 * The chain as the pipeline sees it. Every method may throw ChainProblem; any other error is a bug.
 * Nothing here keeps state that matters: what must survive a crash is in the store.
 */
export interface Chain {
  /** Checks reachability, chain id, genesis, contract code, and that recent blocks hash as Ethereum's do; then names the log. */
  inspect(): Promise<LogIdentity>;
  /** The log's head at the latest block. */
  head(): Promise<LogHead>;
  /** The append of this index in the canonical chain, or undefined. */
  findAppend(index: number): Promise<Appended | undefined>;
  /**
   * Signs `append(index, root, size)` with current fees and the next nonce after pending ones. Where `replace` is given:
   * at least 12.5 % above its fees, and with its nonce, unless that is used up or something before it is missing.
   */
  sign(append: { index: number; root: string; size: number }, replace?: SignedAppend): Promise<SignedAppend>;
  /** Hands the raw transaction to the sending node; a node that has it already is no error. */
  broadcast(transaction: SignedAppend): Promise<void>;
  fate(transactionHash: string): Promise<TransactionFate>;
  /** The operator's nonce at the latest block: every lower one is used up. */
  minedNonce(): Promise<number>;
  finality(blockNumber: number, blockHash: string): Promise<Finality>;
  /** Builds the proof of a mined append from what the node says of its block, and checks that it hashes to the block's hash. */
  prove(appended: Appended): Promise<EthereumHeaderAnchor>;
  /** For checks of certificates: canonical hash at this number, below the finalized head, or undefined where not yet final. */
  finalBlockHash(blockNumber: number): Promise<string | undefined>;
}
