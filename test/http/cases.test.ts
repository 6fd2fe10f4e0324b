import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ACCEPT, act, applicationOf, castOf, itemOf, open, readyToAccept } from '../support/cases.ts';
import { cli } from '../support/cli.ts';
import { body, run } from '../support/running.ts';

t.setTimeout(240_000);
const service = await run();
t.teardown(() => service.stop());
const cast = await castOf(service);
const { applicant, stranger, notary, court, assistant } = cast;
const item = await itemOf(cast, '涉嫌侵权商品页面');

const NO_SUCH = '01890000-0000-7000-8000-000000000001';

t.test('an application is a case; whoever has no part in it cannot tell that there is one', async (t) => {
  const made = await open(applicant, applicationOf(cast, [item]));
  t.match(made, {
    state: 'draft',
    procedure: 'notarization/1',
    head: { count: 1, format: 'kezheng-case-head/1' },
  });
  t.match(await applicant.json(`/v1/cases/${made.id}`), {
    state: 'draft',
    stateText: { zh: String, en: String },
    data: { application: { purpose: '诉讼' } },
    possible: [{ action: String, allowed: Boolean, name: { zh: String } }],
  });
  for (const path of ['', '/events', '/head', '/package.zip', `/evidence/${item.id}`])
    for (const method of ['GET'] as const) {
      const foreign = await stranger.call(`/v1/cases/${made.id}${path}`, { method });
      const never = await stranger.call(`/v1/cases/${NO_SUCH}${path}`, { method });
      t.equal(foreign.status, 404, path);
      t.equal(await foreign.text(), await never.text(), 'the same as of one that never was');
    }
  t.match(await act(stranger, made.id, 'submit'), { code: 'not-found' });
  t.match((await stranger.json('/v1/cases')).items, []);
  t.match(
    (await applicant.json('/v1/cases?state=draft')).items.map(({ id }: { id: string }) => id),
    [made.id],
  );
  t.match((await notary.json('/v1/cases?part=office')).items[0], { id: made.id }, 'the office finds it');
});

t.test('the same request under the same key opens one case', async (t) => {
  const json = { procedure: 'notarization/1', input: { application: applicationOf(cast, [item]) } };
  const headers = { 'idempotency-key': 'open-1' };
  const first = await applicant.json('/v1/cases', { json, headers });
  await act(applicant, first.id, 'submit');
  const again = await applicant.call('/v1/cases', { json, headers });
  t.equal(again.status, 201);
  t.equal(again.headers.get('idempotent-replayed'), 'true');
  t.match(await body(again), { id: first.id, state: 'submitted', events: 2 }, 'as it is by now');
  const other = { ...json, input: { application: applicationOf(cast, []) } };
  t.match(await applicant.json('/v1/cases', { json: other, headers }), { code: 'idempotency-key-reused' });
  t.not((await stranger.json('/v1/cases', { json, headers })).id, first.id, 'another’s key is his own');
});

t.test('a refused action says which guard, why, and what is possible; it changes nothing', async (t) => {
  const { id } = await open(applicant, applicationOf(cast, []));
  const refused = await act(applicant, id, 'submit');
  t.match(refused, {
    code: 'action-refused',
    status: 409,
    refusal: { code: 'guard', guard: 'evidence-chosen', zh: String, en: String, possible: Array },
  });
  t.match(await act(applicant, id, 'accept', ACCEPT), { refusal: { code: 'state-wrong' } });
  t.match(await act(notary, id, 'discard'), { refusal: { code: 'not-yours' } });
  t.match(await act(applicant, id, 'amend', { application: {} }), {
    code: 'action-input-invalid',
    status: 422,
    refusal: { detail: { at: String } },
  });
  t.match(await act(applicant, id, 'no-such'), { code: 'not-found' });
  t.equal((await applicant.json(`/v1/cases/${id}`)).events, 1);
  t.equal((await applicant.json(`/v1/cases/${id}/events`)).items.length, 1);
});

t.test('of many who act at once each is judged by what the others did', async (t) => {
  const { id } = await open(applicant, applicationOf(cast, [item]));
  const answers = await Promise.all(Array.from({ length: 8 }, () => act(applicant, id, 'submit')));
  t.equal(answers.filter(({ state }) => state === 'submitted').length, 1, 'submitted once');
  const others = answers.filter(({ state }) => state !== 'submitted');
  t.ok(
    others.every(({ refusal }) => refusal.code === 'state-wrong'),
    'the others find it submitted',
  );
  const notes = await Promise.all(
    Array.from({ length: 6 }, (_, i) => act(assistant, id, 'request-correction', { points: [`第${i}`] })),
  );
  t.equal(notes.filter(({ state }) => state === 'correction').length, 1);
  t.equal((await applicant.json(`/v1/cases/${id}`)).events, 3);
});

