import { readFileSync } from 'node:fs';
import t from 'tap';
import { PROCEDURES_FILE } from '../../scripts/readme/procedures.ts';
import { PROCEDURES, proceduresDocument } from '../../server/casework/document.ts';
import { tableProblems } from '../../server/casework/engine/problems.ts';
import { familyOf, type Procedure } from '../../server/casework/engine/table.ts';
import { CODES } from '../../server/casework/notarization/codes.ts';
import { en } from '../../server/messages/en.ts';
import type { CaseSubject } from '../../server/messages/subjects.ts';
import { zh } from '../../server/messages/zh.ts';

/*
 * What holds of every procedure.
 */

for (const { procedure } of PROCEDURES) {
  t.test(`${procedure.name}: its table has no problem`, async (t) => {
    t.strictSame(tableProblems(procedure), []);
  });

  t.test(
    `${procedure.name}: its inputs are closed, and every text, list and number in them has a limit`,
    async (t) => {
      for (const { action, input } of procedure.transitions)
        t.strictSame(unlimited(input as unknown as Shape, action), [], action);
    },
  );

  t.test(`${procedure.name}: actions have names that an event can carry`, async (t) => {
    for (const { action } of procedure.transitions) t.match(action, /^[a-z][a-z0-9-]{0,63}$/);
    t.match(procedure.name, /^[a-z][a-z-]{0,31}\/[1-9][0-9]{0,3}$/);
  });

  t.test(`${procedure.name}: each term and rule that is not of the office names its law`, async (t) => {
    for (const { basis } of Object.values(procedure.clocks))
      t.ok(basis === 'office-rule' || basis.articles.length > 0);
    for (const guard of Object.keys(procedure.bases)) t.ok(guard in procedure.guards, guard);
  });
}

interface Shape {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: unknown;
  readonly items?: Shape;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly maximum?: number;
  readonly pattern?: string;
}

/** Places without a limit. A pattern without * and + bounds its text, and so does {n,m}. */
function unlimited(shape: Shape, at: string): readonly string[] {
  if (shape.type === 'object')
    return [
      ...(shape.additionalProperties === false ? [] : [`${at} is open`]),
      ...Object.entries(shape.properties ?? {}).flatMap(([name, one]) => unlimited(one, `${at}.${name}`)),
    ];
  if (shape.type === 'array')
    return [...(shape.maxItems === undefined ? [at] : []), ...unlimited(shape.items!, `${at}[]`)];
  if (shape.type === 'integer') return shape.maximum === undefined ? [at] : [];
  if (shape.type === 'boolean' || shape.enum !== undefined) return [];
  const bounded = shape.pattern !== undefined && !/(?<!\\)[*+]|,\}/.test(shape.pattern);
  return shape.type === 'string' && (shape.maxLength !== undefined || bounded) ? [] : [at];
}

t.test('a list or text without a limit, and an open object, would be found', async (t) => {
  t.strictSame(unlimited({ type: 'string', pattern: '^[a-z]*$' }, 'a'), ['a']);
  t.strictSame(unlimited({ type: 'array', items: { type: 'string' } }, 'a'), ['a', 'a[]']);
  t.strictSame(unlimited({ type: 'object', properties: { b: { type: 'integer' } } }, 'a'), [
    'a is open',
    'a.b',
  ]);
});

t.test('every name of a procedure has its words in both languages, and there are no others', async (t) => {
  const names = (subject: CaseSubject, of: (procedure: Procedure) => readonly string[]): void => {
    const expected = PROCEDURES.flatMap(({ procedure }) =>
      [...new Set(of(procedure))].map((name) => `${familyOf(procedure)}.${name}`),
    );
    for (const language of [zh, en])
      t.strictSame(Object.keys(language[subject]).toSorted(), expected.toSorted(), subject);
  };
  names('case-state', ({ states }) => states);
  names('case-action', ({ transitions }) => transitions.map(({ action }) => action));
  names('case-guard', ({ guards }) => Object.keys(guards));
  names('case-clock', ({ clocks }) => Object.keys(clocks));
  names('case-who', ({ transitions }) => transitions.flatMap(({ who }) => who));
  names('case-code', () =>
    Object.entries(CODES).flatMap(([list, codes]) => codes.map((code) => `${list}.${code}`)),
  );
});

t.test(
  'the grounds of refusal are the nine of Article 31 in the words of the law, in its order',
  async (t) => {
    const law = [
      '无民事行为能力人或者限制民事行为能力人没有监护人代理申请办理公证的',
      '当事人与申请公证的事项没有利害关系的',
      '申请公证的事项属专业技术鉴定、评估事项的',
      '当事人之间对申请公证的事项有争议的',
      '当事人虚构、隐瞒事实，或者提供虚假证明材料的',
      '当事人提供的证明材料不充分或者拒绝补充证明材料的',
      '申请公证的事项不真实、不合法的',
      '申请公证的事项违背社会公德的',
      '当事人拒绝按照规定支付公证费的',
    ];
    t.strictSame(
      CODES.ground.map((code) => zh['case-code'][`notarization.ground.${code}`]),
      law,
    );
  },
);

t.test('the documentation is what the tables say', async (t) => {
  t.equal(readFileSync(PROCEDURES_FILE, 'utf8'), proceduresDocument());
});
