import t from 'tap';
import { tellCases } from '../../../server/pipeline/webhooks/cases.ts';
import { tellEvidence } from '../../../server/pipeline/webhooks/evidence.ts';
import type { CaseParty } from '../../../server/ports/cases.ts';
import type { Store } from '../../../server/ports/store.ts';
import { addOrganization, digest, entryOf, idAt, logOf, NOW_MS } from '../../suites/sample.ts';
import { addWebhook, openSetting, type Setting, toldTo } from './setting.ts';

const publicUrl = 'https://kezheng.example';

const depsOf = ({ store, time }: Setting) => ({ store, publicUrl, nowMs: () => time.nowMs });

const manifestOf = (organization: string) =>
  entryOf(organization, {
    entry: JSON.stringify({ format: 'kezheng-manifest/1', n: digest(), title: '不外传的标题' }),
  });

async function deposit(store: Store, organization: string): Promise<string> {
  const entry = manifestOf(organization);
  await store.deposit(entry);
  return entry.id;
}

/** Everything that waits becomes a batch. */
async function seal(store: Store, nowMs = NOW_MS): Promise<number> {
  const { firstSequence, leaves } = await store.pendingLeaves(1_000_000);
  const batch = await store.seal({ firstSequence, size: leaves.length / 32, root: digest(), nowMs });
  return batch.number;
}

/** The next batch in the log is final. */
async function makeFinal(store: Store, nowMs: number): Promise<void> {
  const anchor = (await store.planAnchor(logOf(), nowMs))!;
  const at = { transactionHash: `0x${digest()}`, blockNumber: 1, blockHash: `0x${digest()}`, blockTime: 1 };
  await store.recordMined(anchor.id, at, nowMs);
  await store.recordFinal(anchor.id, at.blockHash, { type: 'ethereum-header/1' } as never, nowMs);
}

async function all(round: () => Promise<boolean>): Promise<void> {
  while (await round());
}

t.test('evidence is told of when its batch is sealed, and again when it is final', async (t) => {
  const setting = await openSetting(t);
  const { store } = setting;
  const [owner, other, silent] = [
    await addOrganization(store),
    await addOrganization(store),
    await addOrganization(store),
  ];
  const all2 = await addWebhook(store, owner);
  const certified = await addWebhook(store, owner, ['evidence.certified']);
  const others = await addWebhook(store, other);
  const rounds = async () => {
    await all(() => tellEvidence('batched', depsOf(setting)));
    await all(() => tellEvidence('certified', depsOf(setting)));
  };
  const ids = [await deposit(store, owner), await deposit(store, owner)];
  const othersId = await deposit(store, other);
  await deposit(store, silent);
  await rounds();
  t.strictSame(await toldTo(store, all2.id), [], 'what waits is told to nobody');
  const number = await seal(store, NOW_MS + 5);
  await rounds();
  await rounds();
  t.match(await toldTo(store, all2.id), [{ type: 'evidence.batched', data: { ids, state: 'batched' } }]);
  t.strictSame(await toldTo(store, certified.id), []);
  await makeFinal(store, NOW_MS + 9);
  await rounds();
  await rounds();
  const told = await toldTo(store, all2.id);
  t.strictSame(
    told.map(({ number, type }) => `${number} ${type}`),
    ['1 evidence.batched', '2 evidence.certified'],
  );
  t.strictSame(told[1]!.data, {
    ids,
    state: 'anchored',
    batch: number,
    links: {
      evidence: `${publicUrl}/v1/evidence/{id}`,
      certificate: `${publicUrl}/v1/evidence/{id}/certificate`,
    },
  });
  const found = (await store.delivery(all2.id, told[1]!.id))!;
  t.equal(found.message.atMs, NOW_MS + 9, 'with the time at which it became final');
  t.match(await toldTo(store, certified.id), [{ number: 1, data: { ids } }]);
  t.match(await toldTo(store, others.id), [{ data: { ids: [othersId] } }, { data: { ids: [othersId] } }]);
  t.notMatch(JSON.stringify([told, await toldTo(store, others.id)]), '标题', 'and nothing of the content');
});

t.test('a large batch is told in pieces, each piece of evidence once', async (t) => {
  const setting = await openSetting(t);
  const { store } = setting;
  const [owner, other] = [await addOrganization(store), await addOrganization(store)];
  const { id } = await addWebhook(store, owner);
  const entries = Array.from({ length: 2_350 }, () => manifestOf(owner));
  await store.depositMany(owner, entries);
  await store.depositMany(
    other,
    Array.from({ length: 50 }, () => manifestOf(other)),
  );
  await seal(store);
  t.equal(await tellEvidence('batched', depsOf(setting)), true, 'one round looks at a part of it');
  t.equal((await toldTo(store, id)).flatMap(({ data }) => data.ids).length, 2_000);
  await setting.reopen();
  await all(() => tellEvidence('batched', depsOf(setting)));
  const told = await toldTo(setting.store, id);
  t.strictSame(
    told.flatMap(({ data }) => data.ids),
    entries.map((entry) => entry.id),
  );
  t.ok(told.every(({ data }) => data.ids.length <= 250 && JSON.stringify(data).length < 20_000));
});

t.test('of two that tell at once each thing is told once', async (t) => {
  const setting = await openSetting(t);
  const owner = await addOrganization(setting.store);
  const { id } = await addWebhook(setting.store, owner);
  await deposit(setting.store, owner);
  await seal(setting.store);
  await Promise.all([1, 2, 3, 4].map(() => tellEvidence('batched', depsOf(setting))));
  t.equal((await toldTo(setting.store, id)).length, 1);
});

