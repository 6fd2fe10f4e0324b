import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import t from 'tap';
import { readWhole } from '../../../server/adapters/scan/read-file.ts';
import { scanFolder } from '../../../server/adapters/scan/scan.ts';
import { walk, whyUnreadable } from '../../../server/adapters/scan/walk.ts';
import { fileEntry } from '../../../server/core/entry/file-entry.ts';
import { toHex } from '../../../server/core/read/bytes.ts';
import { parseCanonical } from '../../../server/core/read/json.ts';
import { leafHash } from '../../../server/core/tree/tree.ts';
import { type Earlier, LEFT_OUT, type LeftOut, placeOf, SEEN_LENGTH } from '../../../server/ports/scan.ts';

function newFolder(t: { teardown(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-scan-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Until nothing of it was touched a moment ago. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 3_200));

const sharedCounter = () => new BigUint64Array(new SharedArrayBuffer(8));

interface Scanned {
  readonly lines: readonly string[];
  readonly seen: Buffer;
  readonly leftOut: readonly LeftOut[];
  readonly reused: number;
}

async function scan(
  folder: string,
  earlier?: Earlier,
  bytes = sharedCounter(),
  threads = 2,
): Promise<Scanned> {
  const [lines, seen, leftOut]: [Buffer[], Buffer[], LeftOut[]] = [[], [], []];
  let [files, reused] = [0, 0];
  for await (const block of scanFolder(folder, { threads, earlier, bytes })) {
    lines.push(Buffer.from(block.lines));
    seen.push(Buffer.from(block.seen));
    leftOut.push(...block.leftOut);
    files += block.files;
    reused += block.reused;
  }
  const text = Buffer.concat(lines).toString('utf8');
  const found = text.split('\n').slice(0, -1);
  t.equal(found.length, files);
  t.equal(Buffer.concat(seen).length, files * SEEN_LENGTH);
  return { lines: found, seen: Buffer.concat(seen), leftOut, reused };
}

const entryOf = (line: string) => fileEntry(parseCanonical(Buffer.from(line)), 'entry');
const namesOf = ({ lines }: Scanned) => lines.map((line) => entryOf(line).name);
const whysOf = ({ leftOut }: Scanned) => Object.fromEntries(leftOut.map(({ name, why }) => [name, why]));

/** What a scan found, as an earlier run of another: with changes to its records. */
function asEarlier(
  { lines, seen }: Scanned,
  change: (one: { line: Buffer; seen: Buffer }) => void = () => {},
): Earlier {
  const all = lines.map((line, i) => {
    const one = {
      line: Buffer.from(line),
      seen: Buffer.from(seen.subarray(i * SEEN_LENGTH, (i + 1) * SEEN_LENGTH)),
    };
    const place = placeOf(Buffer.from(entryOf(line).name).toString('latin1'));
    change(one);
    return { place, ...one };
  });
  let at = 0;
  return { current: () => all[at], advance: () => void at++ };
}

t.test('every file below is an entry with the digests that openssl computes, and its leaf', async (t) => {
  const folder = newFolder(t);
  mkdirSync(join(folder, '子目录/深'), { recursive: true });
  const contents: Record<string, Buffer> = {
    '子目录/深/照片 𠮷.jpg': Buffer.from('照片'),
    empty: Buffer.alloc(0),
    'exactly a block': Buffer.alloc(1 << 20, 7),
    'more than a block': Buffer.alloc((1 << 20) + 1, 8),
    'quotes " and \\ and\nline ends': Buffer.from('x'),
    '.hidden': Buffer.from('y'),
  };
  for (const [name, bytes] of Object.entries(contents)) writeFileSync(join(folder, name), bytes);
  const bytes = sharedCounter();
  const found = await scan(folder, undefined, bytes);
  t.same(new Set(namesOf(found)), new Set(Object.keys(contents)));
  for (const [i, line] of found.lines.entries()) {
    const { name, sha256, sm3, size } = entryOf(line);
    const digest = (algorithm: string) =>
      execFileSync('openssl', ['dgst', `-${algorithm}`, '-r', join(folder, name)], {
        encoding: 'utf8',
      })
        .replace('\\', '')
        .slice(0, 64);
    t.same(
      { sha256, sm3, size },
      { sha256: digest('sha256'), sm3: digest('sm3'), size: contents[name]!.length },
    );
    const leaf = found.seen.subarray(i * SEEN_LENGTH + 32, (i + 1) * SEEN_LENGTH);
    t.equal(toHex(leaf), toHex(leafHash(Buffer.from(line))));
  }
  t.same(found.leftOut, []);
  t.equal(bytes[0], BigInt(Object.values(contents).reduce((sum, { length }) => sum + length, 0)));
  t.equal(
    new Set(found.lines.map((line) => entryOf(line).salt)).size,
    found.lines.length,
    'each its own salt',
  );
});

t.test(
  'whatever files are called, they come in the order of their names as bytes, part by part',
  async (t) => {
    const part = fc
      .string({
        unit: fc.constantFrom('a', 'b', '!', '.', '-', '\u0001', 'é', '照', '𠮷', '\uffff'),
        minLength: 1,
        maxLength: 3,
      })
      .filter((name) => !/^\.{1,2}$/.test(name));
    const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(path, { minLength: 1, maxLength: 12 }), async (paths) => {
        const folder = mkdtempSync(join(tmpdir(), 'kezheng-scan-'));
        try {
          const made = new Set<string>();
          for (const one of paths) {
            try {
              mkdirSync(join(folder, one, '..'), { recursive: true });
              writeFileSync(join(folder, one), one);
              made.add(one);
            } catch {
              // A file stands where a folder would have to be, or the other way round.
            }
          }
          const bytesOf = (name: string) => name.split('/').map((one) => Buffer.from(one));
          const sorted = [...made].sort((a, b) => {
            const [left, right] = [bytesOf(a), bytesOf(b)];
            const at = left.findIndex((one, i) => right[i] === undefined || !one.equals(right[i]));
            return Buffer.compare(left[at]!, right[at]!);
          });
          const found = await scan(folder, undefined, sharedCounter(), 1);
          t.same(namesOf(found), sorted);
        } finally {
          rmSync(folder, { recursive: true });
        }
      }),
      { numRuns: 25 },
    );
  },
);

