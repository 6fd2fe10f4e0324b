import t from 'tap';
import { codeOf, normalCode } from '../../../server/casework/notarization/deed/papers.ts';
import { stampBy } from '../../../server/casework/notarization/deed/stamp.ts';
import { encodeRefusal } from '../../../server/core/token/response.ts';
import type { CasePaper } from '../../../server/ports/cases.ts';

/* The code of a deed, and the time-stamp on its signature where the clock is in doubt. */

function memory() {
  const papers = new Map<string, CasePaper>();
  return {
    papers,
    keepPaper: async (paper: CasePaper) => {
      const key = `${paper.case} ${paper.name}`;
      if (!papers.has(key)) papers.set(key, paper);
      return papers.get(key)!;
    },
    replacePaper: async () => {},
    paper: async (id: string, name: string) => papers.get(`${id} ${name}`),
    papersOf: async () => [],
  };
}

t.test('a case has one code of 80 random bits, however many ask for it at once', async (t) => {
  const store = memory();
  const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(store, 'a')));
  t.equal(new Set([...codes, await codeOf(store, 'a')]).size, 1);
  t.match(codes[0], /^(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
  const many = await Promise.all(Array.from({ length: 300 }, (_, n) => codeOf(memory(), `${n}`)));
  t.equal(new Set(many).size, 300);
  t.equal(new Set(many.join('').replaceAll('-', '')).size, 32, 'each letter of the alphabet occurs');
});

t.test('a code is read as people type it, and as nothing else', async (t) => {
  const code = '01AB-CDEF-GHJK-MNPQ';
  for (const typed of [
    code,
    code.toLowerCase(),
    'oiab cdef ghjk mnpq',
    'OLABCDEFGHJKMNPQ',
    '０１ＡＢ-CDEF-GHJK-MNPQ',
  ])
    t.equal(normalCode(typed), code, typed);
  for (const other of ['', '01AB-CDEF-GHJK-MNP', `${code}0`, '01AB-CDEF-GHJK-MNPR'])
    t.not(normalCode(other), code);
});

t.test('where the authority gives no time there is no stamp, and it says why', async (t) => {
  const bytes = encodeRefusal('timeNotAvailable', '时钟存疑');
  const stamp = stampBy({ answer: async () => ({ outcome: 'time-not-available', bytes }) });
  await t.rejects(stamp(new Uint8Array(32)), { code: 'deed-stamp-away', detail: { said: '时钟存疑' } });
});
