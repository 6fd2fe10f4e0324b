import type { Migration } from 'kysely/migration';
import t from 'tap';
import { MIGRATIONS, migrate } from '../../../server/adapters/postgres/migrate.ts';
import { openPostgres } from '../../../server/adapters/postgres/open.ts';
import type { Store } from '../../../server/ports/store.ts';
import { entryOf, fingerprintOf, idAt, logOf, NOW_MS } from '../../suites/sample.ts';
import { freshDatabase, sharedPostgres, whyNoPostgres } from '../../support/postgres.ts';

const skip = whyNoPostgres();
const clock = { nowMs: () => NOW_MS };
const allowUnsyncedForTests = true;

const ORGANIZATION = idAt(NOW_MS);
const ENTRIES = [1, 2, 3].map((n) => entryOf(ORGANIZATION, { entry: `{"n":${n},"title":"证据"}` }));
const LOG = logOf();
const SHA256 = 'ab'.repeat(32);

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const bytes = (hex: string): string => `'\\x${hex}'`;
const depositSql = (entry: (typeof ENTRIES)[number], key: string): string =>
  `select deposit_group(array[${literal(entry.id)}]::uuid[], array[${literal(ORGANIZATION)}]::uuid[],
    array[${entry.receivedMs}]::bigint[], array[${bytes(Buffer.from(entry.leaf).toString('hex'))}]::bytea[],
    array[${literal(entry.entry)}]::text[], array[${bytes(entry.fileDigests.join(''))}]::bytea[],
    array[${literal(key)}]::text[], array[${bytes(fingerprintOf(key))}]::bytea[]);`;

/**
 * What each version could hold, written as it was written then, and what must be there after an upgrade. A new
 * migration gets a line here: the test below says so.
 */
