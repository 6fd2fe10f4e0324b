import { NOTICES, OBTAINING_QUESTIONS, REVIEW_ITEMS } from '../../server/casework/notarization/codes.ts';
import { versionInForce } from '../../server/casework/notarization/notices.ts';
import { type Browser, browser, PASSWORD, signedIn } from './browser.ts';
import { body, certificateOf, form, type Running } from './running.ts';

/* A whole notarization over HTTP, as the people of the demonstration carry it out. */

export interface People {
  readonly holder: Browser;
  readonly admin: Browser;
  readonly notary: Browser;
  readonly approver: Browser;
  readonly assistant: Browser;
  readonly court: Browser;
  /** ids */
  readonly organizations: Readonly<Record<'holder' | 'office' | 'court', string>>;
  readonly notaryId: string;
}

export async function peopleOf(service: Running): Promise<People> {
  const holder = await signedIn(service, 'holder-a');
  const notary = await signedIn(service, 'notary');
  const court = await signedIn(service, 'court');
  const sessions = {
    holder: await holder.json('/v1/session'),
    office: await notary.json('/v1/session'),
    court: await court.json('/v1/session'),
  };
  return {
    ...{ holder, notary, court },
    admin: await signedIn(service, 'notary-admin'),
    approver: await signedIn(service, 'notary-approver'),
    assistant: await signedIn(service, 'notary-assistant'),
    organizations: {
      holder: sessions.holder.organization.id,
      office: sessions.office.organization.id,
      court: sessions.court.organization.id,
    },
    notaryId: sessions.office.person.id,
  };
}

/** Fails with what was answered unless it is done. */
// biome-ignore lint/suspicious/noExplicitAny: answers are judged by assertions, not by types
export async function acted(who: Browser, id: string, action: string, json: unknown = {}): Promise<any> {
  const answer = await who.call(`/v1/cases/${id}/actions/${action}`, { json });
  const said = await body(answer);
  if (answer.status !== 200) throw new Error(`${action}: ${answer.status} ${JSON.stringify(said)}`);
  return said;
}

/** An item of the first depositor, with its certificate. */
export async function certified(service: Running, title: string) {
  const bytes = Buffer.from(`${title} ${Math.random()}`);
  const made = await deposited(service, form({ title }, [{ name: 'page.html', bytes }]));
  await certificateOf(service, made.id);
  const [file] = made.manifest.files;
  return {
    id: made.id as string,
    title,
    leaf: made.leafHash as string,
    files: [{ name: file.name, sha256: file.sha256, sm3: file.sm3 }],
  };
}

/** A machine with other work may be too busy for a moment. */
// biome-ignore lint/suspicious/noExplicitAny: answers are judged by assertions, not by types
async function deposited(service: Running, evidence: FormData): Promise<any> {
  for (let tries = 0; ; tries++) {
    const answer = await service.call('/v1/evidence', { method: 'POST', body: evidence });
    if (answer.status === 201) return body(answer);
    if (answer.status !== 503 || tries === 20) throw new Error(await answer.text());
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

type Item = Awaited<ReturnType<typeof certified>>;

const applicationOf = ({ organizations }: People, items: readonly Item[]) => ({
  office: organizations.office,
  matter: 'evidence-preservation',
  applicants: [
    {
      kind: 'organization',
      organization: organizations.holder,
      name: '示范权利人甲有限公司',
      uscc: '91350200MA2YJ1XR9G',
      representative: { name: '张三', title: '执行董事' },
    },
  ],
  purpose: '诉讼\n证词\n兹证明一切属实',
  interest: '申请人为涉案商标的权利人',
  acquisition: '以普通消费者身份访问公开网页并截图',
  jurisdiction: { basis: 'residence', place: '宁波市' },
  evidence: items,
});

/** A case that is examined and whose evidence is checked at the desk: ready for its draft. */
export async function reviewed(
  people: People,
  items: readonly Item[],
  checker = people.notary,
): Promise<string> {
  const { holder, admin, notary, assistant, organizations, notaryId } = people;
  const opened = await holder.json('/v1/cases', {
    json: { procedure: 'notarization/1', input: { application: applicationOf(people, items) } },
  });
  const id = opened.id as string;
  if (id === undefined) throw new Error(JSON.stringify(opened));
  await acted(holder, id, 'submit');
  await acted(admin, id, 'assign', {
    organization: organizations.office,
    person: notaryId,
    name: '郑公证员',
  });
  await acted(notary, id, 'declare-recusal', { conflicts: [] });
  await acted(notary, id, 'check-obtaining', {
    answers: OBTAINING_QUESTIONS.map((question) => ({ question, yes: false })),
  });
  await acted(notary, id, 'accept', { number: '受2026001', basis: 'residence' });
  for (const code of NOTICES)
    await acted(holder, id, 'confirm-notice', { code, version: versionInForce(code), readSeconds: 30 });
  await acted(notary, id, 'set-fees', { items: [{ name: '公证费', fen: 80_000 }] });
  await acted(assistant, id, 'record-payment', { fen: 80_000, method: 'bank', reference: 'T1' });
  await acted(notary, id, 'begin-review');
  await acted(notary, id, 'record-review', {
    items: REVIEW_ITEMS.map((item) => ({ item, satisfied: true })),
  });
  const checked = await checker.call(`/v1/cases/${id}/checks`, { method: 'POST' });
  if (checked.status !== 200) throw new Error(`checks: ${await checked.text()}`);
  return id;
}

/** Drafted with the text as it is put together, and approved by another. */
export async function approved(people: People, items: readonly Item[], change = (text: string) => text) {
  const id = await reviewed(people, items);
  await draftAgain(people, id, items, 1, change);
  return id;
}

export async function draftAgain(
  { notary, approver }: People,
  id: string,
  items: readonly Item[],
  version: number,
  change = (text: string) => text,
): Promise<void> {
  const { text } = await notary.json(`/v1/cases/${id}/deed/text`);
  await acted(notary, id, 'draft', { text: change(text), annex: items.map((item) => item.id) });
  await acted(approver, id, 'approve', { version });
}

/** Somebody of an office that the operator adds. */
export async function otherOffice(service: Running, name: string): Promise<Browser> {
  const operator = await signedIn(service, 'operator');
  const made = await operator.json('/v1/organizations', { json: { name, role: 'notary' } });
  const [token] = JSON.stringify(made.invitation).match(/[A-Za-z0-9_-]{43}/)!;
  const own = browser(service);
  const json = { login: 'other-office', name: '外公证员', password: PASSWORD };
  const answer = await own.call(`/v1/invitations/${token}`, { json });
  if (answer.status !== 200) throw new Error(await answer.text());
  return own;
}
