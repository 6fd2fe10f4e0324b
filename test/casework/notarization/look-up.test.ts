import t from 'tap';
import { factsFor, type LookUps } from '../../../server/casework/notarization/look-up.ts';
import { nothing } from '../../support/nothing.ts';
import { ORGS, PEOPLE, REGISTERED, uuidOf } from './people.ts';
import { APPLICATION, caseIn, item } from './story.ts';

/* What is found out for the guards: whose deposits are named, and who belongs to whom. */

/** One item is the applicant's, one the stranger's. */
const OWNERS: Readonly<Record<string, string>> = {
  [item(1).id]: ORGS.applicant,
  [item(2).id]: ORGS.stranger,
  [uuidOf(601)]: ORGS.firm,
  [uuidOf(900)]: ORGS.office,
};

const asked: string[] = [];
const look = async (organization: string, id: string) => {
  asked.push(`${organization} ${id}`);
  return { evidence: id, verdict: 'not-there', checks: [], files: [] };
};
const deps = {
  store: {
    identityNumber: async (id: string) => ({
      ...{ id, organization: ORGS.applicant, masked: '330***********0012' },
      erasedMs: id === uuidOf(602) ? 1 : undefined,
    }),
    officeSettings: async () => ({}),
    deedByNumber: nothing,
    organization: async (id: string) => REGISTERED[id] && { id, role: REGISTERED[id] },
    membersOf: async (id: string) =>
      Object.values(PEOPLE).filter(({ organization, person }) => organization === id && person !== null),
    evidence: async (organization: string, id: string) => (OWNERS[id] === organization ? { id } : undefined),
  },
  notariesOf: async () => [PEOPLE.notary.person],
  checkEvidence: look,
  glanceAt: look,
} as unknown as LookUps;

const factsOf = (input: unknown, organization: string | undefined, action = 'open') =>
  factsFor(deps, { record: undefined, action, input, organization, nowMs: 0 });

t.test('only what belongs to whoever acts is his own, whomever else he names', async (t) => {
  const input = { application: APPLICATION };
  const own = async (organization: string | undefined) => (await factsOf(input, organization)).own;
  t.strictSame(await own(ORGS.applicant), [item(1).id]);
  t.strictSame(await own(ORGS.stranger), [item(2).id]);
  t.strictSame(await own(ORGS.firm), [uuidOf(601)]);
  t.strictSame(await own(undefined), []);
  const supplied = { answers: [{ point: 1, text: '见附件' }], evidence: [item(1), item(2)] };
  t.strictSame((await factsOf(supplied, ORGS.stranger, 'supply')).own, [item(2).id]);
  const granted = { organization: ORGS.court, role: 'court', purpose: '审理', untilMs: 1 };
  t.strictSame((await factsOf({ ...granted, attachment: uuidOf(900) }, ORGS.office)).own, [uuidOf(900)]);
  t.strictSame((await factsOf(granted, ORGS.office)).own, []);
});

t.test('members of applicants and agents are interested, and each organization has its kind', async (t) => {
  const facts = await factsOf({ application: APPLICATION }, ORGS.applicant);
  t.strictSame(
    facts.interested.toSorted(),
    [PEOPLE.applicant, PEOPLE.reader, PEOPLE.agent].map(({ person }) => person).toSorted(),
  );
  t.match(facts.organizations, {
    [ORGS.applicant]: 'depositor',
    [ORGS.firm]: 'law-firm',
    [ORGS.office]: 'notary',
  });
});

t.test('an identity number is known by what is kept of it, and no longer once it was erased', async (t) => {
  const agent = { ...APPLICATION.agent!, identity: { reference: uuidOf(602), masked: '330***********0012' } };
  t.strictSame((await factsOf({ application: { ...APPLICATION, agent } }, ORGS.applicant)).identityNumbers, {
    [uuidOf(600)]: { organization: ORGS.applicant, masked: '330***********0012' },
  });
});

t.test('an input that is not as its schema asks names nothing', async (t) => {
  for (const input of [
    null,
    7,
    { application: { ...APPLICATION, applicants: 7 } },
    { application: { ...APPLICATION, office: {} } },
    { evidence: 'x' },
  ])
    t.match(await factsOf(input, ORGS.applicant), { own: [], interested: [], notaries: [] });
});

t.test('an item is looked at as its stored owner’s alone', async (t) => {
  const { record } = caseIn('submitted');
  await factsFor(deps, { record, action: 'accept', input: {}, organization: ORGS.office, nowMs: 0 });
  t.strictSame(
    asked,
    [1, 2].map((n) => `${ORGS.applicant} ${item(n).id}`),
  );
});
