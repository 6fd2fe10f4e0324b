import { randomUUID } from 'node:crypto';
import t from 'tap';
import { webAuthnOf } from '../../server/adapters/webauthn.ts';
import {
  addPasskey,
  MAX_PASSKEYS,
  PasskeyCopied,
  passkeyToAdd,
  passkeyToSignIn,
  personByPasskey,
} from '../../server/identity/passkeys.ts';
import { PasskeyRefused } from '../../server/ports/webauthn.ts';
import { type Authenticator, authenticator, KEY_KINDS, type Lies } from '../support/authenticator.ts';
import { memoryPeople } from '../support/people.ts';

const AT_MS = 1_795_000_000_000;
const ORIGIN = 'https://kezheng.example';
const SESSION = 'a'.repeat(64);

interface Options {
  readonly challenge: string;
  readonly [member: string]: unknown;
}

function site() {
  let nowMs = AT_MS;
  const people = memoryPeople();
  const webAuthn = webAuthnOf(() => `${ORIGIN}/under/a/path`, '可证');
  const deps = { people, webAuthn, clock: { nowMs: () => nowMs } };
  const owner = (id = randomUUID()) => ({ id, login: 'li', name: '李' });
  return {
    deps,
    owner,
    pass(ms: number) {
      nowMs += ms;
    },
    async add(device: Authenticator, person = owner(), lies: Lies = {}, session = SESSION) {
      const options = (await passkeyToAdd(deps, person, SESSION)) as Options;
      const answer = device.create(options, lies);
      await addPasskey(deps, { person: person.id, session, label: '手机', answer });
      return person.id;
    },
    ask: async () => (await passkeyToSignIn(deps)) as Options,
  };
}

for (const kind of KEY_KINDS) {
  t.test(`${kind}: a passkey is added and signs in, without a name typed`, async (t) => {
    const { deps, add, ask } = site();
    const device = authenticator(kind, ORIGIN);
    const person = await add(device);
    t.equal(await personByPasskey(deps, device.get(await ask(), person)), person);
    t.equal(await personByPasskey(deps, device.get(await ask(), person)), person);
    const [kept] = await deps.people.passkeysOf(person);
    t.match(kept, { id: device.id, counter: 2, label: '手机', transports: ['internal'], usedMs: AT_MS });
  });

  const LIES: Readonly<Record<string, Lies>> = {
    'another origin': { origin: 'https://kezheng.example.net' },
    'the same host at another port': { origin: `${ORIGIN}:8443` },
    'the same host in the open': { origin: 'http://kezheng.example' },
    'a domain below': { origin: 'https://a.kezheng.example' },
    'another relying party': { rpId: 'example' },
    'a page within a page': { crossOrigin: true },
    'a user who was not verified': { flags: 0x01 },
    'a user who was not there': { flags: 0x04 },
    'a challenge that nobody made': { challenge: 'AAAA' },
    'the other ceremony': { type: 'payment.get' },
    'the id of another passkey': { id: 'AAAA' },
  };
  for (const [what, lies] of Object.entries(LIES)) {
    t.test(`${kind}: no passkey is added by ${what}`, async (t) => {
      const { deps, add, owner } = site();
      const person = owner();
      await t.rejects(add(authenticator(kind, ORIGIN), person, lies), PasskeyRefused);
      t.strictSame(await deps.people.passkeysOf(person.id), []);
    });
    t.test(`${kind}: nobody is signed in by ${what}`, async (t) => {
      const { deps, add, ask } = site();
      const device = authenticator(kind, ORIGIN);
      const person = await add(device);
      await t.rejects(personByPasskey(deps, device.get(await ask(), person, lies)), PasskeyRefused);
      t.match(await deps.people.passkey(device.id), { counter: 0, usedMs: undefined });
    });
  }

  t.test(`${kind}: a signature by another key signs nobody in`, async (t) => {
    const { deps, add, ask } = site();
    const device = authenticator(kind, ORIGIN);
    const person = await add(device);
    const { privateKey: key } = authenticator(kind, ORIGIN).keys;
    await t.rejects(personByPasskey(deps, device.get(await ask(), person, { key })), PasskeyRefused);
  });

  t.test(`${kind}: one passkey does not sign another person in`, async (t) => {
    const { deps, add, ask } = site();
    const [mine, other] = [authenticator(kind, ORIGIN), authenticator(kind, ORIGIN)];
    const [me, victim] = [await add(mine), await add(other)];
    await t.rejects(personByPasskey(deps, mine.get(await ask(), victim)), /user handle/);
    await t.rejects(personByPasskey(deps, mine.get(await ask(), victim, { id: other.id })), PasskeyRefused);
    t.equal(await personByPasskey(deps, mine.get(await ask(), me)), me);
  });

  t.test(`${kind}: each bit of what was signed counts`, async (t) => {
    const { deps, add, ask } = site();
    const device = authenticator(kind, ORIGIN);
    const person = await add(device);
    for (const part of ['clientDataJSON', 'authenticatorData', 'signature'] as const)
      for (const at of [0, 0.3, 0.6, 0.99]) {
        const answer = device.get(await ask(), person);
        const bytes = Buffer.from(answer[part], 'base64url');
        bytes[Math.floor(at * bytes.length)]! ^= 1;
        const damaged = { ...answer, [part]: bytes.toString('base64url') };
        await t.rejects(personByPasskey(deps, damaged), PasskeyRefused, `${part} at ${at}`);
      }
  });
}

