import type { IdentityStore } from '../ports/identity.ts';

/** Makes one of the service's own organizations where it is missing; of two that make it at once one finds it made. */
export async function ensureOwn(
  store: Pick<IdentityStore, 'organization' | 'addOrganization'>,
  id: string,
  name: string,
  nowMs: number,
): Promise<void> {
  if ((await store.organization(id)) !== undefined) return;
  try {
    await store.addOrganization({ id, name, role: 'operator', uscc: undefined, createdMs: nowMs });
  } catch (error) {
    if ((await store.organization(id)) === undefined) throw error;
  }
}
