import { keptFen, NO_FEES, owedFen, totalFen } from '../fees.ts';
import { given, Payment, Refund, Waiver } from '../inputs.ts';
import { type Guards, refuseIf } from './kind.ts';

/** Of payments, refunds, verifications, grants and announcements each: a case is read whole. */
export const MAX_ENTRIES = 500;

export const moneyGuards = {
  'fees-settled': ({ data: { fees } }) => {
    if (fees === null) return { owed: 0 };
    const owed = owedFen(fees);
    return owed > 0 ? { owed } : undefined;
  },

  'payment-within-owed': (seen) => {
    const owed = owedFen(seen.data.fees ?? NO_FEES);
    const paid = given(Payment, seen)?.fen ?? 1;
    return paid > owed ? { owed } : undefined;
  },

  /** The same slip twice is one payment. */
  'payment-new': (seen) => {
    const reference = given(Payment, seen)?.reference.trim();
    return refuseIf(seen.data.fees?.payments.some((one) => one.reference.trim() === reference) ?? false);
  },

  'refund-new': (seen) => {
    const reference = given(Refund, seen)?.reference.trim();
    return refuseIf(seen.data.fees?.refunds.some((one) => one.reference.trim() === reference) ?? false);
  },

  'waiver-within-fees': (seen) => {
    const total = totalFen(seen.data.fees ?? NO_FEES);
    const waived = given(Waiver, seen)?.fen ?? 1;
    return waived > total ? { total } : undefined;
  },

  'refund-within-kept': (seen) => {
    const kept = keptFen(seen.data.fees ?? NO_FEES);
    const refunded = given(Refund, seen)?.fen ?? 1;
    return refunded > kept ? { kept } : undefined;
  },

  'room-left': ({ data: { fees, verifications, grants, deed } }) => {
    const lists = [fees?.payments, fees?.refunds, verifications, grants, deed?.announcements, deed?.versions];
    return lists.some((list) => (list?.length ?? 0) >= MAX_ENTRIES) ? { limit: MAX_ENTRIES } : undefined;
  },
} satisfies Guards;