t.test('who begins to listen is told what comes, not what was', async (t) => {
  const setting = await openSetting(t);
  const { store } = setting;
  const owner = await addOrganization(store);
  await deposit(store, owner);
  await seal(store);
  await all(() => tellEvidence('batched', depsOf(setting)));
  t.equal(await store.webhookCursor('batched'), 1, 'nobody listened, and it went on');
  const { id } = await addWebhook(store, owner);
  const late = await deposit(store, owner);
  await seal(store);
  await all(() => tellEvidence('batched', depsOf(setting)));
  t.match(await toldTo(store, id), [{ data: { ids: [late] } }]);
});

/** A case whose steps name these parties. */
function caseOf(store: Store, owner: string) {
  const id = idAt(NOW_MS);
  let [events, last] = [0, undefined as string | undefined];
  return {
    id,
    async step(
      action: string,
      parties: readonly CaseParty[],
      to = 'submitted',
      procedure = 'notarization/1',
    ) {
      const event = {
        action,
        at: new Date(NOW_MS).toISOString(),
        format: 'kezheng-event/1',
        id: idAt(NOW_MS),
        procedure,
        salt: digest(),
        to,
      };
      const entry = entryOf(owner, { entry: JSON.stringify(event), fileDigests: [] });
      const of = { id, procedure, state: to, organization: owner, data: '{}', clocks: '[]' };
      const step = {
        case: { ...of, openedMs: NOW_MS, updatedMs: NOW_MS, dueMs: undefined },
        expected: events,
        after: last,
        entry,
        content: '{"applicant":"张三"}',
        parties,
      };
      if ((await store.stepCase(step)) !== 'kept') throw new Error('overtaken');
      events++;
      last = Buffer.from(entry.leaf).toString('hex');
      return event;
    },
  };
}

t.test('an event of a case is told to its parties, and to nobody else', async (t) => {
  const setting = await openSetting(t);
  const { store } = setting;
  const [applicant, office, grantee, stranger] = [
    await addOrganization(store),
    await addOrganization(store),
    await addOrganization(store),
    await addOrganization(store),
  ];
  const hooks = [];
  for (const one of [applicant, office, grantee, stranger]) hooks.push(await addWebhook(store, one));
  const [ofApplicant, ofOffice, ofGrantee, ofStranger] = hooks.map(({ id }) => id) as [
    string,
    string,
    string,
    string,
  ];
  const accepted = await addWebhook(store, office, ['case.accept']);
  const party = (organization: string, part: string, untilMs?: number) => ({ organization, part, untilMs });
  const one = caseOf(store, applicant);
  const opened = await one.step('submit', [
    party(applicant, 'applicant'),
    party(applicant, 'agent'),
    party(office, 'office'),
    party(grantee, 'grantee', NOW_MS + 1),
    party(stranger, 'grantee', NOW_MS),
  ]);
  await all(() => tellCases(depsOf(setting)));
  await all(() => tellCases(depsOf(setting)));
  const [told] = await toldTo(store, ofApplicant);
  t.strictSame(told!.data, {
    ids: [one.id],
    state: 'submitted',
    event: { id: opened.id, index: 0, action: 'submit', procedure: 'notarization/1' },
    links: { case: `${publicUrl}/v1/cases/${one.id}` },
  });
  t.match(await toldTo(store, ofApplicant), [{ type: 'case.submit' }], 'once, whatever parts it has');
  for (const id of [ofOffice, ofGrantee]) t.match(await toldTo(store, id), [{ type: 'case.submit' }]);
  t.strictSame(await toldTo(store, ofStranger), [], 'whose part has ended is no party');
  t.strictSame(await toldTo(store, accepted.id), []);
  await one.step('accept', [party(applicant, 'applicant'), party(office, 'office')], 'accepted');
  await setting.reopen();
  await all(() => tellCases(depsOf(setting)));
  t.match(await toldTo(setting.store, accepted.id), [{ type: 'case.accept', data: { state: 'accepted' } }]);
  t.equal((await toldTo(setting.store, ofGrantee)).length, 1);
  t.equal((await toldTo(setting.store, ofApplicant)).length, 2);
  t.notMatch(JSON.stringify(await toldTo(setting.store, ofApplicant)), '张三', 'nothing personal');
});

t.test('reading by the operator is told with the evidence that was read', async (t) => {
  const setting = await openSetting(t);
  const { store } = setting;
  const owner = await addOrganization(store);
  const { id } = await addWebhook(store, owner, ['case.*']);
  const read = caseOf(store, owner);
  await read.step(
    'read',
    [{ organization: owner, part: 'owner', untilMs: undefined }],
    'read',
    'evidence-access/1',
  );
  await all(() => tellCases(depsOf(setting)));
  t.match(await toldTo(store, id), [
    { data: { links: { evidence: `${publicUrl}/v1/evidence/${read.id}` } } },
  ]);
});

t.test('events of cases are no evidence, and many of them are told in pieces', async (t) => {
  const setting = await openSetting(t);
  const { store } = setting;
  const owner = await addOrganization(store);
  const { id } = await addWebhook(store, owner);
  const one = caseOf(store, owner);
  for (let i = 0; i < 105; i++)
    await one.step('note', [{ organization: owner, part: 'applicant', untilMs: undefined }]);
  await seal(store);
  await all(() => tellEvidence('batched', depsOf(setting)));
  t.strictSame(await toldTo(store, id), []);
  t.equal(await tellCases(depsOf(setting)), true);
  t.equal(await tellCases(depsOf(setting)), false);
  t.strictSame(
    (await toldTo(store, id)).map(({ data }) => data.event.index),
    Array.from({ length: 105 }, (_, i) => i),
    'each once and in order',
  );
});
