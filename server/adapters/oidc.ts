import * as client from 'openid-client';
import { type Door, DoorProblem } from '../ports/door.ts';
import { OidcProblem, type OidcProvider } from '../ports/oidc.ts';

/*
 * The client of OpenID Connect. All that it asks goes through the door: the addresses of tokens and keys are the
 * provider's word.
 */

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** as people know the provider */
  readonly name: string;
  /** where it sends browsers back to */
  readonly redirectUri: () => string;
}

/** Metadata, keys and tokens are some thousand bytes. */
const MAX_ANSWER_BYTES = 256 * 1_024;

/** Providers move their addresses rarely; keys that are not known yet are asked for by themselves. */
const METADATA_MS = 3_600_000;

/** Clocks of two services are seldom more than this apart. */
const TOLERANCE_S = 30;

export function openOidc(settings: OidcSettings, door: Pick<Door, 'ask'>, nowMs: () => number): OidcProvider {
  let known: { readonly config: client.Configuration; readonly untilMs: number } | undefined;

  /** What failed is not kept: the next one asks again. */
  async function configuration(): Promise<client.Configuration> {
    if (known !== undefined && known.untilMs > nowMs()) return known.config;
    const config = await discover(settings, door);
    known = { config, untilMs: nowMs() + METADATA_MS };
    return config;
  }

  return {
    issuer: settings.issuer,
    name: settings.name,
    authorizationUrl: ({ state, nonce, verifier }) =>
      telling(async () => {
        const parameters = {
          redirect_uri: settings.redirectUri(),
          scope: 'openid',
          state,
          nonce,
          code_challenge: await client.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
        };
        return client.buildAuthorizationUrl(await configuration(), parameters).href;
      }),
    subjectOf: (query, { state, nonce, verifier }) =>
      telling(async () => {
        const back = new URL(settings.redirectUri());
        back.search = query;
        const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier };
        const tokens = await client.authorizationCodeGrant(await configuration(), back, checks);
        const claims = tokens.claims();
        // Core §2; an id without bounds would be a row without bounds.
        if (claims === undefined || !/^[\x20-\x7e]{1,255}$/.test(claims.sub))
          throw new OidcProblem('refused', 'the token names nobody, or by no subject of the standard');
        return { issuer: claims.iss, subject: claims.sub };
      }),
  };
}

async function discover(
  { issuer, clientId, clientSecret }: OidcSettings,
  door: Pick<Door, 'ask'>,
): Promise<client.Configuration> {
  const server = new URL(issuer);
  const config = await client.discovery(
    server,
    clientId,
    { [client.clockTolerance]: TOLERANCE_S },
    client.ClientSecretBasic(clientSecret),
    {
      [client.customFetch]: throughDoor(door),
      // In the open only inside of the operator's own network, by his setting; the door lets nothing else through.
      execute: [
        ...(server.protocol === 'http:' ? [client.allowInsecureRequests] : []),
        // The token's own signature is checked too: what is between us and the provider need not be trusted.
        client.enableNonRepudiationChecks,
      ],
    },
  );
  const metadata = config.serverMetadata();
  if (!metadata.supportsPKCE())
    throw new OidcProblem('away', 'the provider does not say that it has PKCE with S256');
  return config;
}

const throughDoor =
  (door: Pick<Door, 'ask'>): client.CustomFetch =>
  async (url, { method, headers, body, signal }) => {
    if (method !== 'GET' && method !== 'POST') throw new Error(`${method} is nothing that sign-in needs`);
    const {
      status,
      type,
      body: bytes,
    } = await door.ask({
      url,
      method,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
      ),
      maxBytes: MAX_ANSWER_BYTES,
      // A secret goes with it, and what a redirect names has no claim to that.
      redirects: 0,
      ...(body != null && { body: new TextEncoder().encode(String(body)) }),
      ...(signal !== undefined && { signal }),
    });
    const hasBody = ![204, 205, 304].includes(status);
    return new Response(hasBody ? Uint8Array.from(bytes) : null, {
      status,
      headers: { 'content-type': type },
    });
  };

/** What lies between us is away; all else is something that does not hold. */
async function telling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OidcProblem) throw error;
    const isAway = causesOf(error).some((one) => one instanceof DoorProblem);
    throw new OidcProblem(isAway ? 'away' : 'refused', (error as Error).message, error);
  }
}

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (let one = error; one instanceof Error && !causes.includes(one); one = one.cause) causes.push(one);
  return causes;
}
