import { encodeBase64 } from '../core/read/base64.ts';
import type { LogIdentity } from '../ports/chain.ts';
import type { Issuer } from '../ports/issuer.ts';

export interface ChainDescription {
  readonly name: string;
  readonly runBy: string;
  readonly test: boolean;
}

/**
 * The service's own kezheng-trust/1: which log and which issuer are its. Whoever checks takes it from the operator by a
 * way that he believes, or writes his own; a certificate cannot bring it along.
 */
export function trustListOf(
  name: string,
  logs: readonly LogIdentity[],
  chain: ChainDescription,
  issuer: Issuer,
): string {
  const document = {
    format: 'kezheng-trust/1',
    name,
    logs: logs.map(({ chainId, genesisHash, contract, operator }) => ({
      chain: chain.name,
      chainId,
      contract,
      genesisHash,
      operator,
      runBy: chain.runBy,
      test: chain.test,
    })),
    authorities: [],
    issuers: [{ name, certificates: [encodeBase64(issuer.x5c.at(-1)!)] }],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