t.test('thousands of files over several threads come in one order, the same each time', async (t) => {
  const folder = newFolder(t);
  for (let d = 0; d < 7; d++) {
    mkdirSync(join(folder, `d${d}`));
    for (let i = 0; i < 500; i++) writeFileSync(join(folder, `d${d}/${i}`), Buffer.alloc(i === 7 ? 3e7 : i));
  }
  const [one, two] = [await scan(folder, undefined, sharedCounter(), 3), await scan(folder)];
  t.equal(one.lines.length, 3_500);
  t.same(namesOf(one), namesOf(two));
  t.same(namesOf(one), namesOf(one).toSorted());
});

t.test(
  'links, pipes, sockets, devices and names that are not UTF-8 are named and never opened or followed',
  async (t) => {
    const folder = newFolder(t);
    writeFileSync(join(folder, 'file'), 'x');
    symlinkSync('file', join(folder, 'link'));
    symlinkSync('/', join(folder, 'link to a folder'));
    symlinkSync('nowhere', join(folder, 'dangling'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const server = createServer();
    await new Promise<void>((ready) => server.listen(join(folder, 'socket'), ready));
    t.teardown(() => server.close());
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from('ff61', 'hex')]), 'x');
    const badFolder = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from('fe', 'hex')]);
    mkdirSync(badFolder);
    writeFileSync(Buffer.concat([badFolder, Buffer.from('/in it')]), 'x');
    const found = await scan(folder);
    t.same(namesOf(found), ['file']);
    t.same(whysOf(found), {
      link: 'link',
      'link to a folder': 'link',
      dangling: 'link',
      pipe: 'pipe',
      socket: 'socket',
      '\ufffda': 'name-not-utf8',
      '\ufffd': 'name-not-utf8',
    });
    t.same(new Set(found.leftOut.flatMap(({ bytes }) => bytes ?? [])), new Set(['ff61', 'fe']));
  },
);

t.test('a device is named', async (t) => {
  const found = [...walk('/dev')].find(({ path }) => path === 'null');
  t.match(found, { kind: 'left-out', leftOut: { name: 'null', why: 'device' } });
});

t.test('a path that is longer than the system takes is named', async (t) => {
  const folder = newFolder(t);
  const part = 'x'.repeat(250);
  const script = `cd "$1"; for i in $(seq 20); do mkdir ${part}; cd ${part}; done; echo y > deep`;
  execFileSync('bash', ['-c', script, '-', folder]);
  t.teardown(() => execFileSync('rm', ['-rf', folder]));
  writeFileSync(join(folder, 'file'), 'x');
  const found = await scan(folder);
  t.same(namesOf(found), ['file']);
  t.match(found.leftOut, [{ why: 'name-too-long', code: 'ENAMETOOLONG' }]);
});

