import t from 'tap';
import type { Application } from '../../../server/casework/notarization/application.ts';
import { partiesOf } from '../../../server/casework/notarization/deed/parties.ts';
import type { IdentityNumber } from '../../../server/ports/people.ts';
import { APPLICATION } from './story.ts';

/* Whom a deed names. */

const identity = { reference: '00000000-0000-7000-8000-000000000001', masked: '330***********0012' };
const deps = (kind: string | undefined) => ({
  store: {
    identityNumber: async (id: string): Promise<IdentityNumber | undefined> =>
      kind === undefined || id !== identity.reference
        ? undefined
        : {
            ...{ id, organization: 'o', kind, masked: identity.masked, sealed: new Uint8Array() },
            ...{ createdMs: 0, erasedMs: undefined },
          },
  },
});

const person: Application['applicants'][number] = {
  ...{ kind: 'person', organization: APPLICATION.office, name: '张三', identity },
};

t.test('a person is named with the kind of his document and its masked number', async (t) => {
  for (const [kind, word] of [
    ['resident', '居民身份证'],
    ['passport', '护照'],
    ['other', '身份证件'],
    [undefined, '身份证件'],
  ] as const) {
    const { applicants } = await partiesOf(deps(kind), { ...APPLICATION, applicants: [person] });
    t.strictSame(applicants, [{ kind: 'person', name: '张三', identity: `${word} 330***********0012` }]);
  }
  const { identity: _, ...unknown } = person;
  const { applicants } = await partiesOf(deps('resident'), { ...APPLICATION, applicants: [unknown] });
  t.equal(applicants[0]!.identity, null);
});

t.test('an organization is named with its code, an agent with what he acts by', async (t) => {
  const { applicants, agent } = await partiesOf(deps(undefined), APPLICATION);
  t.match(applicants, [
    { kind: 'organization', name: '甲公司', identity: '统一社会信用代码 91350200MA2YJ1XR9G' },
  ]);
  t.match(agent, { name: '李四，某律师事务所', identity: null, authority: '授权委托书，特别授权' });
  const { agent: __, ...alone } = APPLICATION;
  t.equal((await partiesOf(deps(undefined), alone)).agent, null);
});
