import { fastifyCookie } from '@fastify/cookie';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { ensureIssuer } from '../../server/adapters/issuer.ts';
import { createAccesses } from '../../server/casework/access.ts';
import { type AccessRoutes, accessRoutes } from '../../server/http/access.ts';
import { installProblems } from '../../server/http/problem.ts';
import { sessionCookieOf } from '../../server/http/session-cookie.ts';
import { installPeople } from '../../server/http/signed-in.ts';
import { validatorCompiler } from '../../server/http/validation.ts';
import { membershipOf, newPerson } from '../../server/identity/invitations.ts';
import { type Store, StoreUnavailable } from '../../server/ports/store.ts';
import { addOrganization, entryOf, idAt, NOW_MS } from '../suites/sample.ts';
import { accountsFor } from '../support/people-store.ts';

/* The order in which a reading is done, over a real store that fails or is slow at the one place that matters. */

const PUBLIC_URL = 'https://kezheng.example';

async function setting(t: Test, over: (store: Store, trace: string[]) => Partial<Store>) {
  const { store, clock, accounts } = await accountsFor(t);
  const owner = await addOrganization(store);
  const operator = { id: idAt(NOW_MS), name: '运营者', role: 'operator' as const, uscc: undefined };
  await store.addOrganization({ ...operator, createdMs: NOW_MS });
  const person = newPerson({ login: 'ying', name: '营', password: 'x' }, NOW_MS);
  await store.addPerson(person, membershipOf(person.id, operator.id, ['member'], NOW_MS));
  const { token } = await accounts.sessions.open(person.id, operator.id, ['password']);
  const manifest = { format: 'kezheng-manifest/1', evidence: { title: '密' }, files: [], folder: null };
  const entry = entryOf(owner, { entry: JSON.stringify(manifest) });
  await store.deposit(entry);
  const trace: string[] = [];
  const watched = Object.assign(Object.create(store) as Store, over(store, trace));
  const issuer = await ensureIssuer(t.testdirName, '次序测试', NOW_MS);
  const accesses = createAccesses({ store: watched, issuer, clock, service: '测试' });
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(fastifyCookie, { hook: false });
  app.decorateRequest('caller', null as never);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => JSON.stringify);
  installProblems(app);
  const cookie = sessionCookieOf(PUBLIC_URL);
  const people = { sessions: accounts.sessions, cookie, origin: () => PUBLIC_URL };
  installPeople(app, { ...people, demands: async () => false });
  const unused = { checkKey: () => 'not-authenticated' as const, expectation: { certificateMs: () => 0 } };
  accessRoutes(app, { ...unused, store: watched, accesses, clock } as unknown as AccessRoutes);
  const read = (what = '') =>
    app.inject({
      url: `/v1/organizations/${owner}/evidence/${entry.id}${what}?reason=x`,
      headers: { cookie: `${cookie.name}=${token}` },
    });
  return { store, id: entry.id, read, trace };
}

t.test('where the event cannot be kept nothing is answered of the evidence, whatever is asked', async (t) => {
  const { read, store, id } = await setting(t, () => ({
    stepCase: async () => {
      throw new StoreUnavailable('away');
    },
  }));
  for (const what of ['', '/certificate', '/files/0']) {
    const answer = await read(what);
    t.equal(answer.statusCode, 503, what);
    t.equal(answer.json().code, 'store-unavailable');
    t.notMatch(answer.body, '密');
  }
  t.equal(await store.caseById(id), undefined);
});

t.test('an event that is overtaken for ever answers nothing either', async (t) => {
  const { read } = await setting(t, () => ({ stepCase: async () => 'overtaken' as const }));
  const answer = await read();
  t.match(answer.json(), { code: 'case-busy', status: 503 });
  t.notMatch(answer.body, '密');
});

t.test('the answer waits until the event is durable, and finds it in the store', async (t) => {
  const { read, store, id, trace } = await setting(t, (store, trace) => ({
    async stepCase(step) {
      trace.push('begun');
      await new Promise((resolve) => setTimeout(resolve, 100));
      const outcome = await store.stepCase(step);
      trace.push('kept');
      return outcome;
    },
    async placeOf(sequence) {
      trace.push('read');
      return store.placeOf(sequence);
    },
  }));
  const answer = await read();
  t.equal(answer.statusCode, 200);
  t.match(answer.body, '密');
  t.strictSame(trace, ['begun', 'kept', 'read']);
  t.equal((await store.caseEvents(id, 0, 10)).length, 1);
});