for (const [how, touch] of Object.entries({
  longer: (path: string) => appendFileSync(path, 'x'),
  shorter: (path: string) => truncateSync(path, 100),
  'another of the same length': (path: string) => utimesSync(path, 1, 1),
}))
  t.test(`a file that becomes ${how} while it is read is named, not guessed`, async (t) => {
    const folder = newFolder(t);
    const path = join(folder, 'large');
    writeFileSync(path, '');
    truncateSync(path, 600e6);
    writeFileSync(join(folder, 'small'), 'x');
    const bytes = sharedCounter();
    const scanning = scan(folder, undefined, bytes);
    while (Number(bytes[0]) < 1e6) await new Promise((resolve) => setTimeout(resolve, 1));
    touch(path);
    const found = await scanning;
    t.same(namesOf(found), ['small']);
    t.match(found.leftOut, [{ name: 'large', why: 'changed' }]);
  });

t.test('a file that holds more than its size says, or cannot be read, is named', async (t) => {
  const read = (path: string) =>
    readWhole(
      path,
      () => false,
      () => {},
    );
  t.match(read('/proc/version'), { why: 'changed' });
  t.match(read('/proc/self/mem'), { why: 'unreadable', code: 'EIO' });
  t.match(read(newFolder(t)), { why: 'other-kind' });
  t.match(read('/nowhere/at/all'), { why: 'vanished' });
  t.equal(whyUnreadable('EACCES'), 'unreadable');
  t.equal(whyUnreadable(undefined), 'unreadable');
  const folder = newFolder(t);
  symlinkSync('/etc/hostname', join(folder, 'link'));
  t.match(read(join(folder, 'link')), { why: 'link' });
});

t.test('a folder that is not there is an error, not an empty one', async (t) => {
  await t.rejects(scan('/nowhere/at/all'), { code: 'ENOENT' });
});

t.test('an earlier run’s files are taken over as they are, and not read', async (t) => {
  const folder = newFolder(t);
  for (let i = 0; i < 600; i++) writeFileSync(join(folder, `${i}`), `${i}`);
  await settled();
  const before = await scan(folder);
  const bytes = sharedCounter();
  const after = await scan(folder, asEarlier(before), bytes);
  t.same(after.lines, before.lines);
  t.ok(after.seen.equals(before.seen));
  t.equal(after.reused, 600);
  t.equal(bytes[0], 0n);
});

t.test('what is not as an earlier run saw it is read again; what is gone is named', async (t) => {
  const folder = newFolder(t);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) writeFileSync(join(folder, name), name);
  await settled();
  const before = await scan(folder);
  writeFileSync(join(folder, 'b'), 'B');
  utimesSync(join(folder, 'c'), 5, 5);
  rmSync(join(folder, 'd'));
  writeFileSync(join(folder, 'new'), 'e');
  renameSync(join(folder, 'new'), join(folder, 'e'));
  rmSync(join(folder, 'g'));
  writeFileSync(join(folder, 'a2'), 'new');
  const after = await scan(folder, asEarlier(before));
  t.same(namesOf(after), ['a', 'a2', 'b', 'c', 'e', 'f']);
  t.same(whysOf(after), { d: 'vanished', g: 'vanished' });
  const same = after.lines.filter((line) => before.lines.includes(line)).map((line) => entryOf(line).name);
  t.same(same, ['a', 'f']);
  t.equal(entryOf(after.lines[2]!).sha256, createHash('sha256').update('B').digest('hex'));
});

t.test('an earlier run’s line that is damaged is not believed', async (t) => {
  const folder = newFolder(t);
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), name);
  await settled();
  const before = await scan(folder);
  for (const damage of ['line', 'leaf', 'stat'] as const) {
    const earlier = asEarlier(before, ({ line, seen }) => {
      if (damage === 'line') line[line.length - 5]! ^= 1;
      else seen[damage === 'leaf' ? 63 : 0]! ^= 1;
    });
    const after = await scan(folder, earlier);
    t.equal(after.reused, 0, damage);
    t.same(
      after.lines.map((line) => ({ ...entryOf(line), salt: '' })),
      before.lines.map((line) => ({ ...entryOf(line), salt: '' })),
    );
  }
});

t.test('what was touched a moment before it was read is read again the next time', async (t) => {
  const folder = newFolder(t);
  writeFileSync(join(folder, 'a'), 'a');
  const before = await scan(folder);
  t.equal((await scan(folder, asEarlier(before))).reused, 0);
});

