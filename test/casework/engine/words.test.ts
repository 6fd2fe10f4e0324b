import t from 'tap';
import type { Refused } from '../../../server/casework/engine/act.ts';
import { REFUSAL_CODES } from '../../../server/casework/engine/act.ts';
import { stateDiagram } from '../../../server/casework/engine/diagram.ts';
import { procedureChapter } from '../../../server/casework/engine/document.ts';
import { presentRefusal } from '../../../server/casework/engine/refusal.ts';
import { zh } from '../../../server/messages/zh.ts';
import { FACTS, sample } from './sample.ts';

const notarization = { name: 'notarization/1' };
const refusal = (changes: Partial<Refused>): Refused => ({
  outcome: 'refused',
  code: 'guard',
  detail: {},
  possible: [],
  ...changes,
});

t.test('every code of a refusal has a sentence', async (t) => {
  t.strictSame(Object.keys(zh['case-refusal']), [...REFUSAL_CODES]);
});

t.test('a refusal names guard and reason in both languages, codes in words', async (t) => {
  const shown = presentRefusal(
    notarization,
    refusal({
      guard: 'obtaining-lawful',
      detail: { question: 'obtaining.prohibition-violated' },
      possible: [
        {
          action: 'accept',
          to: 'accepted',
          allowed: false,
          code: 'guard',
          guard: 'no-conflict',
          detail: { relation: 'relation.self' },
        },
        { action: 'not-accept', to: 'not-accepted', allowed: true },
        {
          action: 'withdraw',
          to: 'withdrawn',
          allowed: false,
          code: 'not-yours',
          detail: { who: 'applicant, assistant' },
        },
      ],
    }),
  );
  t.equal(shown.guard, 'obtaining-lawful');
  t.equal(shown.zh, '取证方式不合法：是否违反法律禁止性规定');
  t.equal(shown.en, 'the evidence was obtained unlawfully: was a prohibition of law violated?');
  t.match(shown.possible, [
    { action: 'accept', name: { zh: '受理' }, guard: 'no-conflict', reason: { zh: /本人/ } },
    { action: 'not-accept', allowed: true },
    {
      code: 'not-yours',
      reason: { zh: /申请人或其代理人、公证员助理/, en: /applicant or agent, assistant/ },
    },
  ]);
});

t.test('the other refusals speak of states and actions by their names', async (t) => {
  const wrong = refusal({ code: 'state-wrong', detail: { action: 'accept', state: 'issued' } });
  t.match(presentRefusal(notarization, wrong), { zh: /已出具/, en: /issued/ });
  t.match(presentRefusal(notarization, refusal({ code: 'action-unknown', detail: { action: 'sing' } })), {
    en: 'this procedure has no action sing',
  });
  const owed = refusal({ guard: 'fees-settled', detail: { owed: 120 } });
  t.match(presentRefusal(notarization, owed).zh, /120 分/);
});

t.test('the diagram has every state, every way between two, and the ends', async (t) => {
  const lines = stateDiagram(sample).split('\n');
  t.equal(lines[0], 'stateDiagram-v2');
  const arrows = lines.filter((line) => line.includes('-->')).map((line) => line.trim().split(':')[0]);
  t.strictSame(arrows, [
    '[*] --> asked',
    'asked --> held',
    'held --> asked',
    'asked --> answered',
    'held --> dropped',
    'answered --> [*]',
    'dropped --> [*]',
  ]);
  t.equal(lines.filter((line) => line.includes(' as ')).length, sample.states.length);
});

t.test(
  'the chapter names the article of a law, and marks what the office set itself as no law',
  async (t) => {
    const text = procedureChapter(sample, FACTS);
    t.match(text, /《某法》第 1 条、《某法》第 2 条/);
    t.match(text, /`patience`.*10 小时.*公证机构自定，非法律规定/);
    t.match(procedureChapter(sample, { ...FACTS, hours: null }), /`patience`.*未设 none/);
  },
);