const HISTORY: Readonly<Record<string, { fill: string; check(t: Tap, store: Store): Promise<void> }>> = {
  '0001-first': {
    fill: `insert into organizations values (${literal(ORGANIZATION)}, '甲', 'notary', null, 1);
      insert into api_keys values ('k', ${literal(ORGANIZATION)}, 'l', 'ff', '["evidence:read"]', 1, null, null);
      ${ENTRIES.map((entry, i) => depositSql(entry, `key ${i}`)).join('\n')}
      select seal_batch(1, 2, 'aa', 5);
      insert into logs (chain_id, genesis_hash, contract, operator)
        values (${LOG.chainId}, '${LOG.genesisHash}', '${LOG.contract}', '${LOG.operator}');
      insert into anchors (batch, log, log_index, state, transaction_hash, block_number, block_hash, block_time,
        confirmations, required, final_ms, proof)
        values (1, 1, 0, 'final', '0x1', 2, '0x3', 4, 5, 5, 6, '{"type":"ethereum-header/1"}');
      insert into attempts (anchor, transaction_hash, raw, nonce, max_fee_per_gas, max_priority_fee_per_gas, signed_ms)
        values (1, '0x1', '0x02', 7, '8', '9', 10);
      insert into anchor_events (anchor, at_ms, event, detail) values (1, 1, 'planned', '{"index":0}');
      update batches set progress = 3;
      insert into certificates values (1, 1, 11, '["31337:0x3"]', ${bytes('7b7d')});
      insert into serials values (1, 2026, 1);
      insert into bulk_calls values (${literal(ORGANIZATION)}, 'bulk', ${bytes(fingerprintOf('bulk'))}, 'note', 1, 2,
        ${NOW_MS});`,
    async check(t, store) {
      t.match(await store.organizations(), [{ id: ORGANIZATION, name: '甲', role: 'notary' }]);
      t.match(await store.apiKey('k'), { organization: ORGANIZATION, scopes: ['evidence:read'] });
      for (const [i, { id, entry, leaf, fileDigests }] of ENTRIES.entries()) {
        const found = await store.evidence(ORGANIZATION, id);
        t.match(found, { sequence: i + 1, entry });
        t.same(Buffer.from(found!.leaf), Buffer.from(leaf));
        const page = await store.listEvidence(ORGANIZATION, { sha256: fileDigests[0]! }, { limit: 2 });
        t.match(page.items, [{ id, state: i < 2 ? 'anchored' : 'received' }]);
        const claim = { key: `key ${i}`, fingerprint: fingerprintOf(`key ${i}`) };
        t.match(await store.deposit(entryOf(ORGANIZATION), claim), { outcome: 'replayed', stored: { id } });
      }
      t.match(await store.batch(1), { firstSequence: 1, lastSequence: 2, root: 'aa', sealedMs: 5 });
      t.match(await store.anchorsOfLog(LOG, 0, 9), [
        { state: 'final', proof: { type: 'ethereum-header/1' } },
      ]);
      t.match(await store.attempts(1), [{ raw: '0x02', nonce: 7, signedMs: 10 }]);
      t.match(await store.historyOfBatch(1), [{ event: 'planned', detail: { index: 0 } }]);
      t.match(await store.certificate(1), { issuedMs: 11, anchorKeys: ['31337:0x3'] });
      t.same(await store.certificateSerial(1, 2027), { year: 2026, serial: 1 });
      const bulk = { key: 'bulk', fingerprint: fingerprintOf('bulk'), note: '', nowMs: NOW_MS };
      const replayed = await store.depositMany(ORGANIZATION, [], bulk);
      t.match(replayed, { outcome: 'replayed', note: 'note', entries: [{ id: ENTRIES[0]!.id }, {}] });
      t.equal((await store.pending()).count, 1);
      t.match(await store.deposit(entryOf(ORGANIZATION)), { outcome: 'stored', sequence: 4 });
      t.match(await store.seal({ firstSequence: 3, size: 2, root: 'bb', nowMs: 1 }), { number: 2 });
      t.match(await store.planAnchor(LOG, 1), { batch: 2, index: 1 });
    },
  },
  '0002-fixity': {
    fill: `insert into fixity values (${bytes(SHA256)}, ${bytes(SHA256)}, 3, 'missing', 4, null);
      update fixity_state set listed_through = 1;`,
    async check(t, store) {
      t.match(await store.fixityOf([SHA256]), [{ result: 'missing', checkedMs: 4 }]);
      t.match((await store.unlistedEntries(1, 'title')).entries, [{ sequence: 2 }]);
    },
  },
  '0003-stamps': {
    fill: `insert into stamps values (1, 1, ${bytes('aa')}), (2, 2, null);
      insert into signers values ('${SHA256}', '["AQ=="]');
      update stamp_state set reserved_ms = 7;`,
    async check(t, store) {
      t.match(await store.stampOf(1), { count: 1, token: Uint8Array.of(0xaa) });
      t.match(await store.stampOf(3), { firstSequence: 2, count: 2, token: undefined });
      t.match(await store.waitingStamps(2), [{ firstSequence: 2, count: 2 }]);
      t.same(await store.signers(), [{ id: SHA256, chain: [Uint8Array.of(1)] }]);
      t.equal(await store.reserveTime(0), 7);
    },
  },
  '0004-authorities': {
    fill: `insert into authorities values ('http://a.example/', 2);
      insert into token_evidence values ('${SHA256}', 'crl', ${bytes('bb')});
      insert into batch_tokens values (3, 1, 'http://a.example/', '甲', 5, '0x6', '0x7', 8, ${bytes('cc')},
        '["${SHA256}"]', 9);`,
    async check(t, store) {
      t.same(await store.askedAuthorities(), [{ url: 'http://a.example/', nextBatch: 2 }]);
      t.match(await store.batchTokens(1), [
        { label: '甲', log: { chainId: 5, index: 8 }, sequence: 3, evidence: [SHA256], receivedMs: 9 },
      ]);
      t.same(await store.tokenEvidence([SHA256]), [{ kind: 'crl', value: Uint8Array.of(0xbb) }]);
    },
  },
  '0005-people': {
    fill: `insert into persons values ('p', 'li', '李', '$argon2id$', ${bytes('01')}, 5, 1, null);
      insert into sign_in_failures values ('p', 3, 9, 8);
      insert into memberships values ('p', 'o', '["admin"]', 1, null);
      insert into membership_changes values ('o', 1);
      insert into invitations values ('i', 'o', null, '["member"]', '王', '${SHA256}', 'p', 1, ${NOW_MS}, null, null);
      insert into sessions values ('${SHA256}', 'p', 'o', 1, 2, ${2 * NOW_MS}, 3, '["password"]');
      insert into passkeys values ('c', 'p', ${bytes('02')}, 7, '["usb"]', '钥匙', 1, null);
      insert into recovery_codes values ('p', 'ff');
      insert into subjects values ('https://a.example', 's', 'p', 1);
      insert into tickets values ('${SHA256}', 'second-factor', 'p', '{}', ${2 * NOW_MS});
      insert into account_events (person, organization, at_ms, action, detail)
        values ('p', 'o', 4, 'signed-in', '{}');
      insert into identity_numbers values ('n', 'o', 'resident', '3302**', ${bytes('03')}, 1, null);
      insert into key_uses values ('k', 6);
      insert into key_makers values ('k', 'p', 'o');
      insert into second_factor_demands values ('o', 7);`,
    async check(t, store) {
      t.match(await store.personByLogin('li'), { id: 'p', totp: Uint8Array.of(1), totpStep: 5 });
      t.match(await store.membersOf('o'), [{ person: 'p', roles: ['admin'], name: '李' }]);
      t.equal(await store.setMembership({ ...(await store.membershipsOf('p'))[0]!, roles: [] }, 9), false);
      t.match(await store.invitationByToken(SHA256), { id: 'i', note: '王' });
      t.match(await store.session(SHA256), { person: 'p', seenMs: 2, roles: ['admin'] });
      t.match(await store.passkeysOf('p'), [{ id: 'c', counter: 7, transports: ['usb'] }]);
      t.equal(await store.useRecoveryCode('p', 'ff'), true);
      t.equal(await store.personBySubject('https://a.example', 's'), 'p');
      t.match(await store.takeTicket(SHA256, 'second-factor', NOW_MS), { person: 'p' });
      t.match(await store.accountEvents({ person: 'p' }, { limit: 2 }), [{ atMs: 4, action: 'signed-in' }]);
      t.match(await store.identityNumber('n'), { masked: '3302**', sealed: Uint8Array.of(3) });
      t.same(await store.keyUses(['k', 'none']), [6, undefined]);
      t.same(await store.keysMadeBy('p', 'o'), ['k']);
    },
  },
  '0006-cases': {
    fill: `insert into cases values ('c', 'notarization/1', 'draft', 'o', '{}', '[]', 1, 2, 3, 1, '${SHA256}');
      insert into case_parties values ('c', 'o', 'applicant', null);
      insert into case_events values ('c', 0, 2, '${SHA256}', '{"a":1}');
      insert into case_serials values ('s', 'c', 4);
      insert into case_claims values ('o', 'k', 'f', 'c', 9);
      insert into deeds values ('n', 'o', 'c', '${SHA256}', 'valid', 5, null, '${SHA256}', '[]');
      insert into case_papers values ('c', 'code', '{"a":1}', ${bytes('aa')});`,
    async check(t, store) {
      t.match(await store.paper('c', 'code'), { about: '{"a":1}', bytes: Uint8Array.of(0xaa) });
      t.match(await store.caseById('c'), { state: 'draft', dueMs: 3, events: 1, last: SHA256 });
      t.same(await store.partiesOf('c'), [{ organization: 'o', part: 'applicant', untilMs: undefined }]);
      t.match(await store.caseEvents('c', 0, 1), [{ sequence: 2, content: '{"a":1}' }]);
      t.equal(await store.takeSerial('s', 'd'), 5);
      const claim = { organization: 'o', key: 'k', fingerprint: 'f', nowMs: 10 };
      t.same(await store.claimedCase(claim), { replayed: 'c' });
      t.match(await store.deedByNumber('n'), { case: 'c', state: 'valid' });
    },
  },
  '0007-webhooks': {
    fill: `insert into webhooks values ('w', 'o', 1, 'https://a.example/', '', '["*"]', ${bytes('aa')}, ${bytes('bb')},
        2, 3, null, null, 4, 5, 1);
      insert into webhook_messages values ('m', 'o', 'webhook.test', 6, '{}');
      insert into webhook_deliveries values ('d', 'w', 1, 'm', 'waiting', 1, 1, 7, 6, null);
      insert into webhook_attempts values ('d', 1, 6, 8, 500, null);`,
    async check(t, store) {
      t.match(await store.webhook('o', 'w'), {
        types: ['*'],
        secret: Uint8Array.of(0xaa),
        previous: { secret: Uint8Array.of(0xbb), untilMs: 2 },
        failingSinceMs: 4,
      });
      const found = await store.nextDelivery('w', 7);
      t.match(found, { delivery: { id: 'd', number: 1, tries: 1 }, message: { data: '{}', atMs: 6 } });
      t.match(await store.delivery('w', 'd'), { attempts: [{ status: 500, durationMs: 8 }] });
      t.equal(await store.webhookCursor('cases'), 3, 'what was there before is told to nobody');
      t.equal(await store.webhookCursor('batched'), 2);
      t.equal(await store.webhookCursor('certified'), 2);
    },
  },
};

