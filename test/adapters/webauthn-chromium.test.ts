import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { webAuthnOf } from '../../server/adapters/webauthn.ts';
import {
  addPasskey,
  passkeyToAdd,
  passkeyToSignIn,
  personByPasskey,
} from '../../server/identity/passkeys.ts';
import { PasskeyRefused } from '../../server/ports/webauthn.ts';
import { startChromium, whyNoChromium } from '../support/chromium.ts';
import { memoryPeople } from '../support/people.ts';

/* The same passkeys as a real browser makes and uses them, with an authenticator of its own (WebDriver §11.2). */

const skip = whyNoChromium();
const SESSION = 'a'.repeat(64);

/** A page with nothing on it: browsers give passkeys to http://localhost, and to no address. */
async function emptyPage(t: Test): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>x</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  t.teardown(() => server.close());
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

async function browsing(t: Test, isUserVerified = true) {
  const url = await emptyPage(t);
  const browser = await startChromium();
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified,
    },
  });
  const people = memoryPeople();
  const deps = { people, webAuthn: webAuthnOf(() => url, '可证'), clock: { nowMs: Date.now } };
  return {
    deps,
    devtools,
    authenticatorId,
    async create(options: object) {
      return page.evaluate(async (given) => {
        const browserSide = globalThis as unknown as Browser;
        const publicKey = browserSide.PublicKeyCredential.parseCreationOptionsFromJSON(given);
        const made = await browserSide.navigator.credentials.create({ publicKey });
        const { id, response } = made.toJSON();
        return {
          id,
          clientDataJSON: response['clientDataJSON']!,
          attestationObject: response['attestationObject']!,
          transports: made.response.getTransports(),
        };
      }, options);
    },
    async get(options: object) {
      return page.evaluate(async (given) => {
        const browserSide = globalThis as unknown as Browser;
        const publicKey = browserSide.PublicKeyCredential.parseRequestOptionsFromJSON(given);
        const { id, response } = (await browserSide.navigator.credentials.get({ publicKey })).toJSON();
        return {
          id,
          clientDataJSON: response['clientDataJSON']!,
          authenticatorData: response['authenticatorData']!,
          signature: response['signature']!,
          userHandle: response['userHandle']!,
        };
      }, options);
    },
  };
}

/** What of a browser's interface is used there. */
interface Browser {
  readonly PublicKeyCredential: {
    parseCreationOptionsFromJSON(options: object): object;
    parseRequestOptionsFromJSON(options: object): object;
  };
  readonly navigator: {
    readonly credentials: Record<'create' | 'get', (options: { publicKey: object }) => Promise<Made>>;
  };
}
interface Made {
  toJSON(): { readonly id: string; readonly response: Readonly<Record<string, string>> };
  readonly response: { getTransports(): string[] };
}

t.test('Chromium adds a passkey and signs in by it alone', { skip }, async (t) => {
  const { deps, create, get } = await browsing(t);
  const owner = { id: randomUUID(), login: 'li', name: '李' };
  const answer = await create((await passkeyToAdd(deps, owner, SESSION)) as object);
  await addPasskey(deps, { person: owner.id, session: SESSION, label: '本机', answer });
  t.match(await deps.people.passkeysOf(owner.id), [{ id: answer.id, transports: ['internal'] }]);
  for (let i = 0; i < 3; i++) {
    const signed = await get(await passkeyToSignIn(deps));
    t.equal(await personByPasskey(deps, signed), owner.id);
    await t.rejects(personByPasskey(deps, signed), PasskeyRefused);
  }
  t.ok((await deps.people.passkey(answer.id))!.counter >= 3, 'Chromium counts');
  const again = (await passkeyToAdd(deps, owner, SESSION)) as object;
  await t.rejects(create(again), /InvalidStateError/, 'the same authenticator is not added twice');
});

t.test('a passkey that was copied is found by its counter', { skip }, async (t) => {
  const { deps, create, get, devtools, authenticatorId } = await browsing(t);
  const owner = { id: randomUUID(), login: 'li', name: '李' };
  const answer = await create((await passkeyToAdd(deps, owner, SESSION)) as object);
  await addPasskey(deps, { person: owner.id, session: SESSION, label: '本机', answer });
  const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
  await personByPasskey(deps, await get(await passkeyToSignIn(deps)));
  await personByPasskey(deps, await get(await passkeyToSignIn(deps)));
  await devtools.send('WebAuthn.clearCredentials', { authenticatorId });
  await devtools.send('WebAuthn.addCredential', { authenticatorId, credential: credentials[0]! });
  await t.rejects(personByPasskey(deps, await get(await passkeyToSignIn(deps))), { name: 'PasskeyCopied' });
});

t.test('whoever is not verified by his device gets no passkey', { skip }, async (t) => {
  const { deps, create } = await browsing(t, false);
  const owner = { id: randomUUID(), login: 'li', name: '李' };
  await t.rejects(create((await passkeyToAdd(deps, owner, SESSION)) as object), /NotAllowedError/);
});
