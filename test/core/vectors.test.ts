import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { GivenCase } from '../../scripts/vectors/cases.ts';
import { givenFile, opened } from '../../scripts/vectors.ts';
import { webCryptoSignatures } from '../../server/adapters/signatures.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { utf8 } from '../../server/core/read/bytes.ts';
import type { ComparedBlock } from '../../server/core/verify/anchors.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../server/core/verify/verify.ts';

const FOLDER = join(import.meta.dirname, '..', 'vectors');

interface Case {
  readonly name: string;
  readonly certificate: string;
  readonly files: readonly GivenCase[];
  readonly trust: object | null;
  readonly blocks: readonly ComparedBlock[];
  readonly depositorKeys?: readonly string[];
  readonly verdict: string;
  readonly testChain: boolean;
  readonly checks: readonly object[];
  readonly counts: string | null;
  readonly authorities: readonly string[];
}

const cases = JSON.parse(readFileSync(join(FOLDER, 'cases.json'), 'utf8')) as readonly Case[];

for (const [primitives, signatures] of [
  ['node:crypto', nodeSignatures],
  ['WebCrypto', webCryptoSignatures(globalThis.crypto.subtle)],
] as const)
  t.test(`every vector comes out as written, with ${primitives}`, async (t) => {
    for (const one of cases) {
      const report = await verifyCertificate({
        certificate: readFileSync(join(FOLDER, one.certificate)),
        files: one.files.map(givenFile),
        trust: one.trust === null ? undefined : parseTrust(utf8(JSON.stringify(one.trust))),
        blocks: one.blocks,
        signatures,
        ...(one.depositorKeys && { depositorKeys: one.depositorKeys }),
      });
      const found = {
        verdict: report.verdict,
        testChain: report.testChain,
        counts: report.facts?.counts?.at ?? null,
        authorities: report.facts?.authorities ?? [],
        checks: report.checks.map(({ id, at, status }) => ({ id, ...(at !== undefined && { at }), status })),
      };
      const { verdict, testChain, counts, authorities, checks } = one;
      t.strictSame(found, { verdict, testChain, counts, authorities, checks }, one.name);
    }
  });

interface PdfCase extends Case {
  /** nothing is taken out of it */
  readonly refused?: string;
  /** why the check of the pages ends as it does */
  readonly pages: string;
}

t.test('every document among the vectors comes out as written', async (t) => {
  const all = JSON.parse(readFileSync(join(FOLDER, 'pdf-cases.json'), 'utf8')) as readonly PdfCase[];
  t.ok(all.length > 60);
  for (const one of all) {
    const pdf = opened(readFileSync(join(FOLDER, one.certificate)));
    if ('refused' in pdf) {
      t.equal(pdf.refused, one.refused, one.name);
      continue;
    }
    const report = await verifyCertificate({
      certificate: pdf.certificate,
      pdf,
      files: one.files.map(givenFile),
      trust: one.trust === null ? undefined : parseTrust(utf8(JSON.stringify(one.trust))),
      blocks: one.blocks,
      signatures: webCryptoSignatures(globalThis.crypto.subtle),
    });
    const checks = report.checks.map(({ id, at, status }) => ({
      id,
      ...(at !== undefined && { at }),
      status,
    }));
    t.strictSame([report.verdict, checks], [one.verdict, one.checks], one.name);
    t.equal(report.checks.at(-1)?.reason.code, one.pages, one.name);
    t.equal(report.facts?.counts?.at ?? null, one.counts, one.name);
  }
});

t.test('making the vectors again changes nothing', async (t) => {
  const again = t.testdir();
  const made = spawnSync(process.execPath, [join(FOLDER, '..', '..', 'scripts', 'vectors.ts'), again], {
    encoding: 'utf8',
  });
  t.equal(made.status, 0, made.stderr);
  const files = (folder: string) => (readdirSync(folder, { recursive: true }) as string[]).sort();
  t.strictSame(files(again), files(FOLDER));
  for (const file of files(FOLDER).filter((name) => /\.\w+$/.test(name)))
    t.ok(readFileSync(join(FOLDER, file)).equals(readFileSync(join(again, file))), file);
});
