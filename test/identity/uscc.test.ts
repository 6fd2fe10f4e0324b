import t from 'tap';
import { isUscc } from '../../server/identity/uscc.ts';

/** The example of GB 32100-2015 itself, and codes that stand on public licences. */
const GOOD = ['91350100M000100Y43', '91350200MA2YJ1XR9G', '914403001922038216', '9144030071526726XG'];

t.test('codes as they are issued are taken', async (t) => {
  for (const code of GOOD) t.ok(isUscc(code), code);
});

t.test('one character wrong, or two neighbours exchanged, and it is refused', async (t) => {
  for (const code of GOOD)
    for (let at = 0; at < code.length; at++) {
      const other = code[at] === '7' ? '8' : '7';
      t.notOk(isUscc(code.slice(0, at) + other + code.slice(at + 1)), `${code} at ${at}`);
      const [one, two] = [code[at]!, code[at + 1]];
      if (two !== undefined && one !== two)
        t.notOk(isUscc(code.slice(0, at) + two + one + code.slice(at + 2)), `${code} exchanged at ${at}`);
    }
});

t.test('what is no code at all is refused', async (t) => {
  for (const text of [
    '',
    '123',
    `${GOOD[0]}1`,
    GOOD[0]!.toLowerCase(),
    ` ${GOOD[0]}`,
    'I'.repeat(18),
    '𠮷'.repeat(18),
  ])
    t.notOk(isUscc(text), text);
});
