import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { look } from '../audit/installation.ts';
import { type Browser, demoOf, signedIn } from '../support/browser.ts';
import { cli } from '../support/cli.ts';
import { opened, squeezed, whyNoPoppler } from '../support/poppler.ts';
import { body, certificateOf, form, hashOnly, run } from '../support/running.ts';
import { databaseOf, storageFor } from '../support/storage.ts';

/* Reading by the operator's staff, as a whole service does it. */

const skip = whyNoPoppler();
t.setTimeout(180_000);
const service = await run();
t.teardown(() => service.stop());
const [holder, other] = service.keys;
const operator = await signedIn(service, 'operator');
const owner: string = (await body(service.call('/v1/me'))).depositor.id;

const photo = randomBytes(5_000);
const upload = form({ title: '被读取的证据' }, [{ name: '照片.jpg', bytes: photo, type: 'image/jpeg' }]);
const { id } = await body(service.call('/v1/evidence', { method: 'POST', body: upload }));
const unread = await body(service.call('/v1/evidence', { json: hashOnly(1) }));

const placeOf = (evidence: string, organization = owner) =>
  `/v1/organizations/${organization}/evidence/${evidence}`;
const withReason = (path: string, reason: string) => `${path}?reason=${encodeURIComponent(reason)}`;
const accesses = async (of = id) => (await body(service.call(`/v1/evidence/${of}/accesses`))).items;
const me: string = (await operator.json('/v1/session')).person.id;

t.test('without a reason nothing is read, and nothing is written down', async (t) => {
  const place = placeOf(id);
  const reasons = ['', ' ', '　', '两\n行', '\u0007', '长'.repeat(501), '\u2028'];
  const bad = [place, ...reasons.map((reason) => withReason(place, reason))];
  for (const path of bad)
    for (const what of ['', '/certificate', '/files/0']) {
      const [before, query] = path.split('?');
      const said = await operator.json(`${before}${what}${query === undefined ? '' : `?${query}`}`);
      t.match(said, { code: 'request-invalid', status: 400 }, path + what);
    }
  for (const header of ['', '%20', '%E0%A4%A', '%ED%A0%80']) {
    const said = await operator.json(place, { headers: { 'x-kezheng-reason': header } });
    t.match(said, { code: 'request-invalid', status: 400 }, header);
  }
  t.strictSame(await accesses(), []);
  const none = await body(service.call(`/v1/evidence/${id}/accesses`));
  t.strictSame(none, { items: [], next: null, head: null });
});

t.test('the owner’s own reading leaves no event, by key and by person', async (t) => {
  const person = await signedIn(service, 'holder-a');
  t.equal((await person.call(`/v1/evidence/${id}`)).status, 200);
  t.equal((await service.call(`/v1/evidence/${id}/files/0`)).status, 200);
  t.strictSame(await accesses(), []);
});

t.test('each reading is seen by its owner: who, when, what, why, and under which leaf', async (t) => {
  const state = await operator.json(withReason(placeOf(id), '处理工单 7'));
  t.equal(state.id, id);
  const headers = { 'x-kezheng-reason': encodeURIComponent('复核原件') };
  const file = await operator.call(`${placeOf(id)}/files/0`, { headers });
  t.ok(Buffer.from(await file.arrayBuffer()).equals(photo));
  await certificateOf(service, id);
  const answer = await operator.call(withReason(`${placeOf(id)}/certificate`, 'c'.repeat(500)));
  t.equal((await body(answer)).format, 'kezheng-certificate/1');
  const by = { person: me, role: 'admin' };
  const said = await body(service.call(`/v1/evidence/${id}/accesses`));
  t.match(said.items, [
    { index: 0, ...by, what: 'evidence', reason: '处理工单 7' },
    { index: 1, ...by, what: 'files/0', reason: '复核原件' },
    { index: 2, ...by, what: 'certificate', reason: 'c'.repeat(500) },
  ]);
  t.match(said.head, { case: id, count: 3, last: said.items[2].leafHash, state: 'read' });
  t.equal(said.next, null);
  const rest = await body(service.call(`/v1/evidence/${id}/accesses?from=2`));
  t.strictSame(rest.items, said.items.slice(2));
  t.strictSame((await body(service.call(`/v1/evidence/${id}/accesses?from=3`))).items, []);
  t.equal((await service.call(`/v1/evidence/${unread.id}/accesses`)).status, 200);
});

t.test('too early a certificate is refused, and the attempt is on record all the same', async (t) => {
  const fresh = await body(service.call('/v1/evidence', { json: hashOnly(77) }));
  const answer = await operator.json(withReason(`${placeOf(fresh.id)}/certificate`, '太早'));
  t.equal(answer.code, 'certificate-not-ready');
  t.match(await accesses(fresh.id), [{ what: 'certificate', reason: '太早' }]);
  const missing = await operator.json(withReason(`${placeOf(fresh.id)}/files/0`, '仅摘要'));
  t.equal(missing.code, 'file-not-stored');
  t.equal((await accesses(fresh.id)).length, 2);
});

t.test('what is not there, or is another’s, is the same 404, and leaves no event', async (t) => {
  const never = '019ab1c2-0000-7000-8000-00000000ffff';
  const others: string = (await body(service.call('/v1/me', { key: other }))).depositor.id;
  const before = await accesses();
  const bodies = await Promise.all(
    [placeOf(never), placeOf(id, others), placeOf(id, never)].map(async (path) =>
      (await operator.call(withReason(path, '猜'))).text(),
    ),
  );
  t.equal(new Set(bodies).size, 1);
  t.match(JSON.parse(bodies[0]!), { code: 'not-found' });
  t.strictSame(await accesses(), before);
  for (const path of [`/v1/evidence/${id}/accesses`, `/v1/evidence/${id}/accesses/package.zip`]) {
    const own = await (await service.call(path, { key: other })).text();
    t.equal(own, await (await service.call(path.replace(id, never))).text(), path);
  }
});

