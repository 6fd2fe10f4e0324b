import type { IdentityStore } from '../ports/store.ts';

/*
 * Entries that nobody deposited, which the service makes of itself: they belong to an organization of their own, so that
 * no depositor sees them among his.
 */

/** Fixed, so that it is the same after every restart and move (UUIDv8, RFC 9562 §5.8: "kezheng" in ASCII). */
export const OPERATOR_ID = '6b657a68-656e-8670-8000-000000000001';

/** Makes the operator's organization where it is missing; of two that make it at once one finds it made. */
export async function ensureOperator(
  store: Pick<IdentityStore, 'organization' | 'addOrganization'>,
  name: string,
  nowMs: number,
): Promise<void> {
  if ((await store.organization(OPERATOR_ID)) !== undefined) return;
  try {
    await store.addOrganization({
      id: OPERATOR_ID,
      name,
      role: 'operator',
      uscc: undefined,
      createdMs: nowMs,
    });
  } catch (error) {
    if ((await store.organization(OPERATOR_ID)) === undefined) throw error;
  }
}
