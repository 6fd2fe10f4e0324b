import { encodeBase64 } from '../core/read/base64.ts';
import type { LogIdentity } from '../ports/chain.ts';
import type { OutsideAuthority } from '../ports/tsp.ts';

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
 * The service's own kezheng-trust/1: which logs are its, which certificates (`own`): of the issuer, and of the root of
 * its time-stamps; and who else stamps its batches. Whoever checks takes it from the operator by a way that he believes,
 * or writes his own; a certificate cannot bring it along.
 */
export function trustListOf(
  name: string,
  logs: readonly LogIdentity[],
  describe: DescribeLog,
  own: readonly Uint8Array[],
  authorities: readonly OutsideAuthority[] = [],
): string {
  const document = {
    format: 'kezheng-trust/1',
    name,
    logs: logs.map((log) => {
      const { name: chain, runBy, test } = describe(log);
      const { chainId, genesisHash, contract, operator } = log;
      return { chain, chainId, contract, genesisHash, operator, runBy, test };
    }),
    authorities: byLabel(authorities),
    issuers: [{ name, certificates: [...new Set(own.map((certificate) => encodeBase64(certificate)))] }],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** A body is named once, with all that its addresses have: however many it has, it is one. */
function byLabel(authorities: readonly OutsideAuthority[]) {
  return [...Map.groupBy(authorities, ({ label }) => label)].map(([label, entries]) => ({
    label,
    policies: [...new Set(entries.flatMap(({ policies }) => policies))],
    roots: [...new Set(entries.flatMap(({ roots }) => roots.map((root) => encodeBase64(root))))],
  }));
}
