import { randomBytes } from 'node:crypto';
import t from 'tap';
import {
  eraseIdentityNumber,
  IDENTITY_KINDS,
  type IdentityKind,
  keepIdentityNumber,
  maskIdentityNumber,
  normalIdentityNumber,
  readIdentityNumber,
  whyNoIdentityNumber,
} from '../../server/identity/identity-numbers.ts';
import { sealingWith, Unsealable } from '../../server/identity/sealed.ts';
import { memoryPeople } from '../support/people.ts';

const AT_MS = Date.parse('2026-11-01T00:00:00Z');
/** The examples of GB 11643-1999 itself, and one that another implementation computed. */
const RESIDENT = ['11010519491231002X', '440524188001010014', '34052419800101001X'];

const why = (kind: IdentityKind, text: string, nowMs = AT_MS) =>
  whyNoIdentityNumber(kind, normalIdentityNumber(kind, text), nowMs);

t.test('numbers as they are issued are taken, however they are typed', async (t) => {
  for (const number of RESIDENT) {
    t.equal(why('resident', number), undefined, number);
    t.equal(why('resident', ` ${number.slice(0, 6)} ${number.slice(6).toLowerCase()}`), undefined);
  }
  t.equal(why('resident', '１１０１０５１９４９１２３１００２ｘ'), undefined);
});

t.test('one digit wrong, or two neighbours exchanged, and it is refused', async (t) => {
  for (const number of RESIDENT)
    for (let at = 0; at < 18; at++) {
      for (const digit of '0123456789X') {
        const wrong = number.slice(0, at) + digit + number.slice(at + 1);
        if (wrong !== number) t.not(why('resident', wrong), undefined, wrong);
      }
      const exchanged = number.slice(0, at) + (number[at + 1] ?? '') + number[at] + number.slice(at + 2);
      if (exchanged !== number) t.not(why('resident', exchanged), undefined, exchanged);
    }
});

/** ISO 7064 MOD 11-2 the other way: the remainder is carried through all characters and must end as 1. */
function checked(first17: string): string {
  let remainder = 0;
  for (const digit of first17) remainder = ((remainder + Number(digit)) * 2) % 11;
  const check = (12 - remainder) % 11;
  return first17 + (check === 10 ? 'X' : check);
}

t.test('the date in it is a day, and none that is to come', async (t) => {
  for (const [day, is] of [
    ['20000229', undefined],
    ['19000229', 'identity-number-birth'],
    ['20010229', 'identity-number-birth'],
    ['20010431', 'identity-number-birth'],
    ['20011301', 'identity-number-birth'],
    ['20010100', 'identity-number-birth'],
    ['20261101', undefined],
    ['20261102', 'identity-number-birth'],
  ] as const)
    t.equal(why('resident', checked(`110105${day}001`)), is, day);
});

t.test('what is no number at all is refused', async (t) => {
  for (const text of [
    '',
    '110105491231002',
    `${RESIDENT[0]}0`,
    RESIDENT[0]!.slice(1),
    '𠮷'.repeat(18),
    'X'.repeat(18),
  ])
    t.equal(why('resident', text), 'identity-number-malformed', text);
  for (const text of ['', 'E123', 'E1234-678', '护照12345', 'E'.repeat(21)])
    t.equal(why('passport', text), 'identity-number-malformed', text);
  for (const text of ['', ' ', '-1', 'A\n1', 'A'.repeat(65), 'A\u202e1'])
    t.equal(why('other', text), 'identity-number-malformed', text);
  t.equal(why('passport', 'e 1234 5678'), undefined);
  t.equal(why('other', 'H12345678(9)'), undefined);
});

t.test('masked, a number shows so little that the rest cannot be guessed', async (t) => {
  t.equal(maskIdentityNumber('resident', RESIDENT[0]!), '110***********002X');
  t.equal(maskIdentityNumber('passport', 'E12345678'), 'E******78');
  t.equal(maskIdentityNumber('passport', 'E1234'), '****4');
  t.equal(maskIdentityNumber('other', '军A1'), '**1');
  t.equal(maskIdentityNumber('other', 'A'), 'A');
});