t.test('what is asked for is what is checked: a user verified, discoverable, nothing attested', async (t) => {
  const { deps, owner } = site();
  const person = owner();
  t.match(await passkeyToAdd(deps, person, SESSION), {
    rp: { id: 'kezheng.example', name: '可证' },
    user: { id: Buffer.from(person.id.replaceAll('-', ''), 'hex').toString('base64url') },
    attestation: 'none',
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    excludeCredentials: [],
  });
  const options = await passkeyToSignIn(deps);
  t.match(options, { rpId: 'kezheng.example', userVerification: 'required' });
  t.notOk(
    (options as { allowCredentials?: unknown }).allowCredentials,
    'nobody learns whose passkeys there are',
  );
});

t.test('an answer counts once, and so does a challenge that was answered wrongly', async (t) => {
  const { deps, add, ask } = site();
  const device = authenticator('P-256', ORIGIN);
  const person = await add(device);
  const answer = device.get(await ask(), person);
  await personByPasskey(deps, answer);
  await t.rejects(personByPasskey(deps, answer), /was used/);
  const options = await ask();
  await t.rejects(personByPasskey(deps, device.get(options, person, { flags: 0 })), PasskeyRefused);
  await t.rejects(personByPasskey(deps, device.get(options, person)), /was used/);
});

t.test('of many who answer one challenge at once, one is signed in', async (t) => {
  const { deps, add, ask } = site();
  const device = authenticator('P-256', ORIGIN);
  const person = await add(device);
  const options = await ask();
  const tries = Array.from({ length: 20 }, () => personByPasskey(deps, device.get(options, person)));
  t.equal((await Promise.allSettled(tries)).filter(({ status }) => status === 'fulfilled').length, 1);
});

t.test('a challenge ends', async (t) => {
  const { deps, add, ask, pass } = site();
  const device = authenticator('P-256', ORIGIN);
  const person = await add(device);
  const options = await ask();
  pass(6 * 60_000);
  await t.rejects(personByPasskey(deps, device.get(options, person)), /is over/);
});

t.test('a challenge is good for what it was made for, and in the session in which it was made', async (t) => {
  const { deps, add, ask, owner } = site();
  const device = authenticator('P-256', ORIGIN);
  await t.rejects(add(device, owner(), {}, 'b'.repeat(64)), /another session/);
  const [mine, other] = [owner(), owner()];
  const options = (await passkeyToAdd(deps, mine, SESSION)) as Options;
  const given = { session: SESSION, label: 'x', answer: device.create(options) };
  await t.rejects(addPasskey(deps, { ...given, person: other.id }), /another session/);
  const answer = device.create(await ask());
  await t.rejects(addPasskey(deps, { person: mine.id, session: SESSION, label: 'x', answer }), /not made/);
  const person = await add(device);
  const adding = (await passkeyToAdd(deps, mine, SESSION)) as Options;
  await t.rejects(personByPasskey(deps, device.get(adding, person)), /not made/);
});

