import fc from 'fast-check';
import t from 'tap';
import { newRecoveryCodes, recoveryHash } from '../../server/identity/recovery.ts';

t.test('ten codes of four groups, each another one, and their hashes say nothing of them', async (t) => {
  const { codes, hashes } = newRecoveryCodes();
  t.equal(codes.length, 10);
  for (const code of codes) t.match(code, /^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
  t.equal(new Set(codes).size, 10);
  for (const hash of hashes) t.match(hash, /^[0-9a-f]{64}$/);
  t.strictSame(codes.map(recoveryHash), hashes);
});

t.test('all characters come, each about as often: every bit is random', async (t) => {
  const text = Array.from({ length: 200 }, () => newRecoveryCodes().codes.join(''))
    .join('')
    .replaceAll('-', '');
  const counts = new Map<string, number>();
  for (const one of text) counts.set(one, (counts.get(one) ?? 0) + 1);
  t.equal(counts.size, 32);
  // 32,000 characters, a thousand of each: a deviation of 31, and eight of them.
  for (const [one, count] of counts) t.ok(Math.abs(count - 1_000) < 250, `${one}: ${count}`);
});

t.test('codes are read as people write them', async () => {
  const { codes, hashes } = newRecoveryCodes();
  const writing = fc.record({
    parted: fc.constantFrom('', '-', ' ', '–', '－', ' - ', '\t'),
    lower: fc.boolean(),
    wide: fc.boolean(),
    one: fc.constantFrom('1', 'I', 'l', 'L', 'i'),
    zero: fc.constantFrom('0', 'O', 'o'),
  });
  fc.assert(
    fc.property(fc.nat(9), writing, (i, { parted, lower, wide, one, zero }) => {
      const groups = codes[i]!.split('-').map((group) => (lower ? group.toLowerCase() : group));
      const typed = groups.join(parted).replaceAll('1', one).replaceAll('0', zero);
      const written = wide
        ? typed.replaceAll(/[0-9A-Za-z]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0))
        : typed;
      return recoveryHash(` ${written} `) === hashes[i];
    }),
  );
});

t.test('what is another code, or none, is not taken for one', async (t) => {
  const { codes, hashes } = newRecoveryCodes();
  const code = codes[0]!;
  for (let at = 0; at < code.length; at++) {
    if (code[at] === '-') continue;
    const other = code[at] === '7' ? '8' : '7';
    t.notOk(hashes.includes(recoveryHash(code.slice(0, at) + other + code.slice(at + 1)) ?? ''), `at ${at}`);
  }
  for (const none of [
    '',
    code.slice(1),
    `${code}0`,
    `${code.slice(0, -1)}U`,
    `${code.slice(0, -1)}*`,
    '𝔸'.repeat(9),
  ])
    t.equal(recoveryHash(none), undefined, none);
});