t.test('the events of readings are entries of the log, and no evidence that could be read', async (t) => {
  const database = await databaseOf(service.dataDir);
  const [event] = await database.store.caseEvents(id, 0, 1);
  const { id: eventId } = JSON.parse(event!.entry);
  const events = (await database.store.organizations()).map((one) => one.id);
  await database.close();
  for (const organization of events) {
    const said = await operator.json(withReason(placeOf(eventId, organization), '猜'));
    t.equal(said.code, 'not-found');
  }
});

t.test('nobody but the operator’s people may, and no machine at all', async (t) => {
  const path = withReason(placeOf(id), '想看看');
  const before = await accesses();
  for (const { role, apiKey } of demoOf(service)) {
    const said = await body(service.call(path, { key: apiKey }));
    t.match(said, { code: 'not-allowed', status: 403 }, `a key of ${role}`);
  }
  for (const login of ['holder-a', 'holder-b', 'lawyer', 'notary-admin', 'court', 'department'])
    t.equal((await (await signedIn(service, login)).json(path)).code, 'not-allowed', login);
  t.equal((await operator.call(path, { method: 'HEAD' })).status, 404, 'a HEAD is no way around');
  t.strictSame(await accesses(), before);
});

t.test('readings at the same moment are all on record', async (t) => {
  const reasons = Array.from({ length: 5 }, (_, i) => `同时 ${i}`);
  const before = (await accesses(unread.id)).length;
  const answers = await Promise.all(
    reasons.map((reason) => operator.call(withReason(placeOf(unread.id), reason))),
  );
  const done = reasons.filter((_, i) => answers[i]!.status === 200);
  const said = (await accesses(unread.id)).slice(before).map(({ reason }: { reason: string }) => reason);
  t.strictSame(said.toSorted(), done, 'as many as were answered, and no other');
  t.ok(done.length > 0);
});

t.test('a chain of readings is no case: nobody finds it there or acts in it', async (t) => {
  const list = await body(service.call('/v1/cases'));
  t.strictSame(list, { items: [], next: null });
  for (const rest of ['', '/events', '/head', '/package.zip'])
    t.equal((await service.call(`/v1/cases/${id}${rest}`)).status, 404, rest);
  const acted = await service.call(`/v1/cases/${id}/actions/read`, { json: {} });
  t.equal(acted.status, 404);
});

const paperOf = async (evidence: string) => {
  await certificateOf(service, evidence);
  const answer = await service.call(`/v1/evidence/${evidence}/certificate.pdf`);
  return opened(Buffer.from(await answer.arrayBuffer()));
};

t.test('the certificate on paper counts them, and says when the last one was', { skip }, async (t) => {
  const items = await accesses();
  const text = squeezed((await paperOf(id)).text());
  t.match(text, `${items.length}次（至本文件签章时），最近一次：`);
  t.ok(text.includes(items.at(-1).at.replace('T', '').slice(0, -1)), 'and the time of the last');
  t.match(text, squeezed('中立性：运营方人员读取本证据的次数（以日志中的事件为准）'));
  const quiet = await body(service.call('/v1/evidence', { json: hashOnly(99) }));
  t.match(squeezed((await paperOf(quiet.id)).text()), '无记录（至本文件签章时）');
});

t.test('the owner takes the readings with him, and the same checker checks them', async (t) => {
  const folder = t.testdir();
  const [file, head] = [join(folder, 'accesses.zip'), join(folder, 'head.json')];
  const answer = await service.call(`/v1/evidence/${id}/accesses/package.zip`);
  t.match(answer.headers.get('content-disposition'), `accesses-${id}.zip`);
  writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
  writeFileSync(head, JSON.stringify((await body(service.call(`/v1/evidence/${id}/accesses`))).head));
  const node = readFileSync(join(service.dataDir, 'chain', 'node.url'), 'utf8').trim();
  const trust = join(service.dataDir, 'trust.json');
  const checked = await cli(['verify', file, '--trust', trust, '--rpc', node, '--head', head, '--json']);
  const report = JSON.parse(checked.out);
  t.not(report.verdict, 'invalid', checked.out + checked.err);
  t.equal((await service.call(`/v1/evidence/${unread.id}x/accesses/package.zip`)).status, 400);
});

t.test('fsck is content with the chains of readings', async (t) => {
  const node = readFileSync(join(service.dataDir, 'chain', 'node.url'), 'utf8').trim();
  const { told } = await look(service.dataDir, { rpcUrl: node, storage: await storageFor(service.dataDir) });
  t.strictSame(told, []);
});

t.test(
  'a person learns as a key does what he has to sign, and whoever deposits nothing does not',
  async (t) => {
    const byKey = await body(service.call('/v1/me', { key: holder }));
    const person: Browser = await signedIn(service, 'holder-a');
    t.strictSame(await person.json('/v1/me'), byKey);
    t.equal((await (await signedIn(service, 'notary')).json('/v1/me')).depositor.name, '示范公证处');
    t.equal((await operator.json('/v1/me')).code, 'not-allowed');
  },
);