type Tap = typeof t;

const names = Object.keys(MIGRATIONS);

t.test('every version has something that an upgrade must keep', { skip }, async (t) => {
  t.same(Object.keys(HISTORY), names);
});

for (const [i, version] of names.entries())
  t.test(`what a database of version ${version} holds is there after an upgrade`, { skip }, async (t) => {
    const url = await freshDatabase();
    const server = await sharedPostgres();
    const older = names.slice(0, i + 1);
    // Each is filled when it was the newest: a later one may take away what filled it.
    for (const [n, name] of older.entries()) {
      const known = Object.fromEntries(older.slice(0, n + 1).map((one) => [one, MIGRATIONS[one]!]));
      await migrate({ url, allowUnsyncedForTests }, known);
      await server.sql(HISTORY[name]!.fill, url);
    }
    const { store, close } = await openPostgres({ url, clock, allowUnsyncedForTests });
    t.teardown(close);
    for (const name of older) await HISTORY[name]!.check(t as never, store);
    const made = await server.sql<{ name: string }>('select name from kysely_migration order by name', url);
    t.same(
      made.map((row) => row.name),
      names,
    );
  });

t.test('instances that start at once migrate once', { skip }, async (t) => {
  const url = await freshDatabase();
  const slow: Migration = {
    async up(db) {
      await MIGRATIONS[names[0]!]!.up(db);
      await new Promise((resolve) => setTimeout(resolve, 500));
    },
  };
  const all = { ...MIGRATIONS, [names[0]!]: slow };
  await Promise.all(
    [1, 2, 3, 4].map(async (n) => {
      await migrate({ url, allowUnsyncedForTests }, all);
      if (n > 2) await (await openPostgres({ url, clock, allowUnsyncedForTests })).close();
    }),
  );
  const rows = await (await sharedPostgres()).sql('select from kysely_migration', url);
  t.equal(rows.length, names.length);
});

t.test('a migration that fails leaves the older version whole, and says why', { skip }, async (t) => {
  const url = await freshDatabase();
  const options = { url, clock, allowUnsyncedForTests };
  const half = (statement: string): Migration => ({
    async up(db) {
      await db.schema.createTable('half').addColumn('a', 'integer').execute();
      await db.schema.createIndex(statement).on('half').column('nowhere').execute();
    },
  });
  await t.rejects(migrate(options, { ...MIGRATIONS, '9998-half': half('x') }), /nowhere/);
  const [row] = await (await sharedPostgres()).sql<{ found: string | null }>(
    "select to_regclass('organizations') as found",
    url,
  );
  t.equal(row!.found, null, 'all is one transaction');
  await migrate(options);
  await t.rejects(migrate(options, { ...MIGRATIONS, '9998-half': half('x') }), /nowhere/);
  await (await openPostgres(options)).close();
});

t.test('a database of a newer version is refused by name', { skip }, async (t) => {
  const url = await freshDatabase();
  const options = { url, clock, allowUnsyncedForTests };
  await migrate(options, { ...MIGRATIONS, '9999-later': { up: async () => {} } });
  await t.rejects(openPostgres(options), /newer version.*9999-later/);
});
