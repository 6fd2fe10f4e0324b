import { createHash, createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { signWithPkcs12 } from '../../server/adapters/pkcs12.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { openBlobs } from '../../server/adapters/storage.ts';
import { openDigests } from '../../server/adapters/workers/digests.ts';
import { depositDeed } from '../../server/casework/notarization/deed/deposit.ts';
import { sealedFile } from '../../server/casework/notarization/deed/papers.ts';
import { seal } from '../../server/casework/notarization/deed/sign.ts';
import { recordOf } from '../../server/casework/room.ts';
import { readConfig } from '../../server/config.ts';
import { certificateSet } from '../../server/core/token/build.ts';
import { sha256Imprint } from '../../server/core/token/imprint.ts';
import { CA, type Issued, issue, openssl } from '../core/read/openssl.ts';
import { file, stamper, token } from '../core/token/authority.ts';
import type { Browser } from '../support/browser.ts';
import {
  acted,
  approved,
  certified,
  draftAgain,
  otherOffice,
  peopleOf,
  reviewed,
} from '../support/notarization.ts';
import { opened, squeezed, whyNoPoppler } from '../support/poppler.ts';
import { body, run } from '../support/running.ts';
import { databaseOf, storageFor } from '../support/storage.ts';

/* From an approved draft to a deed that anybody can look up, over HTTP, as the people of the demonstration do it. */

t.setTimeout(180_000);

const skip = whyNoPoppler();
const service = await run({ KEZHENG_VERIFY_PER_MINUTE: '40' });
t.teardown(() => service.stop());
const people = await peopleOf(service);
const { holder, admin, notary, approver, assistant, court } = people;

const SIGNS = ['basicConstraints=CA:FALSE', 'keyUsage=critical,nonRepudiation'];
const root = issue({ subject: '/CN=office root', days: 3650, extensions: CA });
const office = issue({ subject: '/C=CN/O=示范公证处/CN=seal', by: root, extensions: SIGNS });
const rsa = issue({ subject: '/CN=rsa seal', by: root, key: 'rsa-2048', extensions: SIGNS });
const stranger = issue({ subject: '/CN=another office', by: root, extensions: SIGNS });
const pem = (...ones: readonly Issued[]): string =>
  ones.map(({ files }) => readFileSync(files.certificate, 'utf8')).join('');
const PASSPHRASE = '口令 Zq8-never-told';

function pfxOf(one: Issued): string {
  const out = file('');
  openssl([
    ...['pkcs12', '-export', '-inkey', one.files.key, '-in', one.files.certificate],
    ...['-certfile', root.files.certificate, '-passout', `pass:${PASSPHRASE}`, '-out', out],
  ]);
  return readFileSync(out).toString('base64');
}
const byFile = (one: Issued) => ({ pkcs12: pfxOf(one), passphrase: PASSPHRASE });

const items = [await certified(service, '商品页面一'), await certified(service, '商品页面二')];
const at = (id: string, what: string): string => `/v1/cases/${id}/deed/${what}`;
const prepared = async (who: Browser, id: string, json: object = {}) => who.json(at(id, 'prepare'), { json });
const lookUp = (number: string, code: string, method = 'GET') =>
  fetch(`${service.url}/v1/deeds/${encodeURIComponent(number)}?code=${encodeURIComponent(code)}`, { method });
const bytesAt = async (who: Browser, path: string) => Buffer.from(await (await who.call(path)).arrayBuffer());
const stamp = async (imprint: Uint8Array): Promise<Uint8Array> =>
  token({ imprint: sha256Imprint(imprint) }, certificateSet([stamper.der]));

/** As it is printed beside the QR code. */
const codeIn = (pdf: Uint8Array): string =>
  /查询码([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})/.exec(squeezed(opened(pdf).text()))![1]!;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

t.test('an office sets its own format, certificates and rules; its people see them', async (t) => {
  t.match(await notary.json('/v1/office'), {
    deedNumber: null,
    chains: [],
    feeItems: [],
    rules: { recheckDays: 30 },
  });
  const id = await approved(people, items);
  t.match(await prepared(notary, id), { code: 'deed-chain-not-registered' });
  const wrong = (json: object) => admin.json('/v1/office', { method: 'PUT', json });
  t.match(await wrong({ deedNumber: { template: '第{serial}号', region: '' } }), {
    code: 'deed-number-template',
    status: 422,
    title: /编号格式/,
  });
  t.match(await wrong({ chains: [pem(office)] }), { signers: [{ subject: /seal/ }] });
  t.match(await prepared(notary, id), { code: 'deed-office-not-set', status: 409, at: 'deedNumber' });
  t.match(await wrong({ chains: [pem(office, stranger)] }), { code: 'deed-cms-signer-unfit' });
  t.match(await wrong({ chains: ['no certificate'] }), { code: 'deed-chain-unreadable' });
  t.match(await wrong({ rules: { archiveDays: 0 } }), { code: 'request-invalid' });
  t.match(await wrong({ else: 1 }), { code: 'request-invalid', at: 'body.else' });
  t.equal((await notary.call('/v1/office', { method: 'PUT', json: { feeItems: [] } })).status, 403);
  t.equal((await holder.call('/v1/office')).status, 403);

  const withKey = pem(office, root) + readFileSync(office.files.key, 'utf8');
  const set = await wrong({
    deedNumber: { template: '（{year}）{region}证内字第{serial:6}号', region: '沪示' },
    chains: [withKey, pem(rsa, root)],
    rules: { archiveDays: null, recheckWithinDays: 365 },
    feeItems: [{ name: '公证费', fen: 80_000 }],
  });
  t.match(set, { rules: { archiveDays: null, recheckDays: 30, recheckWithinDays: 365 } });
  t.notMatch(
    JSON.stringify(await notary.json('/v1/office')),
    'PRIVATE',
    'a key that came along is kept nowhere',
  );
});

t.test(
  'the text is put together from the case and its last check, and the differences are shown',
  async (t) => {
    const id = await reviewed(people, items);
    t.match(await notary.json(at(id, 'differences')), { code: 'deed-not-drafted', status: 409 });
    const { text } = await notary.json(at(id, 'text'));
    for (const part of ['基本情况', '保全证据', '第十一条第九项', '附件所列2项均通过', '测试链'])
      t.match(text, part);
    t.equal(text.match(/^证词$/gm).length, 1, 'what the applicant wrote opens no part of the deed');
    for (const who of [approver, assistant, holder]) t.equal((await who.call(at(id, 'text'))).status, 403);
    const changed = text.replace('兹证明：', '兹谨证明：');
    await acted(notary, id, 'draft', { text: changed, annex: items.map((item) => item.id) });
    for (const who of [notary, approver]) {
      const { items: found } = await who.json(at(id, 'differences'));
      t.strictSame(
        found.filter(({ kind }: { kind: string }) => kind !== 'same'),
        [{ kind: 'added', text: '谨' }],
      );
    }
    t.equal((await holder.call(at(id, 'differences'))).status, 403);
    const unchecked = await reviewed(people, items, assistant);
    t.match(await notary.json(at(unchecked, 'text')), {
      code: 'deed-not-checked',
      title: new RegExp(items[0]!.title),
    });
    const early = await otherCase();
    t.match(await notary.json(at(early, 'text')), { code: 'deed-not-accepted' });
  },
);

/** Submitted and no more. */
async function otherCase(): Promise<string> {
  const id = await reviewed(people, items.slice(0, 1));
  const { data } = await holder.json(`/v1/cases/${id}`);
  const { id: other } = await holder.json('/v1/cases', {
    json: { procedure: 'notarization/1', input: { application: data.application } },
  });
  await acted(holder, other, 'submit');
  await acted(admin, other, 'assign', {
    organization: people.organizations.office,
    person: people.notaryId,
    name: '郑公证员',
  });
  return other;
}

const first = await (async () => {
  const id = await approved(people, items);
  return { id };
})();

t.test('only who handles the case draws and signs its deed, and only when it is approved', async (t) => {
  const { id } = first;
  for (const [who, status] of [
    [approver, 409],
    [assistant, 409],
    [holder, 409],
    [court, 403],
  ] as const) {
    const answers = [
      await who.call(at(id, 'prepare'), { json: {} }),
      await who.call(at(id, 'sign'), { json: { cms: 'AAAA' } }),
    ];
    for (const answer of answers) t.ok([status, 404].includes(answer.status), String(answer.status));
  }
  t.match(await prepared(approver, id), { code: 'action-refused', refusal: { code: 'not-yours' } });
  const other = await otherOffice(service, '另一公证处');
  for (const what of ['text', 'prepared.pdf']) t.equal((await other.call(at(id, what))).status, 404);
  t.equal((await other.call(at(id, 'prepare'), { json: {} })).status, 404);
  t.match(await notary.json(at(id, 'sign'), { json: { cms: 'AAAA' } }), { code: 'deed-not-prepared' });
  t.match(await prepared(notary, id, { text: '更正' }), { code: 'deed-text-misplaced' });
  const early = await reviewed(people, items);
  t.match(await prepared(notary, early), { code: 'action-refused', refusal: { code: 'state-wrong' } });
});

t.test(
  'it is drawn under the same number each time, with everything that belongs to it',
  { skip },
  async (t) => {
    const { id } = first;
    t.match(await notary.json(at(id, 'prepared.pdf')), { code: 'deed-not-prepared', status: 409 });
    const [one, two] = [await prepared(notary, id), await prepared(notary, id)];
    t.match(one.number, /^（20\d\d）沪示证内字第\d{6}号$/);
    t.equal(one.number, two.number);
    const pdf = await bytesAt(notary, two.pdf);
    const [, before, behind, rest] = two.byteRange;
    t.equal(behind + rest, pdf.length);
    t.equal(sha256(Buffer.concat([pdf.subarray(0, before), pdf.subarray(behind)])), two.digest);
    const { text, attachmentNames } = opened(pdf);
    const said = squeezed(text());
    for (const part of [two.number, '示范公证处', '郑公证员', '91350200MA2YJ1XR9G', items[0]!.title])
      t.match(said, part);
    t.equal(attachmentNames().filter((name) => name.startsWith('certificate-')).length, 2);
    t.match(said, `${service.url}/d/${encodeURIComponent(two.number)}?code=`);
    t.equal((await approver.call(two.pdf)).status, 200);
    t.equal((await holder.call(two.pdf)).status, 403);
  },
);

t.test('what is no signature of the office is refused, and nothing of it is kept', async (t) => {
  const { id } = first;
  const refused = async (json: object) => notary.json(at(id, 'sign'), { json });
  t.match(await refused(byFile(stranger)), { code: 'deed-cms-signer-unregistered', status: 422 });
  const expired = issue({ subject: '/CN=seal', by: root, extensions: SIGNS, days: -1, keyOf: office });
  t.match(await refused(byFile(expired)), { code: 'pkcs12-certificate-expired', status: 422 });
  t.match(await admin.json('/v1/office', { method: 'PUT', json: { chains: [pem(expired, root)] } }), {
    code: 'deed-cms-signer-unfit',
    because: undefined,
  });
  const wrong = { ...byFile(office), passphrase: `${PASSPHRASE}!` };
  const said = await refused(wrong);
  t.match(said, { code: 'pkcs12-passphrase-wrong', status: 422 });
  t.notMatch(JSON.stringify(said), PASSPHRASE);
  t.match(await refused({ pkcs12: 'AAAA', passphrase: '' }), { code: 'pkcs12-malformed' });
  t.match(await refused({ pkcs12: 'A', passphrase: '' }), { code: 'request-invalid' });
  t.match(await refused({ cms: 'A=A=' }), { code: 'request-invalid', at: 'body.cms' });
  t.match(await refused({ cms: 'AAAA' }), { code: 'deed-cms-unreadable' });
  t.match(await refused({ signature: 'AAAA', chain: 0 }), {
    code: /^deed-cms-(?:unreadable|signature-wrong)$/,
  });
  t.match(await refused({ signature: 'AAAA', chain: 3 }), { code: 'deed-chain-not-registered' });
  t.match(await refused({ ...byFile(office), reason: 'x' }), { code: 'action-input-invalid' });
  t.equal((await notary.call(at(id, 'sign'), { json: { cms: 'A'.repeat(300_000) } })).status, 413);
  t.match(await holder.json(`/v1/cases/${id}/deed.pdf`), { code: 'deed-not-issued', status: 409 });
  t.equal((await notary.json(`/v1/cases/${id}`)).state, 'approved');
});

t.test('signed by a key file it is deposited, issued, and found by whoever holds it', { skip }, async (t) => {
  const { id } = first;
  const calls = await Promise.all([1, 2, 3].map(() => notary.json(at(id, 'sign'), { json: byFile(office) })));
  const [made] = calls;
  t.match(made, {
    number: String,
    sha256: /^[0-9a-f]{64}$/,
    deposit: String,
    signer: /seal/,
    head: { state: 'issued' },
  });
  for (const { sha256: same, deposit } of calls) t.strictSame([same, deposit], [made.sha256, made.deposit]);
  const pdf = await bytesAt(holder, `/v1/cases/${id}/deed.pdf`);
  t.equal(sha256(pdf), made.sha256);
  t.match(opened(pdf).signature(), /Total document signed[\s\S]*Signature is Valid/);
  const kept = await notary.json(`/v1/evidence/${made.deposit}`);
  t.match(kept.files, [{ sha256: made.sha256, name: /^公证书-/ }]);
  const { items: same } = await notary.json(`/v1/evidence?sha256=${made.sha256}`);
  t.equal(same.length, 1, 'deposited once');
  const { items: events } = await notary.json(`/v1/cases/${id}/events`);
  t.equal(events.filter(({ action }: { action: string }) => action === 'issue').length, 1, 'issued once');

  const code = codeIn(pdf);
  const found = await lookUp(made.number, code);
  const view = await body(found);
  t.match(view, {
    number: made.number,
    office: '示范公证处',
    state: 'valid',
    stateText: { zh: '有效', en: 'in force' },
    issued: { at: /Z$/, china: /\+08:00$/ },
    sha256: made.sha256,
    history: [{ what: 'issued', sha256: made.sha256 }],
  });
  t.equal(found.headers.get('cache-control'), 'no-store');
  const page = await fetch(`${service.url}/d/${encodeURIComponent(made.number)}?code=${code}`);
  t.equal(page.status, 200);
  t.match(page.headers.get('content-security-policy'), "default-src 'none'");
  const html = await page.text();
  for (const part of [made.number, made.sha256, '有效', '示范公证处']) t.match(html, part);
  t.notMatch(html, /示范权利人|郑|<script/);
  t.equal((await fetch(`${service.url}/d/${encodeURIComponent(made.number)}?code=x`)).status, 404);
  t.notMatch(JSON.stringify(view), /甲|郑|张三|商品页面|9135/, 'nobody is named');
  t.equal(
    (await lookUp(made.number, code.toLowerCase().replaceAll('-', ' '))).status,
    200,
    'as people type it',
  );
  const [wrong, nowhere] = [
    await lookUp(made.number, '0000-0000-0000-0000'),
    await lookUp('（2026）无', code),
  ];
  t.strictSame([wrong.status, await wrong.text()], [nowhere.status, await nowhere.text()]);
  t.equal(wrong.status, 404);
  const heads = [await lookUp(made.number, code, 'HEAD'), await lookUp(made.number, 'x', 'HEAD')];
  t.strictSame(
    heads.map(({ status }) => status),
    [200, 404],
  );
});

t.test('a court that was granted access leaves its reading of the deed in the case', async (t) => {
  const { id } = first;
  t.equal((await court.call(`/v1/cases/${id}/deed.pdf`)).status, 404);
  await acted(holder, id, 'grant', {
    organization: people.organizations.court,
    role: 'court',
    purpose: '审理案件',
    untilMs: Date.now() + 86_400_000,
  });
  t.equal((await court.call(`/v1/cases/${id}/deed.pdf`)).status, 200);
  const { items: events } = await holder.json(`/v1/cases/${id}/events`);
  t.match(events.at(-1), { action: 'access', content: { what: 'deed' } });
});

t.test('a device signs the attributes, or makes the whole CMS', { skip }, async (t) => {
  const one = await approved(people, items);
  const drawn = await prepared(notary, one, { chain: 1 });
  const signature = sign('sha256', Buffer.from(drawn.signedAttributes, 'base64'), createPrivateKey(rsa.key));
  const by = { signature: signature.toString('base64'), chain: 1 };
  t.match(await notary.json(at(one, 'sign'), { json: { ...by, chain: 0 } }), { status: 422 });
  t.match(await notary.json(at(one, 'sign'), { json: by }), { signer: /rsa seal/ });

  const two = await approved(people, items);
  const { pdf, byteRange } = await prepared(notary, two);
  const [, before, behind] = byteRange;
  const bytes = await bytesAt(notary, pdf);
  const out = file('');
  openssl([
    ...['cms', '-sign', '-binary', '-outform', 'DER', '-out', out, '-cades'],
    ...['-in', file(Buffer.concat([bytes.subarray(0, before), bytes.subarray(behind)]))],
    ...['-signer', office.files.certificate, '-inkey', office.files.key],
  ]);
  const cms = readFileSync(out).toString('base64');
  t.match(await notary.json(at(one, 'sign'), { json: { cms } }), { signer: /rsa seal/ }, 'one is done');
  t.match(await notary.json(at(two, 'sign'), { json: { cms } }), { number: String });
  for (const id of [one, two])
    t.match(opened(await bytesAt(holder, `/v1/cases/${id}/deed.pdf`)).signature(), /Signature is Valid/);
});

/** The steps of a call that a crash cuts off, on the same storage. */
async function cutOff(id: string, steps: 'sealed' | 'deposited') {
  const database = await databaseOf(service.dataDir);
  const settings = { KEZHENG_DATA_DIR: service.dataDir, ...(await storageFor(service.dataDir)) };
  const blobs = await openBlobs(readConfig(settings));
  const digests = openDigests();
  const { store } = database;
  const clock = { nowMs: Date.now };
  try {
    const record = recordOf((await store.caseById(id))!);
    const deps = { store, clock, verifier: nodeSignatures, stamp, unlock: signWithPkcs12 };
    const pkcs12 = Buffer.from(pfxOf(office), 'base64');
    const { sha256: whole, number } = await seal(deps, record, { pkcs12, passphrase: PASSPHRASE });
    if (steps === 'sealed') return { sha256: whole, deposit: undefined };
    const { bytes } = (await sealedFile(store, id, whole))!;
    const own = { ...{ store, clock, blobs, digests }, signatures: nodeSignatures, service: '可证' };
    const deposit = await depositDeed({ ...own, clockWord: () => 'unchecked' }, people.organizations.office, {
      number,
      sha256: whole,
      bytes,
    });
    return { sha256: whole, deposit };
  } finally {
    await digests.close();
    await blobs.close();
    await database.close();
  }
}

for (const steps of ['sealed', 'deposited'] as const)
  t.test(`after a crash when it was ${steps} the same call goes on, whatever key it brings`, async (t) => {
    const id = await approved(people, items);
    const { number } = await prepared(notary, id);
    const before = await cutOff(id, steps);
    t.match(await prepared(notary, id), { code: 'deed-already-sealed', status: 409 });
    const made = await notary.json(at(id, 'sign'), { json: { cms: 'AAAA' } });
    t.match(made, { number, sha256: before.sha256, head: { state: 'issued' } });
    if (before.deposit !== undefined) t.equal(made.deposit, before.deposit);
    t.equal((await notary.json(`/v1/evidence?sha256=${made.sha256}`)).items.length, 1);
    t.match(await notary.json(at(id, 'sign'), { json: { cms: 'AAAA' } }), { deposit: made.deposit });
  });

t.test('what was sealed for a draft that was given up is no deed of a later one', async (t) => {
  const id = await approved(people, items);
  const { number } = await prepared(notary, id);
  const old = await cutOff(id, 'deposited');
  const issued = async (named: object) =>
    notary.json(`/v1/cases/${id}/actions/issue`, { json: { number, ...old, ...named } });
  t.match(
    await issued({ number: `${number}之一` }),
    { refusal: { guard: 'deed-signed' } },
    'nor under another number',
  );
  t.match(await issued({ deposit: items[0]!.id }), { refusal: { guard: 'deed-deposited' } });
  await acted(approver, id, 'return', { reason: '请改' });
  t.match(await notary.json(at(id, 'sign'), { json: byFile(office) }), { code: 'action-refused' });
  await draftAgain(people, id, items, 2);
  t.match(await notary.json(at(id, 'sign'), { json: byFile(office) }), { code: 'deed-not-prepared' });
  t.match(await issued({}), { refusal: { guard: 'deed-signed' } });
  t.equal((await prepared(notary, id)).number, number, 'the number stays with the case');
  const made = await notary.json(at(id, 'sign'), { json: byFile(office) });
  t.match(made, { number });
  t.not(made.sha256, old.sha256);
});

t.test(
  'corrected by another notary, then revoked: each is seen by whoever looks it up',
  { skip },
  async (t) => {
    const { id } = first;
    const before = await bytesAt(holder, `/v1/cases/${id}/deed.pdf`);
    const code = codeIn(before);
    await acted(holder, id, 'request-recheck', { name: '甲', relation: 'party', reason: '有误' });
    const text = '证词\n兹更正如下：……';
    const written = { text, conflicts: [] };
    t.match(await notary.json(`/v1/cases/${id}/actions/draft-correction`, { json: written }), {
      code: 'action-refused',
      refusal: { guard: 'recheck-by-another' },
    });
    // An office of two: who handled the case writes the correction, and the other one approves it.
    t.match(await admin.json('/v1/office', { method: 'PUT', json: { rules: { recheckByAnother: false } } }), {
      rules: { recheckByAnother: false },
    });
    t.match(
      await notary.json(`/v1/cases/${id}/actions/draft-correction`, {
        json: { ...written, text: '身份证号 11010519491231002X' },
      }),
      { refusal: { guard: 'no-identity-number' } },
    );
    await acted(notary, id, 'draft-correction', written);
    t.match(await prepared(notary, id), { refusal: { guard: 'correction-approved-by-another' } });
    await acted(approver, id, 'approve-correction', { version: 1 });
    t.match(await prepared(notary, id, { text: '证词\n另一份' }), { code: 'deed-text-misplaced' });
    const { number } = await prepared(notary, id, { text });
    t.match(await notary.json(at(id, 'sign'), { json: byFile(office) }), { code: 'action-input-invalid' });
    await acted(notary, id, 'draft-correction', { ...written, text: '证词\n改稿' });
    await acted(approver, id, 'approve-correction', { version: 2 });
    const json = { ...byFile(office), reason: '文字有误' };
    t.match(
      await notary.json(at(id, 'sign'), { json }),
      { code: 'deed-not-prepared' },
      'drawn for another text',
    );
    await prepared(notary, id);
    const made = await notary.json(at(id, 'sign'), { json });
    t.match(made, { number, head: { state: 'corrected' } });
    t.match(await notary.json(at(id, 'sign'), { json }), { sha256: made.sha256, deposit: made.deposit });
    const after = await bytesAt(holder, `/v1/cases/${id}/deed.pdf`);
    t.equal(codeIn(after), code, 'the code stays');
    t.match(await body(lookUp(number, code)), {
      state: 'corrected',
      sha256: sha256(after),
      history: [
        { what: 'issued', sha256: sha256(before) },
        { what: 'corrected', sha256: sha256(after) },
      ],
    });
    await acted(holder, id, 'request-recheck', { name: '甲', relation: 'party', reason: '不实' });
    const announcement = { place: '本处网站', text: '公告', url: 'https://office.example/1' };
    await acted(approver, id, 'revoke', { ground: 'untrue', reason: '不实', announcement });
    t.match(await body(lookUp(number, code)), {
      state: 'revoked',
      stateText: { zh: '已撤销（自始无效）' },
      sha256: null,
      history: [{}, {}, { what: 'revoked' }, { what: 'announced', url: announcement.url, place: '本处网站' }],
    });
  },
);

t.test('nobody tries out codes: there is an end to it for each address', async (t) => {
  const answers: number[] = [];
  for (let n = 0; n < 45; n++) answers.push((await lookUp('（2026）无', `${n}`)).status);
  t.equal(answers.at(-1), 429);
});
