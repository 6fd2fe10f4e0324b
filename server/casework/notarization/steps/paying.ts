import { NO_FEES, totalFen } from '../fees.ts';
import { FeeItems, Payment, Refund, Waiver } from '../inputs.ts';
import { FINAL, IN_HAND, WITH_DEED } from '../names.ts';
import { step } from '../step.ts';

/**
 * 公证法 34. The money itself moves elsewhere; here stands what was asked for, received, given up and given back. Where no
 * fees were set the guards of amounts have refused.
 */
export const paying = [
  step({
    from: ['accepted', 'reviewing'],
    action: 'set-fees',
    who: ['handling-notary', 'office-admin'],
    guards: ['no-identity-number'],
    to: '=',
    input: FeeItems,
    // What was given up of other items is not given up of these, unless it still fits.
    apply: (data, { items }) => {
      const fees = { ...(data.fees ?? NO_FEES), items };
      const fits = (fees.waiver?.fen ?? 0) <= totalFen(fees);
      return { ...data, fees: fits ? fees : { ...fees, waiver: null } };
    },
  }),
  step({
    from: IN_HAND,
    action: 'record-payment',
    who: ['handling-notary', 'assistant', 'office-admin'],
    guards: ['no-identity-number', 'room-left', 'payment-new', 'payment-within-owed'],
    to: '=',
    input: Payment,
    apply: (data, payment, { nowMs }) => {
      const fees = data.fees!;
      return { ...data, fees: { ...fees, payments: [...fees.payments, { ...payment, atMs: nowMs }] } };
    },
  }),
  step({
    from: IN_HAND,
    action: 'waive-fees',
    who: ['office-admin'],
    guards: ['no-identity-number', 'waiver-within-fees'],
    to: '=',
    input: Waiver,
    apply: (data, waiver, { nowMs }) => ({
      ...data,
      fees: { ...data.fees!, waiver: { ...waiver, atMs: nowMs } },
    }),
  }),
  step({
    from: [...new Set([...IN_HAND, ...WITH_DEED, ...FINAL.filter((state) => state !== 'not-accepted')])],
    action: 'refund',
    who: ['office-admin'],
    guards: ['no-identity-number', 'room-left', 'refund-new', 'refund-within-kept'],
    to: '=',
    input: Refund,
    apply: (data, refund, { nowMs }) => {
      const fees = data.fees!;
      return { ...data, fees: { ...fees, refunds: [...fees.refunds, { ...refund, atMs: nowMs }] } };
    },
  }),
];
