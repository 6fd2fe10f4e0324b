import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FOUR, headOf, makeEvents, nodeSays } from '../../scripts/vectors/case-sample.ts';
import { GENESIS, makeSample, trustList } from '../../scripts/vectors/sample.ts';
import { utf8 } from '../../server/core/read/bytes.ts';
import { cli, node } from '../support/cli.ts';
import { packed } from '../support/packages.ts';

/* `kezheng verify` takes the package of a case, with heads that the reader has kept, and an event with its content. */

const folder = t.testdir();
const path = (name: string) => join(folder, name);
const made = await makeEvents([...FOUR, { draft: { to: 'evil\u001b[31m' } }]);
const last = made.at(-1)!;

async function write(name: string, events: typeof made): Promise<void> {
  const items = events.flatMap(({ sample, entry, content }, i) => [
    sample
      ? { name: `events/00000${i}.certificate.json`, bytes: sample.bytes }
      : { name: `events/00000${i}.entry.json`, bytes: entry },
    { name: `contents/00000${i}.json`, bytes: content! },
  ]);
  const head = { name: 'head.json', bytes: await headOf(events.at(-1)!) };
  writeFileSync(path(name), await packed([...items, head]));
}

await write('case.zip', made);
await write('cut.zip', made.slice(0, 4));
writeFileSync(path('kept.json'), await headOf(last));
writeFileSync(path('trust.json'), JSON.stringify(trustList()));
writeFileSync(path('event.json'), last.sample!.bytes);
writeFileSync(path('content.json'), last.content!);
writeFileSync(path('other.json'), made[0]!.content!);
/** What somebody has looked up for these events. */
const knownOf = (events: typeof made) => [
  '--trust',
  path('trust.json'),
  ...nodeSays(events).flatMap(({ hash }) => ['--block-hash', hash!]),
];
const known = knownOf(made);
const four = knownOf(made.slice(0, 4));

t.test('the history is printed, one line an event, and every check', async (t) => {
  const { code, out } = await cli(['verify', path('case.zip'), ...known, '--head', path('kept.json')]);
  t.equal(code, 0, out);
  t.match(out, '有效');
  for (const { event } of made) t.match(out, `  ${event.index}  ${event.at}  ${event.action}  `);
  t.match(out, 'submitted → to-correct  notary 019ab1c0-0000-7000-8000-000000000009/019ab1c0');
  t.match(out, '— → submitted');
  t.match(out, '2026-11-22T', 'the time that is proven');
  t.match(out, /✓ tail .*末尾没有截去/);
  t.notMatch(out, '\u001b', 'nothing that a terminal would obey');
});

t.test('a cut tail is found by the head that somebody has kept, and by no other', async (t) => {
  const alone = await cli(['verify', path('cut.zip'), ...four]);
  t.equal(alone.code, 0, alone.out);
  t.match(alone.out, '--head');
  const held = await cli(['verify', path('cut.zip'), ...four, '--head', path('kept.json'), '--brief']);
  t.equal(held.code, 1);
  t.match(held.out, '末尾被截去 1 个');
  t.notMatch(held.out, '✓');
});

t.test('blocks are asked at a node of one’s own, each once', async (t) => {
  const asked: unknown[] = [];
  const url = await node(t, (method, [number]) => {
    if (method === 'eth_chainId') return '0x1092';
    if (number === '0x0') return { number: '0x0', hash: GENESIS };
    if (number === 'finalized') return { number: '0xffff', hash: GENESIS };
    asked.push(number);
    const block = nodeSays(made).find((one) => `0x${one.number!.toString(16)}` === number)!;
    return { number, hash: block.hash };
  });
  const { code, out } = await cli(['verify', path('case.zip'), '--trust', path('trust.json'), '--rpc', url]);
  t.equal(code, 0, out);
  t.equal(asked.length, made.length);
  const gone = ['verify', path('case.zip'), '--trust', path('trust.json'), '--rpc', 'http://127.0.0.1:1'];
  const away = await cli(gone);
  t.equal(away.code, 2);
  t.match(away.out, '无法连接节点');
  t.match(JSON.parse((await cli([...gone, '--json'])).out).hints, [{ zh: /无法连接节点/ }]);
});

t.test('for programs there is the whole report, with sentences in both languages', async (t) => {
  const { code, out } = await cli(['verify', path('case.zip'), '--trust', path('trust.json'), '--json']);
  t.equal(code, 2);
  const report = JSON.parse(out);
  t.match(report, {
    verdict: 'incomplete',
    testChain: true,
    facts: { case: last.event.case, state: last.event.to, events: [{ index: 0 }, {}, {}, {}, {}], held: 0 },
  });
  for (const { name, reason } of report.checks)
    t.match([name.zh, name.en, reason.zh, reason.en], [/./, /./, /./, /./]);
});

t.test('events without certificates are shown and leave the case open', async (t) => {
  const open = await makeEvents([{}, { sample: null }]);
  await write('open.zip', open);
  const { code, out } = await cli(['verify', path('open.zip'), ...knownOf(open)]);
  t.equal(code, 2);
  t.match(out, '尚无证书');
});

t.test('the certificate of one event is checked with its content', async (t) => {
  const event = ['verify', path('event.json'), ...knownOf([last])];
  const without = await cli(event);
  t.equal(without.code, 0, without.out);
  t.match(without.out, '--content');
  t.match(without.out, `事件 event: 案件 case ${last.event.case}`);
  const whole = await cli([...event, '--content', path('content.json')]);
  t.equal(whole.code, 0);
  t.match(whole.out, '✓ content');
  t.equal((await cli([...event, '--content', path('other.json')])).code, 1);
});

t.test('a content goes with an event and with nothing else', async (t) => {
  const { bytes, blockHash } = await makeSample();
  writeFileSync(path('certificate.json'), bytes);
  const { code, out } = await cli([
    ...['verify', path('certificate.json'), '--trust', path('trust.json'), '--block-hash', blockHash],
    ...['--content', path('content.json')],
  ]);
  t.equal(code, 1);
  t.match(out, '不是事件的证书');
});

t.test('options that do not go together are an error of whoever asks', async (t) => {
  for (const args of [
    [path('case.zip'), path('content.json')],
    [path('case.zip'), '--content', path('content.json')],
    [path('case.zip'), '--depositor-key', 'ab'.repeat(32)],
    [path('event.json'), '--head', path('kept.json')],
    [path('case.zip'), '--head', path('nothing.json')],
  ])
    t.equal((await cli(['verify', ...args])).code, 64, args.join(' '));
  writeFileSync(path('junk.json'), utf8('{}'));
  t.equal((await cli(['verify', path('case.zip'), ...known, '--head', path('junk.json')])).code, 1);
});
