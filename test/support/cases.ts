import { type Browser, signedIn } from './browser.ts';
import { body, certificateOf, form, type Running } from './running.ts';

/* A notary office and its applicants, as the demonstration has them, in browsers of their own. */

export interface Cast {
  readonly service: Running;
  readonly applicant: Browser;
  readonly stranger: Browser;
  readonly admin: Browser;
  readonly notary: Browser;
  readonly approver: Browser;
  readonly assistant: Browser;
  readonly court: Browser;
  /** ids of organizations, by login */
  readonly organizations: Readonly<Record<string, string>>;
  readonly people: Readonly<Record<string, string>>;
}

const LOGINS = {
  applicant: 'holder-a',
  stranger: 'holder-b',
  admin: 'notary-admin',
  notary: 'notary',
  approver: 'notary-approver',
  assistant: 'notary-assistant',
  court: 'court',
} as const;

export async function castOf(service: Running): Promise<Cast> {
  const browsers: Record<string, Browser> = {};
  const organizations: Record<string, string> = {};
  const people: Record<string, string> = {};
  for (const [part, login] of Object.entries(LOGINS)) {
    const own = await signedIn(service, login);
    const { organization, person } = await own.json('/v1/session');
    browsers[part] = own;
    organizations[part] = organization.id;
    people[part] = person.id;
  }
  return { service, ...browsers, organizations, people } as unknown as Cast;
}

export interface Item {
  readonly id: string;
  readonly title: string;
  readonly leaf: string;
  readonly files: readonly { readonly name: string; readonly sha256: string; readonly sm3: string }[];
}

/** A deposit of the applicant with its certificate, as an application names it. */
export async function itemOf({ service }: Pick<Cast, 'service'>, text: string): Promise<Item> {
  const made = await body(
    service.call('/v1/evidence', {
      method: 'POST',
      body: form({ title: text }, [{ name: '网页.html', bytes: Buffer.from(text) }]),
    }),
  );
  await certificateOf(service, made.id);
  const files = made.manifest.files.map(({ name, sha256, sm3 }: Item['files'][number]) => ({
    name,
    sha256,
    sm3,
  }));
  return { id: made.id, title: text, leaf: made.leafHash, files };
}

export const applicationOf = ({ organizations }: Cast, evidence: readonly Item[], more: object = {}) => ({
  office: organizations['notary'],
  matter: 'evidence-preservation',
  applicants: [
    {
      kind: 'organization',
      organization: organizations['applicant'],
      name: '示范权利人甲有限公司',
      representative: { name: '甲', title: '法定代表人' },
    },
  ],
  purpose: '诉讼',
  interest: '商标权利人',
  acquisition: '公开网页',
  jurisdiction: { basis: 'residence', place: '示范市' },
  evidence,
  ...more,
});

export const open = (who: Browser, application: object) =>
  who.json('/v1/cases', { json: { procedure: 'notarization/1', input: { application } } });

export const act = (who: Browser, id: string, action: string, json: unknown = {}) =>
  who.json(`/v1/cases/${id}/actions/${action}`, { json });

const QUESTIONS = [
  ...['rights-of-others-infringed', 'prohibition-violated', 'public-order-violated'],
  ...['secret-recording-or-intrusion', 'access-control-circumvented', 'infringement-instigated'],
  'secrets-or-privacy-exposed',
];

/** As far as `submitted`, with the notary assigned and everything before the acceptance done. */
export async function readyToAccept(cast: Cast, items: readonly Item[]): Promise<string> {
  const { id } = await open(cast.applicant, applicationOf(cast, items));
  await act(cast.applicant, id, 'submit');
  await act(cast.admin, id, 'assign', {
    organization: cast.organizations['notary'],
    person: cast.people['notary'],
    name: '公证员',
  });
  await act(cast.notary, id, 'declare-recusal', { conflicts: [] });
  const answers = QUESTIONS.map((question) => ({ question, yes: false }));
  await act(cast.notary, id, 'check-obtaining', { answers });
  return id;
}

export const ACCEPT = { number: '（示）受字第1号', basis: 'residence' };
