import type { Static } from 'typebox';
import type { FeeItems, Payment, Refund, Waiver } from './inputs.ts';

/*
 * Fees in fen, always integers. What is owed follows from four lists that only grow; no balance is stored that could
 * disagree with them.
 */

type At = { readonly atMs: number };

export type Fees = {
  readonly items: Static<typeof FeeItems>['items'];
  /** 公证法 34: given up, wholly or in part. */
  readonly waiver: (Static<typeof Waiver> & At) | null;
  readonly payments: readonly (Static<typeof Payment> & At)[];
  readonly refunds: readonly (Static<typeof Refund> & At)[];
};

export const NO_FEES: Fees = { items: [], waiver: null, payments: [], refunds: [] };

const sum = (list: readonly { readonly fen: number }[]): number =>
  list.reduce((total, { fen }) => total + fen, 0);

export const totalFen = (fees: Fees): number => sum(fees.items);

/** Received and not given back. */
export const keptFen = (fees: Fees): number => sum(fees.payments) - sum(fees.refunds);

export const owedFen = (fees: Fees): number =>
  Math.max(0, totalFen(fees) - (fees.waiver?.fen ?? 0) - keptFen(fees));
