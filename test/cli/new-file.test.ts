import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeNewDurably } from '../../server/cli/new-file.ts';

t.test('a new file is there whole, and what has its name already stays as it is', async (t) => {
  const dir = t.testdir();
  const path = join(dir, '续期.json');
  await writeNewDurably(path, 'whole');
  t.equal(readFileSync(path, 'utf8'), 'whole');
  writeFileSync(join(dir, 'original.jpg'), 'an original');
  await t.rejects(writeNewDurably(join(dir, 'original.jpg'), 'x'), { code: 'EEXIST' });
  t.equal(readFileSync(join(dir, 'original.jpg'), 'utf8'), 'an original');
  await t.rejects(writeNewDurably(join(dir, 'absent', 'a'), 'x'), { code: 'ENOENT' });
  t.strictSame(readdirSync(dir).toSorted(), ['original.jpg', '续期.json'], 'nothing else is left');
});

t.test('of many that make the same name at once one makes it', async (t) => {
  const path = join(t.testdir(), 'a');
  const all = await Promise.allSettled([...'abcdefgh'].map((text) => writeNewDurably(path, text)));
  t.equal(all.filter(({ status }) => status === 'fulfilled').length, 1);
  t.equal(readFileSync(path).length, 1);
});
