import type { Anchor } from '../ports/store.ts';
import type { DescribeLog } from './trust-list.ts';

export interface Provider {
  readonly name: string;
  readonly uscc: string | undefined;
  readonly filings: { readonly blockchain?: string; readonly mlps?: string; readonly crypto?: string };
  readonly describe: DescribeLog;
  readonly url: string;
}

/** A number that the operator does not have is never made up. */
const NONE = '未取得';

/**
 * What the certificate says on the issuer's word alone: provider, filing numbers, the chain's name, finality. Names are
 * listed in FORMAT.md; a checker shows every one of them as stated by the issuer.
 */
export const statedBy =
  ({ name, uscc, filings, describe, url }: Provider) =>
  (batch: number, anchors: readonly Anchor[]): readonly { name: string; value: string }[] => [
    { name: 'provider', value: name },
    { name: 'provider-uscc', value: uscc ?? NONE },
    { name: 'filing-blockchain', value: filings.blockchain ?? NONE },
    { name: 'filing-mlps', value: filings.mlps ?? NONE },
    { name: 'filing-crypto', value: filings.crypto ?? NONE },
    { name: 'batch', value: String(batch) },
    ...anchors.flatMap(({ log, confirmations }) => {
      const chain = describe(log);
      return [
        { name: 'chain', value: chain.name },
        { name: 'chain-run-by', value: chain.runBy },
        { name: 'chain-kind', value: chain.test ? 'test' : 'production' },
        { name: 'confirmations', value: String(confirmations) },
      ];
    }),
    { name: 'verify-url', value: url },
  ];