t.test('a counter that goes back or stands still is refused, and says whose passkey it is', async (t) => {
  const { deps, add, ask } = site();
  const device = authenticator('P-256', ORIGIN);
  const person = await add(device);
  await personByPasskey(deps, device.get(await ask(), person, { counter: 7 }));
  for (const counter of [0, 1, 6, 7]) {
    const copied = await personByPasskey(deps, device.get(await ask(), person, { counter })).catch((e) => e);
    t.type(copied, PasskeyCopied);
    t.equal(copied.passkey.person, person);
  }
  t.equal(await personByPasskey(deps, device.get(await ask(), person, { counter: 8 })), person);
});

t.test('a passkey without a counter signs in again and again', async (t) => {
  const { deps, add, ask } = site();
  const device = authenticator('Ed25519', ORIGIN);
  const person = await add(device);
  for (let i = 0; i < 3; i++)
    t.equal(await personByPasskey(deps, device.get(await ask(), person, { counter: 0 })), person);
});

t.test('a passkey that was removed signs nobody in, whatever waits', async (t) => {
  const { deps, add, ask } = site();
  const device = authenticator('P-256', ORIGIN);
  const person = await add(device);
  const answer = device.get(await ask(), person);
  await deps.people.removePasskey(person, device.id);
  await t.rejects(personByPasskey(deps, answer), /no such passkey/);
});

t.test('a passkey has one owner, and an owner so many passkeys', async (t) => {
  const { deps, add, owner } = site();
  const [device, person] = [authenticator('P-256', ORIGIN), owner()];
  await add(device, person);
  await t.rejects(add(device), /registered already/);
  for (let i = 1; i < MAX_PASSKEYS; i++) await add(authenticator('Ed25519', ORIGIN), person);
  t.equal(await passkeyToAdd(deps, person, SESSION), 'too-many-passkeys');
});

t.test('certificates of makers are refused before anybody looks at them', async (t) => {
  const fetched: unknown[] = [];
  const { fetch } = globalThis;
  globalThis.fetch = async (...args) => {
    fetched.push(args[0]);
    return fetch(...args);
  };
  t.teardown(() => {
    globalThis.fetch = fetch;
  });
  const { add, owner } = site();
  const device = () => authenticator('P-256', ORIGIN);
  const statement: NonNullable<Lies['statement']> = new Map();
  statement
    .set('alg', -7)
    .set('sig', new Uint8Array(64))
    .set('x5c', [new Uint8Array(300)]);
  for (const format of ['packed', 'tpm', 'apple', 'android-key', 'android-safetynet', 'fido-u2f', 'new'])
    await t.rejects(add(device(), owner(), { format, statement }), /not asked for/, format);
  t.strictSame(fetched, []);
});

t.test('what is no answer at all is refused', async (t) => {
  const { deps, add, ask } = site();
  const device = authenticator('P-256', ORIGIN);
  const person = await add(device);
  for (const part of ['clientDataJSON', 'authenticatorData', 'signature'] as const)
    for (const wrong of ['', 'e30', 'bnVsbA', 'gA', '*', 'A'.repeat(4_000)]) {
      const answer = { ...device.get(await ask(), person), [part]: wrong };
      await t.rejects(personByPasskey(deps, answer), PasskeyRefused, `${part} ${wrong.slice(0, 8)}`);
    }
  const { owner } = site();
  for (const wrong of ['', 'oA', 'gA', '*', 'A'.repeat(4_000)]) {
    const options = (await passkeyToAdd(deps, owner(), SESSION)) as Options;
    const answer = { ...device.create(options), attestationObject: wrong };
    const given = { person, session: SESSION, label: 'x', answer };
    await t.rejects(addPasskey(deps, given), PasskeyRefused, wrong.slice(0, 8));
  }
});
