import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { addDataKey, DataKeyError, dataKeysIn, ensureDataKeys } from '../../server/adapters/data-keys.ts';

t.test('the first start makes a key that its owner alone reads, and later ones find it', async (t) => {
  const folder = t.testdir();
  const [first] = await (await ensureDataKeys(folder))();
  t.equal(first.length, 32);
  t.equal((await stat(join(folder, 'data.keys'))).mode & 0o777, 0o600);
  t.strictSame(await (await ensureDataKeys(folder))(), [first]);
  t.notSame(await (await ensureDataKeys(t.testdir({ other: {} })))(), [first]);
});

t.test('a new key goes first, the others stay, and who reads already reads it', async (t) => {
  const folder = t.testdir();
  const read = await ensureDataKeys(folder);
  const before = await read();
  await addDataKey(join(folder, 'data.keys'));
  const after = await read();
  t.equal(after.length, 2);
  t.strictSame(after.slice(1), before);
  t.equal((await stat(join(folder, 'data.keys'))).mode & 0o777, 0o600);
});

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];

t.test('lines as people write them are taken', async (t) => {
  const folder = t.testdir({ keys: `\r\n ${A} \r\n\n${B}` });
  t.strictSame(
    (await dataKeysIn(join(folder, 'keys'))()).map((one) => Buffer.from(one).toString('hex')),
    [A, B],
  );
});

const WRONG: Readonly<Record<string, string>> = {
  'nothing in it': '\n',
  'a key too short': A.slice(1),
  'a key too long': `${A}0`,
  'a capital letter': A.toUpperCase(),
  'a letter that is no digit': `${A.slice(1)}g`,
  'a remark': `${A} # first`,
  'one key twice': `${A}\n${A}`,
  'too many keys': Array.from({ length: 65 }, (_, i) => String(i).padStart(64, '0')).join('\n'),
};
for (const [what, text] of Object.entries(WRONG))
  t.test(`a file with ${what} is refused, and nothing of it is told`, async (t) => {
    const folder = t.testdir({ 'data.keys': text });
    const file = join(folder, 'data.keys');
    const refusals = await Promise.allSettled([
      dataKeysIn(file)(),
      addDataKey(file),
      ensureDataKeys(folder).then((read) => read()),
    ]);
    for (const refusal of refusals) {
      t.equal(refusal.status, 'rejected');
      const { reason } = refusal as PromiseRejectedResult;
      t.type(reason, DataKeyError);
      t.match(reason.message, /^KEZHENG_DATA_KEY_FILE：.*[\u4e00-\u9fff].* \/ KEZHENG_DATA_KEY_FILE: /);
      t.notMatch(reason.message, 'a'.repeat(8));
    }
    t.equal(await readFile(file, 'utf8'), text, 'it is left as it was');
  });

t.test('a file that cannot be read is not made anew', async (t) => {
  const folder = t.testdir({ 'data.keys': {} });
  await t.rejects(ensureDataKeys(folder), DataKeyError);
  await t.rejects(dataKeysIn(join(folder, 'nowhere'))(), /ENOENT/);
});

t.test('a full file takes no more keys', async (t) => {
  const lines = Array.from({ length: 64 }, (_, i) => String(i).padStart(64, '0')).join('\n');
  const folder = t.testdir();
  const file = join(folder, 'keys');
  await writeFile(file, lines);
  await t.rejects(addDataKey(file), /64/);
  t.equal(await readFile(file, 'utf8'), lines);
});
