import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { body, type Running } from './running.ts';

/* A person at a browser, as far as the service sees one: it keeps the cookie and shows the page's own proof. */

export interface BrowserCall {
  readonly method?: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** without what a page of the service's own sends */
  readonly bare?: boolean;
}

export interface Browser {
  cookie: string | undefined;
  /** the mark that stays when the session is over */
  device: string | undefined;
  csrf: string;
  call(path: string, options?: BrowserCall): Promise<Response>;
  /** The answer as JSON, whatever its status. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are judged by assertions, not by types
  json(path: string, options?: BrowserCall): Promise<any>;
  signIn(login: string, password: string): Promise<Response>;
  /** The same session in other hands. */
  stolen(): Browser;
}

export function browser({ url }: Pick<Running, 'url'>): Browser {
  const origin = new URL(url).origin;
  const self: Browser = {
    cookie: undefined,
    device: undefined,
    csrf: '',
    async call(path, { method, json, headers, bare = false } = {}) {
      const all = new Headers(bare ? {} : { origin, 'x-kezheng-csrf': self.csrf });
      const kept = [self.cookie, self.device].filter((one) => one !== undefined);
      if (kept.length > 0) all.set('cookie', kept.join('; '));
      if (json !== undefined) all.set('content-type', 'application/json');
      for (const [name, value] of Object.entries(headers ?? {})) all.set(name, value);
      const answer = await fetch(url + path, {
        method: method ?? (json === undefined ? 'GET' : 'POST'),
        headers: all,
        ...(json !== undefined && { body: JSON.stringify(json) }),
      });
      await keep(self, answer);
      return answer;
    },
    async json(path, options) {
      const answer = await self.call(path, options);
      return answer.status === 204 ? {} : body(answer);
    },
    signIn: (login, password) => self.call('/v1/session', { json: { login, password } }),
    stolen() {
      const other = browser({ url });
      other.cookie = self.cookie;
      other.csrf = self.csrf;
      return other;
    },
  };
  return self;
}

async function keep(self: Browser, answer: Response): Promise<void> {
  for (const given of answer.headers.getSetCookie()) {
    const [pair] = given.split(';');
    if (/^(?:__Host-)?kezheng-device=/.test(pair!)) self.device = pair;
    else self.cookie = pair!.endsWith('=') ? undefined : pair;
  }
  if (!answer.headers.get('content-type')?.startsWith('application/json')) return;
  const said = (await answer.clone().json()) as { csrf?: string; session?: { csrf?: string } | null };
  self.csrf = said.csrf ?? said.session?.csrf ?? self.csrf;
}

interface DemoPerson {
  readonly login: string;
  readonly password: string;
  readonly roles: readonly string[];
}
export interface DemoOrganization {
  readonly name: string;
  readonly role: string;
  readonly apiKey: string;
  readonly people: readonly DemoPerson[];
}

export const demoOf = ({ dataDir }: Pick<Running, 'dataDir'>): readonly DemoOrganization[] =>
  JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8')).organizations;

/** A browser in which one of the demonstration's people is signed in. */
export async function signedIn(service: Running, login: string): Promise<Browser> {
  const person = demoOf(service)
    .flatMap(({ people }) => people)
    .find((one) => one.login === login)!;
  const own = browser(service);
  const answer = await own.signIn(login, person.password);
  if (answer.status !== 200) throw new Error(`${login}: ${answer.status} ${await answer.text()}`);
  return own;
}

export const PASSWORD = '一把相当长的口令，谁也猜不到';

/** Somebody who registers himself, and his browser. */
export async function registered(service: Running, login: string) {
  const own = browser(service);
  const json = { login, name: login, password: PASSWORD };
  const said = await own.json('/v1/organizations', { json });
  if (said.session === undefined) throw new Error(JSON.stringify(said));
  const [organization, person] = [said.organization.id as string, said.session.person.id as string];
  return { own, login, organization, person };
}
