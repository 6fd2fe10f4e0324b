import { encodeBase64 } from '../core/read/base64.ts';
import type { LogIdentity } from '../ports/chain.ts';
import type { Issuer } from '../ports/issuer.ts';

export interface ChainDescription {
  readonly name: string;
  readonly runBy: string;
  readonly test: boolean;
}

export type DescribeLog = (log: LogIdentity) => ChainDescription;

/**
 * Only the chain that is in use is what its operator says of it. A log on another chain, of a demonstration before or of
 * an earlier installation, must not inherit that: it stays a test chain run by nobody known, until somebody says better.
 */
export const describeBy =
  (chain: ChainDescription, current: Pick<LogIdentity, 'chainId' | 'genesisHash'>): DescribeLog =>
  (log) =>
    log.chainId === current.chainId && log.genesisHash === current.genesisHash
      ? chain
      : { name: `EVM ${log.chainId}`, runBy: 'unknown', test: true };

/**
 * The service's own kezheng-trust/1: which log and which issuer are its. Whoever checks takes it from the operator by a
 * way that he believes, or writes his own; a certificate cannot bring it along.
 */
export function trustListOf(
  name: string,
  logs: readonly LogIdentity[],
  describe: DescribeLog,
  issuer: Issuer,
  /** DER of what else the operator signs with, the last of each chain: documents, for one */
  others: readonly Uint8Array[] = [],
): string {
  const document = {
    format: 'kezheng-trust/1',
    name,
    logs: logs.map((log) => {
      const { name: chain, runBy, test } = describe(log);
      const { chainId, genesisHash, contract, operator } = log;
      return { chain, chainId, contract, genesisHash, operator, runBy, test };
    }),
    authorities: [],
    issuers: [{ name, certificates: [issuer.x5c.at(-1)!, ...others].map(encodeBase64) }],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