t.test(
  'evidence is checked at acceptance: damaged, missing or other than named, it is refused',
  async (t) => {
    const fresh = await itemOf(cast, '将被损坏的证据');
    const id = await readyToAccept(cast, [item, fresh]);
    const { sha256 } = fresh.files[0]!;
    const folder = join(service.dataDir, 'blobs');
    const path = join(
      folder,
      (readdirSync(folder, { recursive: true }) as string[]).find((name) => name.endsWith(sha256))!,
    );
    const whole = readFileSync(path);
    rmSync(path);
    writeFileSync(
      path,
      whole.map((byte, i) => (i === 0 ? byte ^ 1 : byte)),
    );
    t.match(await act(notary, id, 'accept', ACCEPT), {
      refusal: { guard: 'evidence-verified', detail: { id: fresh.id } },
    });
    const { items } = await notary.json(`/v1/cases/${id}/checks`, { method: 'POST', json: {} });
    t.match(
      items.map(({ verdict }: { verdict: string }) => verdict),
      ['valid', 'invalid'],
    );
    rmSync(path);
    t.match(await act(notary, id, 'accept', ACCEPT), { refusal: { guard: 'evidence-verified' } });
    writeFileSync(path, whole);
    t.match(await act(notary, id, 'accept', ACCEPT), { state: 'accepted', clocks: [{ name: 'issue' }] });
    const other = await readyToAccept(cast, [{ ...item, leaf: '0'.repeat(64) }]);
    t.match(await act(notary, other, 'accept', ACCEPT), { refusal: { guard: 'evidence-verified' } });
    t.match(await open(cast.applicant, applicationOf(cast, [{ ...item, id: NO_SUCH }])), {
      refusal: { guard: 'evidence-own' },
    });
  },
);

t.test(
  'what a notary checks at the desk is an event with the whole result, which applicants do not read',
  async (t) => {
    const id = await readyToAccept(cast, [item]);
    const checked = await notary.json(`/v1/cases/${id}/checks`, { method: 'POST', json: {} });
    t.match(checked.items, [{ evidence: item.id, verdict: 'valid', files: [{ looked: 'recomputed' }] }]);
    const last = async (who: typeof notary) => (await who.json(`/v1/cases/${id}/events`)).items.at(-1);
    t.match(await last(notary), {
      action: 'record-check',
      content: { results: [{ verdict: 'valid' }], reports: [{ checks: Array }] },
    });
    t.match(await last(applicant), { action: 'record-check', content: null, actor: { role: 'notary' } });
    t.match(await applicant.json(`/v1/cases/${id}`), { data: { recusal: null, obtaining: null } });
    t.match(await notary.json(`/v1/cases/${id}`), { data: { recusal: { conflicts: [] } } });
  },
);