t.test('a folder that a link takes the place of, or another folder, leads nowhere else', async (t) => {
  const folder = newFolder(t);
  const outside = newFolder(t);
  writeFileSync(join(outside, 'secret'), 'secret');
  for (const [name, replace] of Object.entries({
    link: (path: string) => symlinkSync(outside, path),
    folder: (path: string) => {
      mkdirSync(path);
      writeFileSync(join(path, 'secret'), 'another');
    },
  })) {
    const top = join(folder, name);
    mkdirSync(join(top, 'a'), { recursive: true });
    mkdirSync(join(top, 'z'));
    writeFileSync(join(top, 'z', 'inside'), 'inside');
    writeFileSync(join(top, 'a', 'large'), '');
    truncateSync(join(top, 'a', 'large'), 600e6);
    // The walk waits for the threads while this file is read.
    for (let i = 0; i < 400_000 / 256; i++) writeFileSync(join(top, 'a', `x${i}`), '');
    const walking = walk(top);
    const seen = new Set<string>();
    for (const found of walking) {
      if (found.path === 'a/large') {
        renameSync(join(top, 'z'), join(outside, `moved-${name}`));
        replace(join(top, 'z'));
      }
      seen.add(found.path);
      t.not(found.path, 'z/inside');
      if (name === 'link') t.not(found.path, 'z/secret');
    }
  }
});

t.test('a file is read in the folder that was listed, whatever its path leads to by then', async (t) => {
  const folder = newFolder(t);
  const outside = newFolder(t);
  mkdirSync(join(folder, 'z'));
  writeFileSync(join(folder, 'z', 'same name'), 'inside');
  writeFileSync(join(outside, 'same name'), 'outside');
  // Held back: a long file before it, with one thread and its two jobs.
  for (const name of ['a', 'b', 'c', 'd']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'large'), '');
    truncateSync(join(folder, name, 'large'), 300e6);
  }
  const bytes = sharedCounter();
  const scanning = scan(folder, undefined, bytes, 1);
  while (Number(bytes[0]) < 1e6) await new Promise((resolve) => setTimeout(resolve, 1));
  renameSync(join(folder, 'z'), join(outside, 'moved'));
  symlinkSync(outside, join(folder, 'z'));
  const found = await scanning;
  t.notOk(namesOf(found).includes('z/same name'));
  t.match(found.leftOut, [{ name: 'z/same name' }]);
});

t.test('folders in folders, two thousand deep', async (t) => {
  const folder = newFolder(t);
  const script = `const fs = require('fs'); process.chdir(process.argv[1]);
    for (let i = 0; i < 2000; i++) { fs.mkdirSync('d'); process.chdir('d'); }
    fs.writeFileSync('file', 'x');`;
  execFileSync(process.execPath, ['-e', script, folder]);
  t.teardown(() => execFileSync('rm', ['-rf', folder]));
  t.same(namesOf(await scan(folder)), [`${'d/'.repeat(2_000)}file`]);
});

t.test('large files are shared out to all threads, and each is there when it is done', async (t) => {
  const folder = newFolder(t);
  for (let i = 0; i < 6; i++) {
    writeFileSync(join(folder, `${i}`), '');
    truncateSync(join(folder, `${i}`), 200e6);
  }
  let blocks = 0;
  const names: string[] = [];
  for await (const block of scanFolder(folder, { threads: 2, earlier: undefined, bytes: sharedCounter() })) {
    blocks++;
    names.push(...Buffer.from(block.lines).toString().split('\n').slice(0, -1));
  }
  t.ok(blocks >= 4, `${blocks} blocks`);
  t.same(
    names.map((line) => entryOf(line).name),
    ['0', '1', '2', '3', '4', '5'],
  );
});

t.test('what is below a folder that cannot be read now is not called gone', async (t) => {
  const folder = newFolder(t);
  mkdirSync(join(folder, 'z'));
  for (const name of ['a', 'z/1', 'z/2']) writeFileSync(join(folder, name), name);
  const before = await scan(folder);
  renameSync(join(folder, 'z'), join(folder, 'moved'));
  symlinkSync('moved', join(folder, 'z'));
  const moved = await scan(folder, asEarlier(before));
  t.same(whysOf(moved), { z: 'link', 'z/1': 'vanished', 'z/2': 'vanished' }, 'a link is no folder');
});

t.test('the time at which a file was last read stays as it was', async (t) => {
  const folder = newFolder(t);
  const path = join(folder, 'a');
  writeFileSync(path, 'a');
  utimesSync(path, 1_000_000_000, statSync(path).mtimeMs / 1_000);
  await scan(folder);
  t.equal(statSync(path).atimeMs, 1_000_000_000_000);
});

t.test('every reason has its sentence in both languages', async (t) => {
  const { bothLanguages } = await import('../../../server/messages/sentence.ts');
  for (const why of LEFT_OUT) t.match(bothLanguages('left-out', why), { zh: /[^a-z-]{2}/, en: / / });
});
