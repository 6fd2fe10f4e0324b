import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FILES, makeSample, trustList } from '../../scripts/vectors/sample.ts';
import { CLI, cli } from '../support/cli.ts';
import { byHand, packed } from '../support/packages.ts';

/* `kezheng verify` takes the certificate, the PDF that holds it, or a package with the originals. */

const folder = t.testdir();
const path = (name: string) => join(folder, name);
const VECTORS = join(import.meta.dirname, '..', 'vectors');
const sample = await makeSample();
const photo = FILES['photo.jpg']!;
writeFileSync(path('photo.jpg'), photo);
writeFileSync(path('trust.json'), JSON.stringify(trustList()));
const known = ['--trust', path('trust.json'), '--block-hash', sample.blockHash];

interface Case {
  readonly name: string;
  readonly certificate: string;
  readonly trust: object | null;
  readonly blocks: readonly { readonly hash?: string }[];
  readonly files: readonly { readonly file?: string }[];
  readonly verdict?: string;
  readonly refused?: string;
}
const CASES = JSON.parse(readFileSync(join(VECTORS, 'pdf-cases.json'), 'utf8')) as readonly Case[];

t.test('documents of the vectors come out at the command line as they are written', async (t) => {
  const codes: Readonly<Record<string, number>> = { valid: 0, invalid: 1, incomplete: 2 };
  // A process each: some of each kind.
  for (const one of CASES.filter(({ refused }, i) => i % 4 === 0 && refused !== 'pdf-not-one')) {
    const trust = path('vector-trust.json');
    writeFileSync(trust, JSON.stringify(one.trust));
    const files = one.files.map(({ file }) => join(VECTORS, 'files', file!));
    const { code, out, err } = await cli([
      'verify',
      join(VECTORS, one.certificate),
      ...files,
      ...(one.trust === null ? [] : ['--trust', trust]),
      ...one.blocks.flatMap(({ hash }) => ['--block-hash', hash!]),
    ]);
    t.equal(code, one.refused ? 64 : codes[one.verdict!], `${one.name}\n${out}${err}`);
    if (!one.refused) t.match(out, 'pdf-pages');
  }
});

t.test('a package is checked with its originals, whoever packed it', async (t) => {
  writeFileSync(
    path('ours.zip'),
    await packed([
      { name: 'certificate.json', bytes: sample.bytes },
      { name: 'files/照片.jpg', bytes: photo },
    ]),
  );
  writeFileSync(
    path('again.zip'),
    byHand([
      { name: 'files/a', bytes: photo, deflated: true },
      { name: 'certificate.json', bytes: sample.bytes, deflated: true },
    ]),
  );
  writeFileSync(path('bare.zip'), byHand([{ name: 'certificate.json', bytes: sample.bytes }]));
  t.equal((await cli(['verify', path('ours.zip'), ...known])).code, 0);
  t.equal((await cli(['verify', path('again.zip'), ...known])).code, 0);
  t.equal((await cli(['verify', path('bare.zip'), ...known])).code, 2);
  t.equal((await cli(['verify', path('bare.zip'), path('photo.jpg'), ...known])).code, 0);
  t.equal(
    (await cli(['verify', path('ours.zip'), path('trust.json'), ...known])).code,
    1,
    'a foreign file beside',
  );
});

t.test('what cannot be opened is told in both languages, and is no verdict', async (t) => {
  writeFileSync(path('broken.zip'), 'PK\u0003\u0004');
  writeFileSync(path('none.pdf'), '%PDF-1.7');
  for (const [name, zh, en] of [
    ['broken.zip', '压缩包无法读取', 'cannot be read'],
    ['none.pdf', 'PDF 中没有内嵌的存证证书', 'no certificate inside'],
  ] as const) {
    const { code, out, err } = await cli(['verify', path(name)]);
    t.equal(code, 64);
    t.equal(out, '');
    t.match(err, zh);
    t.match(err, en);
  }
});

t.test('certificate and PDF may come through a pipe', async (t) => {
  for (const source of [join(VECTORS, 'certificates', '001.json'), join(VECTORS, CASES[0]!.certificate)]) {
    const command = `cat '${source}' | '${process.execPath}' '${CLI}' verify /dev/stdin --brief`;
    const { status, stdout } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    t.equal(status, 2);
    t.match(stdout, '尚不完整');
  }
});