function office() {
  const people = memoryPeople();
  const key = new Uint8Array(randomBytes(32));
  const deps = { people, sealing: sealingWith(async () => [key]), clock: { nowMs: () => AT_MS } };
  return { deps, people };
}
const READER = { person: 'p', organization: 'o', purpose: 'case 1' };

t.test('a number is kept sealed, and what is shown of it is the masked form', async (t) => {
  const { deps, people } = office();
  for (const kind of IDENTITY_KINDS) {
    const kept = await keepIdentityNumber(deps, { organization: 'a', kind, number: RESIDENT[0]! });
    if (typeof kept === 'string') throw new Error(kept);
    const row = people.numbers.get(kept.id)!;
    t.match(row, { kind, organization: 'a', masked: kept.masked, createdMs: AT_MS });
    t.notOk(Buffer.from(row.sealed).includes('19491231'));
    t.notMatch(JSON.stringify({ ...row, sealed: 0 }), '19491231');
    t.strictSame(await readIdentityNumber(deps, kept.id, READER), { kind, number: RESIDENT[0] });
  }
  t.equal(
    await keepIdentityNumber(deps, { organization: 'a', kind: 'resident', number: '110105194912310021' }),
    'identity-number-check',
  );
  t.equal(people.numbers.size, IDENTITY_KINDS.length);
});

t.test('who reads a number leaves an event, before anything is read', async (t) => {
  const { deps, people } = office();
  const kept = await keepIdentityNumber(deps, { organization: 'a', kind: 'resident', number: RESIDENT[0]! });
  const { id } = kept as { id: string };
  await readIdentityNumber(deps, id, READER);
  t.match(people.events, [{ person: 'p', organization: 'o', atMs: AT_MS, action: 'identity-number-read' }]);
  t.strictSame(JSON.parse(people.events[0]!.detail), { identityNumber: id, of: 'a', purpose: 'case 1' });
  const row = people.numbers.get(id)!;
  people.numbers.set(id, { ...row, sealed: row.sealed.slice(1) });
  await t.rejects(readIdentityNumber(deps, id, READER), Unsealable);
  t.equal(people.events.length, 2);
  const record = people.recordAccountEvent;
  people.recordAccountEvent = async () => {
    throw new Error('no event');
  };
  await t.rejects(readIdentityNumber(deps, id, READER), /no event/);
  people.recordAccountEvent = record;
});

t.test('a number that was put into another row does not open', async (t) => {
  const { deps, people } = office();
  const [one, two] = await Promise.all(
    ['a', 'b'].map((organization) =>
      keepIdentityNumber(deps, { organization, kind: 'resident', number: RESIDENT[0]! }),
    ),
  );
  const [from, to] = [(one as { id: string }).id, (two as { id: string }).id];
  people.numbers.set(to, { ...people.numbers.get(to)!, sealed: people.numbers.get(from)!.sealed });
  await t.rejects(readIdentityNumber(deps, to, READER), { code: 'value-damaged' });
});

t.test('erased, a number is gone and its masked form stays; nothing is erased twice', async (t) => {
  const { deps, people } = office();
  const kept = await keepIdentityNumber(deps, { organization: 'a', kind: 'passport', number: 'E12345678' });
  const { id } = kept as { id: string };
  t.equal(await eraseIdentityNumber(deps, id, READER), true);
  t.equal(await eraseIdentityNumber(deps, id, READER), false);
  t.equal(await readIdentityNumber(deps, id, READER), 'erased');
  t.equal(await readIdentityNumber(deps, 'nothing', READER), 'not-found');
  t.match(people.numbers.get(id), { masked: 'E******78', erasedMs: AT_MS });
  t.strictSame(
    people.events.map(({ action }) => action),
    ['identity-number-erased'],
  );
});
