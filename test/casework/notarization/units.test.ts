import fc from 'fast-check';
import t from 'tap';
import { NOTICES } from '../../../server/casework/notarization/codes.ts';
import { keptFen, owedFen, totalFen } from '../../../server/casework/notarization/fees.ts';
import {
  hasIdentityNumber,
  holdsIdentityNumber,
} from '../../../server/casework/notarization/identity-number.ts';
import { CURRENT_NOTICES, versionInForce } from '../../../server/casework/notarization/notices.ts';

/** ISO 7064 MOD 11-2 as the standard's own recursion, digit by digit. */
function checkCharacter(seventeen: string): string {
  let remainder = 0;
  for (const digit of seventeen) remainder = ((remainder + Number(digit)) * 2) % 11;
  const check = (12 - remainder) % 11;
  return check === 10 ? 'X' : String(check);
}

const seventeen = fc
  .tuple(
    fc.integer({ min: 110_000, max: 820_000 }),
    fc.integer({ min: 1900, max: 2026 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 31 }),
    fc.integer({ min: 0, max: 999 }),
  )
  .map(([region, year, month, day, serial]) =>
    [
      region,
      year,
      String(month).padStart(2, '0'),
      String(day).padStart(2, '0'),
      String(serial).padStart(3, '0'),
    ].join(''),
  );

t.test('an identity number is found wherever it stands in a text', async () => {
  fc.assert(
    fc.property(seventeen, fc.constantFrom('', '身份证', '：', ' ', '（'), (digits, around) => {
      const number = digits + checkCharacter(digits);
      return (
        hasIdentityNumber(`${around}${number}${around}`) &&
        hasIdentityNumber(`见${number.toLowerCase()}，另附`)
      );
    }),
  );
});

t.test(
  'what only looks like one is none: another check character, a part of a digest, a credit code',
  async (t) => {
    fc.assert(
      fc.property(seventeen, fc.constantFrom(...'0123456789X'), (digits, last) => {
        return hasIdentityNumber(digits + last) === (last === checkCharacter(digits));
      }),
    );
    const number = `11010519491231002${checkCharacter('11010519491231002')}`;
    t.equal(number, '11010519491231002X');
    const [before, after] = [number.slice(0, 6), number.slice(6)];
    for (const written of [
      `ID${number}号`,
      [...number].map((one) => String.fromCodePoint(one.codePointAt(0)! + 0xfee0)).join(''),
      `${before} ${after}`,
      `${before}-${after.slice(0, 8)}-${after.slice(8)}`,
      `${before}\u200b${after}`,
      `2026年11月29日 ${number}`,
    ])
      t.ok(hasIdentityNumber(written), written);
    t.notOk(hasIdentityNumber(`${'a'.repeat(23)}${number}${'b'.repeat(23)}`), 'within a digest');
    t.notOk(hasIdentityNumber(`${number}0`));
    t.notOk(hasIdentityNumber('123502001549897397'), 'a credit code that is all digits');
    t.notOk(hasIdentityNumber('330***********0012'));
    t.ok(holdsIdentityNumber({ a: [1, null, { b: number }] }));
    t.notOk(holdsIdentityNumber({ a: [1, null, true] }));
    t.notOk(holdsIdentityNumber(undefined));
  },
);

t.test('what is owed is never negative, and paying it settles it', async () => {
  const fen = fc.integer({ min: 1, max: 100_000_000_000 });
  const money = fc.array(
    fen.map((amount) => ({ fen: amount })),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(money, money, fc.option(fen), (items, payments, waived) => {
      const fees = {
        items: items.map((one) => ({ ...one, name: '公证费' })),
        waiver: waived === null ? null : { fen: waived, reason: '', atMs: 0 },
        payments: payments.map((one) => ({ ...one, method: 'bank' as const, reference: '', atMs: 0 })),
        refunds: [],
      };
      const owed = owedFen(fees);
      const expected = totalFen(fees) - (waived ?? 0) - keptFen(fees);
      const paid = {
        ...fees,
        payments: [...fees.payments, { fen: owed, method: 'bank' as const, reference: '', atMs: 0 }],
      };
      return owed === (expected > 0 ? expected : 0) && owedFen(paid) === 0;
    }),
  );
});

t.test('there are five notices, each with a version and a text in both languages', async (t) => {
  t.strictSame(
    CURRENT_NOTICES.map(({ code }) => code),
    NOTICES,
  );
  t.equal(NOTICES.length, 5);
  for (const { code, version, zh, en } of CURRENT_NOTICES) {
    t.equal(version, versionInForce(code));
    t.match(zh, /[\u4e00-\u9fff]{8}/);
    t.match(en, /[a-z ]{15}/);
  }
});
