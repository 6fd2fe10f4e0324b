import type { Test } from 'tap';
import type { ApiKey, Store } from '../../server/ports/store.ts';
import { addOrganization, digest, entryOf, idAt, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

async function sequences(store: Store, count: number): Promise<number[]> {
  const organization = await addOrganization(store);
  const made: number[] = [];
  for (let n = 0; n < count; n++) {
    const outcome = await store.deposit(entryOf(organization));
    if (outcome.outcome === 'stored') made.push(outcome.sequence);
  }
  return made;
}

const keyOf = (organization: string, given: Partial<ApiKey> = {}): ApiKey => ({
  id: idAt(NOW_MS),
  organization,
  label: 'scanner',
  secretHash: digest(),
  scopes: ['evidence:write', 'evidence:read'],
  createdMs: NOW_MS,
  expiresMs: undefined,
  revokedMs: undefined,
  ...given,
});

export async function certificateAndIdentityGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('a certificate has one serial for ever, and serials of a year have no gaps', async (t) => {
    const { store, reopen } = await open(t);
    const [a, b, c] = await sequences(store, 3);
    const given = await Promise.all([a!, b!, a!].map((sequence) => store.certificateSerial(sequence, 2026)));
    t.same(given, [
      { year: 2026, serial: 1 },
      { year: 2026, serial: 2 },
      { year: 2026, serial: 1 },
    ]);
    const later = await reopen();
    t.same(await later.certificateSerial(a!, 2027), { year: 2026, serial: 1 });
    t.same(await later.certificateSerial(c!, 2027), { year: 2027, serial: 1 });
    await t.rejects(later.certificateSerial(c! + 1, 2027));
  });

  t.test('a revision of a certificate is kept once, byte for byte, and the newest is read', async (t) => {
    const { store } = await open(t);
    const [sequence] = await sequences(store, 1);
    const made = (revision: number, text: string) => ({
      sequence: sequence!,
      revision,
      issuedMs: NOW_MS,
      anchorKeys: ['31337:0xaa', '1:0xbb'],
      bytes: new Uint8Array(Buffer.from(text)),
    });
    t.equal(await store.certificate(sequence!), undefined);
    const [first, second] = await Promise.all([
      store.keepCertificate(made(1, 'first')),
      store.keepCertificate(made(1, 'other')),
    ]);
    t.same(first, made(1, 'first'));
    t.same(second, made(1, 'first'));
    await store.keepCertificate(made(2, 'second'));
    t.same(await store.certificate(sequence!), made(2, 'second'));
  });

  t.test('organizations are kept as given', async (t) => {
    const { store, reopen } = await open(t);
    const one = { id: idAt(1), name: '甲公司', role: 'notary', uscc: '91110000MA', createdMs: 1 } as const;
    const two = { id: idAt(2), name: '乙', role: 'depositor', uscc: undefined, createdMs: 2 } as const;
    await store.addOrganization(two);
    await store.addOrganization(one);
    await t.rejects(store.addOrganization(one));
    await t.rejects(store.addOrganization({ ...one, id: 'x' }));
    const later = await reopen();
    t.same(await later.organizations(), [one, two]);
    t.same(await later.organization(one.id), one);
    t.equal(await later.organization(idAt(3)), undefined);
    t.equal(await later.organization('x'), undefined);
  });

  t.test('keys are found by id, belong to an organization that exists, and are revoked once', async (t) => {
    const { store } = await open(t);
    const [owner, other] = [await addOrganization(store), await addOrganization(store)];
    const key = keyOf(owner, { expiresMs: NOW_MS + 1 });
    await store.addApiKey(key);
    await store.addApiKey(keyOf(other));
    await t.rejects(store.addApiKey(keyOf(idAt(1))));
    t.same(await store.apiKey(key.id), key);
    t.same(await store.apiKeys(owner), [key]);
    t.same(await store.apiKeys('x'), []);
    t.equal((await store.apiKeys()).length, 2);
    const signing = { ...keyOf(owner), id: idAt(7), secretHash: '', publicKey: 'MCowBQYDK2VwAyEA+/==' };
    await store.addApiKey(signing);
    t.same(await store.apiKey(signing.id), signing);
    const [old, next] = [keyOf(owner), keyOf(owner)];
    await store.addApiKey(old);
    t.equal(await store.replaceApiKey(old.id, NOW_MS + 5, next, NOW_MS), true);
    t.match(await store.apiKey(old.id), { expiresMs: NOW_MS + 5, revokedMs: undefined });
    t.strictSame(await store.apiKey(next.id), next);
    t.equal(await store.replaceApiKey(old.id, NOW_MS + 9, keyOf(owner), NOW_MS + 5), false, 'it is over');
    t.equal(await store.replaceApiKey('nobody', NOW_MS, keyOf(owner), NOW_MS), false);
    await t.rejects(store.replaceApiKey(next.id, NOW_MS + 5, old, NOW_MS), 'both or neither');
    t.equal((await store.apiKey(next.id))?.expiresMs, next.expiresMs);
    const revoked = await Promise.all([1, 2].map((ms) => store.revokeApiKey(key.id, NOW_MS + ms)));
    t.same(revoked, [true, false]);
    t.same(await store.apiKey(key.id), { ...key, revokedMs: NOW_MS + 1 });
    t.equal(await store.revokeApiKey('nobody', 1), false);
    t.equal(await store.apiKey('nobody'), undefined);
  });
}
