import type { ApiKey, Organization, OrganizationRole } from '../../ports/store.ts';
import { credentialColumn, credentialOf } from '../relational/rows.ts';
import { requireUuid, uuidBytes, uuidText } from '../relational/uuid.ts';
import type { Connection } from './connection.ts';
import type { Schema } from './schema.ts';
import { prepare } from './statements.ts';

/*
 * Nothing of this is kept in memory: the command line adds organizations and keys, and revokes them, while the
 * service runs.
 */
type OrganizationRow = Schema['organizations'];
type KeyRow = Schema['api_keys'];

export function openIdentityReads(db: Connection) {
  const all = prepare<object, OrganizationRow>(db, (query) =>
    query.selectFrom('organizations').selectAll().orderBy('created_ms').orderBy('id'),
  );
  const one = prepare<{ id: Uint8Array }, OrganizationRow>(db, (query, of) =>
    query.selectFrom('organizations').selectAll().where('id', '=', of.id),
  );
  const key = prepare<{ id: string }, KeyRow>(db, (query, of) =>
    query.selectFrom('api_keys').selectAll().where('id', '=', of.id),
  );
  const keys = prepare<object, KeyRow>(db, (query) =>
    query.selectFrom('api_keys').selectAll().orderBy('created_ms').orderBy('id'),
  );
  const keysOf = prepare<{ organization: Uint8Array }, KeyRow>(db, (query, of) =>
    query
      .selectFrom('api_keys')
      .selectAll()
      .where('organization', '=', of.organization)
      .orderBy('created_ms')
      .orderBy('id'),
  );
  return {
    organizations: (): readonly Organization[] => all.all({}).map(organizationOf),
    organization(text: string): Organization | undefined {
      const id = uuidBytes(text);
      const row = id && one.get({ id });
      return row && organizationOf(row);
    },
    apiKey(id: string): ApiKey | undefined {
      const row = key.get({ id });
      return row && keyOf(row);
    },
    apiKeys(text?: string): readonly ApiKey[] {
      if (text === undefined) return keys.all({}).map(keyOf);
      const organization = uuidBytes(text);
      return organization === undefined ? [] : keysOf.all({ organization }).map(keyOf);
    },
  };
}

export function openIdentityWrites(db: Connection) {
  const addOrganization = prepare<OrganizationRow>(db, (query, of) =>
    query
      .insertInto('organizations')
      .values({ id: of.id, name: of.name, role: of.role, uscc: of.uscc, created_ms: of.created_ms }),
  );
  const addKey = prepare<KeyRow>(db, (query, of) =>
    query.insertInto('api_keys').values({
      id: of.id,
      organization: of.organization,
      label: of.label,
      secret_hash: of.secret_hash,
      scopes: of.scopes,
      created_ms: of.created_ms,
      expires_ms: of.expires_ms,
      revoked_ms: of.revoked_ms,
    }),
  );
  const revoke = prepare<{ id: string; now: number }>(db, (query, of) =>
    query
      .updateTable('api_keys')
      .set({ revoked_ms: of.now })
      .where('id', '=', of.id)
      .where('revoked_ms', 'is', null),
  );
  const shorten = prepare<{ id: string; until: number; now: number }>(db, (query, of) =>
    query
      .updateTable('api_keys')
      .set({ expires_ms: of.until })
      .where('id', '=', of.id)
      .where('revoked_ms', 'is', null)
      .where((is) => is.or([is('expires_ms', 'is', null), is('expires_ms', '>', of.now)])),
  );
  function add(key: ApiKey): void {
    addKey.run({
      id: key.id,
      organization: requireUuid(key.organization),
      label: key.label,
      secret_hash: credentialColumn(key),
      scopes: JSON.stringify(key.scopes),
      created_ms: key.createdMs,
      expires_ms: key.expiresMs ?? null,
      revoked_ms: key.revokedMs ?? null,
    });
  }
  return {
    addOrganization({ id, name, role, uscc, createdMs }: Organization): void {
      addOrganization.run({ id: requireUuid(id), name, role, uscc: uscc ?? null, created_ms: createdMs });
    },
    addApiKey: add,
    replaceApiKey(id: string, expiresMs: number, by: ApiKey, nowMs: number): boolean {
      if (shorten.run({ id, until: expiresMs, now: nowMs }) !== 1) return false;
      add(by);
      return true;
    },
    revokeApiKey: (id: string, nowMs: number): boolean => revoke.run({ id, now: nowMs }) === 1,
  };
}

const organizationOf = (row: OrganizationRow): Organization => ({
  id: uuidText(row.id),
  name: row.name,
  role: row.role as OrganizationRole,
  uscc: row.uscc ?? undefined,
  createdMs: row.created_ms,
});

const keyOf = (row: KeyRow): ApiKey => ({
  id: row.id,
  organization: uuidText(row.organization),
  label: row.label,
  ...credentialOf(row.secret_hash),
  scopes: JSON.parse(row.scopes) as string[],
  createdMs: row.created_ms,
  expiresMs: row.expires_ms ?? undefined,
  revokedMs: row.revoked_ms ?? undefined,
});