t.test('the package of a case is checked by everybody’s checker, against a head that was kept', async (t) => {
  const id = await readyToAccept(cast, [item]);
  const { head } = await act(notary, id, 'accept', ACCEPT);
  const dir = t.testdir({});
  const trust = join(dir, 'trust.json');
  writeFileSync(trust, await (await service.call('/v1/trust', { key: null })).text());
  const kept = join(dir, 'head.json');
  writeFileSync(kept, JSON.stringify(head));
  const packed = async (who: typeof notary, name: string) => {
    const path = join(dir, name);
    writeFileSync(path, Buffer.from(await (await who.call(`/v1/cases/${id}/package.zip`)).arrayBuffer()));
    return path;
  };
  const check = (path: string, heads: readonly string[]) =>
    cli(['verify', path, '--trust', trust, '--json', ...heads.flatMap((head) => ['--head', head])]);
  const early = await check(await packed(notary, 'early.zip'), [kept]);
  t.notMatch(early.out, /"failed"/, 'nothing is wrong with it');
  t.equal(JSON.parse(early.out).verdict, 'incomplete', 'the last events have no certificates yet');
  for (;;) {
    const path = await packed(notary, 'whole.zip');
    const { out } = await check(path, [kept]);
    const { verdict, checks } = JSON.parse(out);
    t.notMatch(out, /"failed"/);
    const open = checks.filter(({ status }: { status: string }) => status === 'unknown');
    // What is left is what only the reader can bring: the blocks at a source of his own.
    if (open.every(({ reason }: { reason: { code: string } }) => reason.code === 'block-not-compared')) {
      t.equal(verdict, 'incomplete');
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const shorter = await body(applicant.call(`/v1/cases/${id}/head`));
  t.match(shorter, { count: head.count, last: head.last });
});

t.test('a court reads what it was granted, each time leaving an event, and nothing after that', async (t) => {
  const { id } = await open(applicant, applicationOf(cast, [item]));
  await act(applicant, id, 'submit');
  t.equal((await court.call(`/v1/cases/${id}`)).status, 404);
  const grant = {
    organization: cast.organizations['court'],
    role: 'court',
    purpose: '庭审质证',
    untilMs: Date.now() + 3_600_000,
  };
  await act(applicant, id, 'grant', grant);
  t.match(await court.json(`/v1/cases/${id}`), { state: 'submitted', data: {} });
  const before = (await applicant.json(`/v1/cases/${id}`)).events;
  t.equal((await court.call(`/v1/cases/${id}/package.zip`)).status, 200);
  t.equal((await court.call(`/v1/cases/${id}/evidence/${item.id}`)).status, 200);
  const file = await court.call(`/v1/cases/${id}/evidence/${item.id}/files/0`);
  t.equal(await file.text(), '涉嫌侵权商品页面');
  t.equal((await court.call(`/v1/cases/${id}/events`)).status, 200);
  const { items } = await applicant.json(`/v1/cases/${id}/events`);
  t.match(
    items
      .slice(before)
      .map(({ action, content }: { action: string; content: object }) => ({ action, content })),
    [
      { action: 'access', content: { what: 'package', purpose: '庭审质证' } },
      { action: 'access', content: { what: 'evidence', evidence: item.id } },
    ],
    'once for each thing that was read, not for each request',
  );
  t.equal(items.length, before + 2);
  await act(applicant, id, 'revoke-grant', { grant: 1, reason: '庭审结束' });
  for (const path of ['', '/package.zip', `/evidence/${item.id}/files/0`, '/events'])
    t.equal((await court.call(`/v1/cases/${id}${path}`)).status, 404, path);
  await act(applicant, id, 'grant', { ...grant, untilMs: Date.now() + 1_500 });
  t.equal((await court.call(`/v1/cases/${id}`)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 1_600));
  t.equal((await court.call(`/v1/cases/${id}/package.zip`)).status, 404, 'its time is over');
});

t.test('nobody reads what is in a case before he leaves his event', async (t) => {
  const { id } = await open(applicant, applicationOf(cast, [item]));
  await act(applicant, id, 'submit');
  const grant = { organization: cast.organizations['court'], role: 'court', purpose: '质证' };
  await act(applicant, id, 'grant', { ...grant, untilMs: Date.now() + 3_600_000 });
  const { items } = await court.json(`/v1/cases/${id}/events`);
  t.match(items.at(-1), { action: 'access', content: { what: 'package' } });
});

t.test('a check is made by the service, for whoever may ask for it', async (t) => {
  const { id } = await open(applicant, applicationOf(cast, [item]));
  t.match(await applicant.json(`/v1/cases/${id}/checks`, { method: 'POST', json: {} }), {
    refusal: { code: 'state-wrong' },
  });
  await act(applicant, id, 'submit');
  t.match(await applicant.json(`/v1/cases/${id}/checks`, { method: 'POST', json: {} }), {
    refusal: { code: 'not-yours' },
  });
});

t.test('an identity number is shown masked, and whole to the case’s notary alone', async (t) => {
  const number = '11010519491231002X';
  const kept = await applicant.json('/v1/identity-numbers', { json: { kind: 'resident', number } });
  t.match(kept, { masked: '110***********002X' });
  const application = applicationOf(cast, [item], {
    applicants: [
      {
        ...{ kind: 'person', organization: cast.organizations['applicant'], name: '甲' },
        identity: { reference: kept.id, masked: kept.masked },
      },
    ],
  });
  const { id } = await open(applicant, application);
  await act(applicant, id, 'submit');
  const path = `/v1/cases/${id}/identity-numbers/${kept.id}`;
  t.match(await notary.json(path), { kind: 'resident', number });
  for (const [name, who, status] of [
    ['assistant', assistant, 403],
    ['applicant', applicant, 403],
    ['stranger', stranger, 403],
  ] as const)
    t.equal((await who.call(path)).status, status, name);
  t.equal((await notary.call(`/v1/cases/${id}/identity-numbers/${NO_SUCH}`)).status, 404);
  const { items } = await notary.json('/v1/account/events');
  t.match(items[0], { action: 'identity-number-read' });
  t.match(
    await open(applicant, applicationOf(cast, [item], { purpose: `身份证 ${number}` })),
    { refusal: { guard: 'no-identity-number' } },
    'no paper of the case may hold one',
  );
  t.equal((await stranger.call(`/v1/identity-numbers/${kept.id}`, { method: 'DELETE' })).status, 404);
  t.equal((await applicant.call(`/v1/identity-numbers/${kept.id}`, { method: 'DELETE' })).status, 204);
  t.match(await notary.json(path), { code: 'identity-number-erased', status: 410 });
});

t.test('the table itself is there for clients', async (t) => {
  const table = await body(service.call('/v1/procedures/notarization/1', { key: null }));
  t.match(table, { name: 'notarization/1', initial: 'draft', final: Array });
  t.ok(table.transitions.every(({ label, input }: { label: object; input: object }) => label && input));
  t.equal((await service.call('/v1/procedures/notarization/2', { key: null })).status, 404);
  t.match(await open(applicant, {}), { code: 'action-input-invalid' });
  t.match(await applicant.json('/v1/cases', { json: { procedure: 'no/1', input: {} } }), {
    code: 'request-invalid',
  });
});
