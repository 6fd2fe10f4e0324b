import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { STAMP_CODES } from '../../server/cli/stamp.ts';
import { REASON_CODES } from '../../server/core/reason.ts';
import { CASE_CHECK_IDS } from '../../server/core/verify/case-report.ts';
import { CHECK_IDS, NOT_PROVEN } from '../../server/core/verify/report.ts';
import { DEED_CODES } from '../../server/documents/deed/problem.ts';
import { PROBLEM_CODES } from '../../server/http/problem.ts';
import { ENTRY_STATES } from '../../server/http/schemas.ts';
import { en } from '../../server/messages/en.ts';
import { sentence } from '../../server/messages/sentence.ts';
import type { Subject } from '../../server/messages/subjects.ts';
import { zh } from '../../server/messages/zh.ts';
import { ITEM_CODES } from '../../server/pipeline/check-many.ts';
import { DOOR_CODES } from '../../server/ports/door.ts';
import { PKCS12_CODES } from '../../server/ports/office-key.ts';
import { REVOCATION_CODES } from '../../server/ports/revocation.ts';
import { TOKEN_CODES } from '../../server/ports/tsp.ts';
import { DISABLED_WHY, WEBHOOK_CODES } from '../../server/ports/webhooks.ts';

const SERVER = join(import.meta.dirname, '..', '..', 'server');
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);

t.test('both languages have the same sentences with the same values in them', async (t) => {
  for (const subject of Object.keys(zh) as Subject[]) {
    t.strictSame(Object.keys(zh[subject]), Object.keys(en[subject]), subject);
    for (const [code, text] of Object.entries(zh[subject])) {
      t.match(text, /[\u4e00-\u9fff]/, `${subject} ${code} is Chinese`);
      const other = en[subject][code]!;
      const surplus = placeholders(other).filter((name) => !placeholders(text).includes(name));
      t.ok(
        surplus.length === 0 || placeholders(text).length === 0 || subject === 'reason',
        `${subject} ${code}`,
      );
    }
  }
});

t.test('every code that can reach a person has its sentence, and every sentence its code', async (t) => {
  const subjects: Readonly<Partial<Record<Subject, readonly string[]>>> = {
    reason: REASON_CODES,
    check: CHECK_IDS,
    'case-check': CASE_CHECK_IDS,
    problem: PROBLEM_CODES,
    state: ENTRY_STATES,
    item: ITEM_CODES,
    'not-proven': NOT_PROVEN,
    deed: [...DEED_CODES, ...PKCS12_CODES],
    outside: [
      ...new Set([...DOOR_CODES, ...REVOCATION_CODES, ...STAMP_CODES, ...TOKEN_CODES, ...WEBHOOK_CODES]),
    ],
    webhook: DISABLED_WHY,
    status: ['passed', 'failed', 'skipped', 'unknown'],
  };
  for (const [subject, codes] of Object.entries(subjects))
    t.strictSame(Object.keys(zh[subject as Subject]).sort(), [...codes].sort(), subject);
});

t.test('every code of a chain problem or an alarm has a sentence on the health page', async (t) => {
  const text = ['ports/chain.ts', 'pipeline/anchor.ts']
    .map((file) => readFileSync(join(SERVER, file), 'utf8'))
    .join('');
  const declared = [
    ...text.matchAll(/^ {2}\| '([a-z-]+)'/gm),
    ...text.matchAll(/AnchorAlarm\('([a-z-]+)'/g),
  ].map(([, code]) => code!);
  t.ok(declared.length > 8);
  for (const code of declared) t.ok(zh.health[code], code);
});

t.test('every word of the page is used by it, and it uses no other', async (t) => {
  const folder = join(SERVER, 'web');
  const text = (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('');
  // Codes that are put together from a word of the report and what stands before it.
  const prefixes = [...text.matchAll(/`([a-z]+(?:-[a-z]+)*-)\$\{/g)].map(([, prefix]) => prefix!);
  const codes = Object.keys(zh.page);
  for (const code of codes)
    t.ok(text.includes(`'${code}'`) || prefixes.some((prefix) => code.startsWith(prefix)), code);
  const used = [...text.matchAll(/\b(?:page|plain|known|pageWith|titled|note)\(\s*'([a-z-]+)'/g)].map(
    ([, code]) => code!,
  );
  t.ok(used.length > 60);
  for (const code of used) t.ok(codes.includes(code), code);
});

t.test('values that a reason carries are the ones its sentence asks for', async (t) => {
  const files = (readdirSync(join(SERVER, 'core'), { recursive: true }) as string[]).filter((name) =>
    name.endsWith('.ts'),
  );
  const code = files.map((file) => readFileSync(join(SERVER, 'core', file), 'utf8')).join('\n');
  for (const reason of REASON_CODES) {
    const uses = code.split(`'${reason}'`).length - 1;
    t.ok(uses >= 2, `${reason} is used`);
  }
});

t.test('a code without a sentence stands for itself, a value that is missing stays visible', async (t) => {
  t.equal(sentence('zh', 'problem', 'no-such-code'), 'no-such-code');
  t.equal(sentence('en', 'problem', 'scope-missing'), 'this key has no scope {scope}');
  t.equal(sentence('en', 'problem', 'scope-missing', { scope: 'x' }), 'this key has no scope x');
});
