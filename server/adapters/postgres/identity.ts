import type { Selectable } from 'kysely';
import type { ApiKey, IdentityStore, Organization } from '../../ports/store.ts';
import { credentialColumn, credentialOf } from '../relational/rows.ts';
import { requireUuid, uuidBytes } from '../relational/uuid.ts';
import type { Database } from './database.ts';
import { gathering } from './gather.ts';
import type { Schema } from './schema.ts';

/*
 * Nothing of this is kept in memory: the command line and other instances add organizations and keys, and revoke them,
 * while the service runs. Each request asks for a key, so requests that come together ask together.
 */
type OrganizationRow = Schema['organizations'];
type KeyRow = Selectable<Schema['api_keys']>;
type IdentityReads = Pick<IdentityStore, 'organizations' | 'organization' | 'apiKey' | 'apiKeys'>;
type IdentityWrites = Omit<IdentityStore, keyof IdentityReads>;

export function openIdentityReads({ query }: Database): IdentityReads {
  const organization = gathering(async (ids: readonly string[]) => {
    const rows = await query
      .selectFrom('organizations')
      .selectAll()
      .where('id', 'in', [...new Set(ids)])
      .execute();
    const found = new Map(rows.map((row) => [row.id, organizationOf(row)]));
    return ids.map((id) => found.get(id));
  });
  const apiKey = gathering(async (ids: readonly string[]) => {
    const rows = await query
      .selectFrom('api_keys')
      .selectAll()
      .where('id', 'in', [...new Set(ids)])
      .execute();
    const found = new Map(rows.map((row) => [row.id, keyOf(row)]));
    return ids.map((id) => found.get(id));
  });
  return {
    async organizations() {
      const rows = await query
        .selectFrom('organizations')
        .selectAll()
        .orderBy('created_ms')
        .orderBy('id')
        .execute();
      return rows.map(organizationOf);
    },
    organization: async (id) => (uuidBytes(id) === undefined ? undefined : organization(id)),
    // What cannot be stored as text is no key either.
    apiKey: async (id) => (id.includes('\0') ? undefined : apiKey(id)),
    async apiKeys(owner) {
      if (owner !== undefined && uuidBytes(owner) === undefined) return [];
      let keys = query.selectFrom('api_keys').selectAll();
      if (owner !== undefined) keys = keys.where('organization', '=', owner);
      const rows = await keys.orderBy('created_ms').orderBy('id').execute();
      return rows.map(keyOf);
    },
  };
}

export function openIdentityWrites({ query }: Database): IdentityWrites {
  return {
    async addOrganization({ id, name, role, uscc, createdMs }) {
      requireUuid(id);
      await query
        .insertInto('organizations')
        .values({ id, name, role, uscc: uscc ?? null, created_ms: createdMs })
        .execute();
    },
    async addApiKey(key) {
      await query.insertInto('api_keys').values(columnsOf(key)).execute();
    },
    replaceApiKey: (id, expiresMs, by, nowMs) =>
      query.transaction().execute(async (within) => {
        const { numUpdatedRows } = await within
          .updateTable('api_keys')
          .set({ expires_ms: expiresMs })
          .where('id', '=', id)
          .where('revoked_ms', 'is', null)
          .where((is) => is.or([is('expires_ms', 'is', null), is('expires_ms', '>', nowMs)]))
          .executeTakeFirst();
        if (numUpdatedRows === 0n) return false;
        await within.insertInto('api_keys').values(columnsOf(by)).execute();
        return true;
      }),
    async revokeApiKey(id, nowMs) {
      const { numUpdatedRows } = await query
        .updateTable('api_keys')
        .set({ revoked_ms: nowMs })
        .where('id', '=', id)
        .where('revoked_ms', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
  };
}

function columnsOf(key: ApiKey) {
  requireUuid(key.organization);
  return {
    id: key.id,
    organization: key.organization,
    label: key.label,
    secret_hash: credentialColumn(key),
    scopes: JSON.stringify(key.scopes),
    created_ms: key.createdMs,
    expires_ms: key.expiresMs ?? null,
    revoked_ms: key.revokedMs ?? null,
  };
}

const organizationOf = (row: OrganizationRow): Organization => ({
  id: row.id,
  name: row.name,
  role: row.role,
  uscc: row.uscc ?? undefined,
  createdMs: row.created_ms,
});

const keyOf = (row: KeyRow): ApiKey => ({
  id: row.id,
  organization: row.organization,
  label: row.label,
  ...credentialOf(row.secret_hash),
  scopes: row.scopes,
  createdMs: row.created_ms,
  expiresMs: row.expires_ms ?? undefined,
  revokedMs: row.revoked_ms ?? undefined,
});
