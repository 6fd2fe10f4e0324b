import { type Demo, Refused, say } from './service.ts';

/* A person who signs in at the service and acts there, as a browser would for him. */

export interface Person {
  readonly login: string;
  readonly organization: string;
  readonly id: string;
  readonly name: string;
  call(path: string, options?: { method?: string; body?: unknown }): Promise<Response>;
  /** What an answer of JSON holds; a refusal ends the demonstration and says why. */
  json<T>(path: string, options?: { method?: string; body?: unknown }): Promise<T>;
}

interface SessionView {
  readonly person: { readonly id: string; readonly name: string };
  readonly organization: { readonly id: string; readonly name: string };
  readonly csrf: string;
}

export async function signIn(demo: Demo, login: string): Promise<Person> {
  const people = demo.organizations.flatMap((organization) => organization.people);
  const account = people.find((one) => one.login === login);
  if (account === undefined) throw new Refused(`demo.json 中没有 ${login} / nobody is called ${login}`);
  const origin = new URL(demo.url).origin;
  const answer = await fetch(`${demo.url}/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ login, password: account.password }),
  });
  if (!answer.ok) throw new Refused(`未能登录 / not signed in: ${login} ${answer.status}`);
  const cookie = answer.headers
    .getSetCookie()
    .map((one) => one.split(';', 1)[0])
    .join('; ');
  const session = (await answer.json()) as SessionView;
  const call: Person['call'] = (path, { method = 'GET', body } = {}) =>
    fetch(`${demo.url}${path}`, {
      method,
      headers: {
        cookie,
        ...(method !== 'GET' && { origin, 'x-kezheng-csrf': session.csrf }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return {
    login,
    organization: session.organization.id,
    id: session.person.id,
    name: session.person.name,
    call,
    async json<T>(path: string, options?: { method?: string; body?: unknown }) {
      const got = await call(path, options);
      const value = (await got.json()) as { title?: string; titleEn?: string };
      if (!got.ok) throw new Refused(`${path}: ${got.status} ${value.title} / ${value.titleEn}`);
      return value as T;
    },
  };
}

export interface CaseView {
  readonly id: string;
  readonly state: string;
  readonly stateText: { readonly zh: string; readonly en: string };
}

/** An action of a case, told as it is done. */
export async function act(
  who: Person,
  { id }: Pick<CaseView, 'id'>,
  action: string,
  input: unknown = {},
): Promise<CaseView> {
  const view = await who.json<CaseView>(`/v1/cases/${id}/actions/${action}`, { method: 'POST', body: input });
  tell(who, action, view);
  return view;
}

export const tell = (
  { login }: Pick<Person, 'login'>,
  action: string,
  { state, stateText }: CaseView,
): void => say(`  ${login.padEnd(16)} ${action.padEnd(20)} → ${state}  ${stateText.zh} ${stateText.en}`);

/** What the table refuses, shown with its reason. */
export async function refused(who: Person, { id }: Pick<CaseView, 'id'>, action: string, input: unknown) {
  const answer = await who.call(`/v1/cases/${id}/actions/${action}`, { method: 'POST', body: input });
  const body = (await answer.json()) as { refusal?: { guard?: string; zh: string; en: string } };
  if (answer.ok) throw new Refused(`${action} 应被拒绝 / should have been refused`);
  say(`  ${who.login.padEnd(16)} ${action.padEnd(20)} ✗ ${body.refusal?.zh} / ${body.refusal?.en}`);
}
