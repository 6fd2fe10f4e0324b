import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

/*
 * A provider of OpenID Connect that others wrote (oidc-provider), on this machine, with its own pages for signing in,
 * which are driven as a browser does. What its token endpoint answers can be changed on the way.
 */

export const CLIENT = { clientId: 'kezheng', clientSecret: 'a secret of the client, and no other' };

export type Claims = Readonly<Record<string, unknown>>;
/** Changes the claims of the id token, its header or its key; undefined: as the provider made it. */
export type Tamper = (claims: Claims) => {
  readonly claims?: Claims;
  readonly header?: Claims;
  readonly key?: KeyObject;
  readonly hmac?: boolean;
};

export interface RunningProvider {
  readonly issuer: string;
  readonly port: number;
  /** paths that were asked for, by whomever */
  readonly asked: readonly string[];
  tamper: Tamper | undefined;
  /** answers this path so, in place of the provider */
  instead:
    | ((
        path: string,
      ) => { readonly status: number; readonly location?: string; readonly body?: unknown } | undefined)
    | undefined;
  close(): Promise<void>;
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

export async function startProvider(redirectUris: readonly string[]): Promise<RunningProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        redirect_uris: [...redirectUris],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    jwks: {
      keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }] as never,
    },
    pkce: { required: () => true },
    cookies: { keys: ['a key of cookies'] },
    ttl: {
      IdToken: 600,
      AccessToken: 600,
      AuthorizationCode: 60,
      Interaction: 600,
      Session: 600,
      Grant: 600,
    },
    features: { devInteractions: { enabled: true } },
  });
  const running: RunningProvider = {
    issuer,
    port,
    asked: [],
    tamper: undefined,
    instead: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  provider.use(async (ctx, next) => {
    (running.asked as string[]).push(ctx.path);
    const other = running.instead?.(ctx.path);
    if (other !== undefined) {
      ctx.status = other.status;
      if (other.location !== undefined) ctx.set('location', other.location);
      ctx.body = other.body ?? '';
      return;
    }
    await next();
    if (ctx.path === '/token' && running.tamper !== undefined && ctx.status === 200)
      ctx.body = changed(ctx.body as Claims, running.tamper, privateKey);
  });
  server.on('request', provider.callback());
  return running;
}

function changed(answer: Claims, tamper: Tamper, own: KeyObject): Claims {
  const [head, payload] = (answer['id_token'] as string).split('.');
  const read = (part: string): Claims => JSON.parse(Buffer.from(part, 'base64url').toString());
  const { claims = read(payload!), header = read(head!), key = own } = tamper(read(payload!));
  const signed = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
  const signature =
    header['alg'] === 'none' ? '' : sign('sha256', Buffer.from(signed), key).toString('base64url');
  return { ...answer, id_token: `${signed}.${signature}` };
}

/** Signs `login` in on the provider's own pages, as a browser does; the address that it is sent back to. */
export async function signInThere(url: string, login: string, back: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let next = url;
  let form: URLSearchParams | undefined;
  for (let steps = 0; steps < 12; steps++) {
    const answer = await fetch(next, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form !== undefined && { method: 'POST', body: form }),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [name, ...value] = cookie.split(';')[0]!.split('=');
      cookies.set(name!, value.join('='));
    }
    const location = answer.headers.get('location');
    if (location !== null) {
      const to = new URL(location, next);
      if (to.href.startsWith(back)) return to;
      [next, form] = [to.href, undefined];
      continue;
    }
    const page = await answer.text();
    const [, action] = /<form[^>]* action="([^"]+)"/.exec(page) ?? [];
    const [, prompt] = /name="prompt" value="([^"]+)"/.exec(page) ?? [];
    if (action === undefined || prompt === undefined)
      throw new Error(`no form of the provider: ${page.slice(0, 300)}`);
    [next, form] = [new URL(action, next).href, new URLSearchParams({ prompt, login, password: 'any' })];
  }
  throw new Error('the provider leads in a circle');
}
