import { type IdentityStore, OPERATOR_ID } from '../ports/store.ts';

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
