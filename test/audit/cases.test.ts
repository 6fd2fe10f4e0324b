import t from 'tap';
import { act, applicationOf, castOf, itemOf, open } from '../support/cases.ts';
import { run } from '../support/running.ts';
import { copyOf, inDatabase, look } from './installation.ts';

/*
 * Cases as a real service keeps them; each test damages a copy in one way, and fsck must name that and nothing else.
 */

t.setTimeout(200_000);
const service = await run();
const cast = await castOf(service);
const item = await itemOf(cast, '证据');
const ids: string[] = [];
for (const withdrawn of [false, true]) {
  const { id } = await open(cast.applicant, applicationOf(cast, [item]));
  await act(cast.applicant, id, 'submit');
  if (withdrawn) await act(cast.applicant, id, 'withdraw', { reason: '和解' });
  else await act(cast.assistant, id, 'request-correction', { points: ['日期'] });
  ids.push(id);
}
const [first, second] = ids as [string, string];
const running = await look(service.dataDir);
await service.pause();
t.teardown(() => service.stop());

t.test('beside a running service and a stopped one nothing is wrong', async (t) => {
  for (const { told } of [running, await look(service.dataDir)]) t.strictSame(told, []);
});

/** Of the journal: what a damaged entry is called besides. */
const DAMAGES: readonly { what: string; sql: (sequenceOf: string) => string; told: readonly string[] }[] = [
  {
    what: 'the leaf of an event',
    sql: () => `update case_events set leaf = '${'0'.repeat(64)}' where case_id = '${first}' and place = 1`,
    told: [`case-event-differs case_events/${first}:1`],
  },
  {
    what: 'what an event says',
    sql: () => `update case_events set content = '{}' where case_id = '${first}' and place = 2`,
    told: [`case-content-differs case_events/${first}:2`],
  },
  {
    what: 'the state of a case',
    sql: () => `update cases set state = 'archived' where id = '${second}'`,
    told: [`case-differs cases/${second}`],
  },
  {
    what: 'the count of its events, and which was the last',
    sql: () => `update cases set events = 9, last = '${'1'.repeat(64)}' where id = '${second}'`,
    told: [`case-differs cases/${second}`, `case-differs cases/${second}`],
  },
  {
    what: 'a case that is gone',
    sql: () => `delete from cases where id = '${first}'`,
    told: [`case-missing cases/${first}`],
  },
  {
    what: 'a case whose events belong to another',
    sql: () => `update case_events set case_id = '${second}', place = place + 3 where case_id = '${first}'`,
    told: [`case-events-missing cases/${first}`],
  },
];

for (const { what, sql, told } of DAMAGES)
  t.test(`named: ${what}`, async (t) => {
    const dir = copyOf(t, service);
    inDatabase(dir, (db) => {
      db.pragma('foreign_keys = off');
      db.exec(sql(''));
    });
    const found = (await look(dir)).told;
    for (const one of told) t.ok(found.includes(one), `${one} in ${found}`);
    if (!what.includes('another')) t.strictSame(found, [...told].sort(), 'and nothing else');
  });

t.test('named: an event that is not in its case any more, though the log has it', async (t) => {
  const dir = copyOf(t, service);
  let sequence = 0;
  inDatabase(dir, (db) => {
    const where = `case_id = '${second}' and place = 2`;
    sequence = db.prepare(`select sequence from case_events where ${where}`).pluck().get() as number;
    db.exec(`delete from case_events where ${where}`);
  });
  t.strictSame((await look(dir)).told, [
    ...['case-differs', 'case-differs', 'case-differs'].map((code) => `${code} cases/${second}`),
    `case-event-missing entries/${sequence}`,
  ]);
});

t.test('what an event said may be erased: that is noted, and no error', async (t) => {
  const dir = copyOf(t, service);
  inDatabase(dir, (db) => {
    db.exec(`update case_events set content = null where case_id = '${first}' and place = 0`);
  });
  const { told, notes } = await look(dir);
  t.strictSame(told, []);
  t.ok(notes.includes(`case-content-erased case_events/${first}:0`));
});
