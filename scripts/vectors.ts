import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeSignatures } from '../server/adapters/signatures-node.ts';
import { openPdf, type Pdf } from '../server/core/container/pdf.ts';
import { sha256 } from '../server/core/hash/sha256.ts';
import { sm3 } from '../server/core/hash/sm3.ts';
import { toHex, utf8 } from '../server/core/read/bytes.ts';
import { FormatError } from '../server/core/reason.ts';
import type { GivenFile } from '../server/core/verify/files.ts';
import { parseTrust } from '../server/core/verify/trust.ts';
import { verifyCertificate } from '../server/core/verify/verify.ts';
import { writeCases } from './vectors/case-files.ts';
import { damagedCases, type GivenCase, goodCases, openCases, type VectorCase } from './vectors/cases.ts';
import { type PdfCase, pdfCases } from './vectors/pdf-cases.ts';
import { writeRenewals } from './vectors/renewals.ts';
import { FILES } from './vectors/sample.ts';
import { statementCases } from './vectors/statement-cases.ts';
import { tokenCases } from './vectors/token-cases.ts';

/*
 * Writes the test vectors of FORMAT.md: good and damaged certificates, each with files, trust list and sources, and the
 * whole report that every checker must come to. Everything is deterministic: running it again changes nothing.
 */

export const givenFile = (given: GivenCase): GivenFile => {
  if (!('file' in given)) return { ...given, basis: 'supplied' };
  const bytes = FILES[given.file]!;
  return {
    name: given.file,
    size: bytes.length,
    sha256: toHex(sha256(bytes)),
    sm3: toHex(sm3(bytes)),
    basis: 'recomputed',
  };
};

async function describe(
  one: VectorCase & { readonly content?: Uint8Array | undefined },
  certificate: string,
) {
  const report = await verifyCertificate({
    certificate: one.certificate,
    files: one.files.map(givenFile),
    trust: one.trust && parseTrust(utf8(JSON.stringify(one.trust))),
    blocks: one.blocks,
    signatures: nodeSignatures,
    content: one.content,
    ...(one.depositorKeys && { depositorKeys: one.depositorKeys }),
  });
  const failed = report.checks.filter((check) => check.status === 'failed').map((check) => check.id);
  const wanted = [...one.expect.failed].sort().join();
  if (report.verdict !== one.expect.verdict || [...new Set(failed)].sort().join() !== wanted)
    throw new Error(
      `${one.name}: ${report.verdict}, failed ${failed.join()}; meant to be ${one.expect.verdict}, ${wanted}\n${JSON.stringify(report.checks.filter((c) => c.status !== 'passed'))}`,
    );
  return {
    name: one.name,
    certificate,
    files: one.files,
    trust: one.trust ?? null,
    blocks: one.blocks,
    ...(one.depositorKeys && { depositorKeys: one.depositorKeys }),
    verdict: report.verdict,
    testChain: report.testChain,
    checks: report.checks.map(({ id, at, status }) => ({ id, ...(at !== undefined && { at }), status })),
    counts: report.facts?.counts?.at ?? null,
    authorities: report.facts?.authorities ?? [],
  };
}

/** The document's certificate, or why there is none. */
export function opened(bytes: Uint8Array): Pdf | { readonly refused: string } {
  try {
    return openPdf(bytes);
  } catch (error) {
    if (error instanceof FormatError) return { refused: error.code };
    throw error;
  }
}

async function describePdf(one: PdfCase, file: string): Promise<object> {
  const { name, trust, files, blocks, expect } = one;
  const pdf = opened(one.pdf);
  const given = { name, certificate: file, files, trust: trust ?? null, blocks };
  if ('refused' in pdf || 'refused' in expect) {
    if (!('refused' in pdf && 'refused' in expect) || pdf.refused !== expect.refused)
      throw new Error(`${name}: ${JSON.stringify('refused' in pdf ? pdf : 'read')}`);
    return { ...given, refused: pdf.refused };
  }
  const report = await verifyCertificate({
    certificate: pdf.certificate,
    pdf,
    files: files.map(givenFile),
    trust: trust && parseTrust(utf8(JSON.stringify(trust))),
    blocks: blocks as VectorCase['blocks'],
    signatures: nodeSignatures,
  });
  const failed = [...new Set(report.checks.filter((c) => c.status === 'failed').map((c) => c.id))].join();
  const pages = report.checks.at(-1)!;
  const wanted = (expect.failed ?? []).join();
  if (report.verdict !== expect.verdict || pages.status !== expect.pages || failed !== wanted)
    throw new Error(`${name}: ${report.verdict}, failed ${failed}, pages ${JSON.stringify(pages)}`);
  return {
    ...given,
    verdict: report.verdict,
    testChain: report.testChain,
    checks: report.checks.map(({ id, at, status }) => ({ id, ...(at !== undefined && { at }), status })),
    counts: report.facts?.counts?.at ?? null,
    authorities: report.facts?.authorities ?? [],
    pages: pages.reason.code,
  };
}

async function writePdfs(folder: string): Promise<number> {
  const cases = await pdfCases();
  await mkdir(join(folder, 'pdfs'));
  const described: object[] = [];
  for (const [i, one] of cases.entries()) {
    const file = `pdfs/${String(i + 1).padStart(2, '0')}.pdf`;
    described.push(await describePdf(one, file));
    await writeFile(join(folder, file), one.pdf);
  }
  await writeFile(join(folder, 'pdf-cases.json'), `${JSON.stringify(described, undefined, 1)}\n`);
  return cases.length;
}

/** Worked out whole before the old ones go. */
async function write(folder: string): Promise<number> {
  const cases = await Promise.all([
    ...goodCases(),
    ...openCases(),
    ...damagedCases(),
    ...tokenCases(),
    ...statementCases(),
  ]);
  const named = cases.map((one, i) => ({ one, file: `certificates/${String(i + 1).padStart(3, '0')}.json` }));
  const described: object[] = [];
  for (const { one, file } of named) described.push(await describe(one, file));
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'files'), { recursive: true });
  await mkdir(join(folder, 'certificates'), { recursive: true });
  for (const [name, bytes] of Object.entries(FILES)) await writeFile(join(folder, 'files', name), bytes);
  for (const { one, file } of named) await writeFile(join(folder, file), one.certificate);
  await writeFile(join(folder, 'cases.json'), `${JSON.stringify(described, undefined, 1)}\n`);
  return (
    cases.length +
    (await writeRenewals(folder)) +
    (await writePdfs(folder)) +
    (await writeCases(folder, describe))
  );
}

if (import.meta.main) {
  const folder = process.argv[2] ?? join(import.meta.dirname, '..', 'test', 'vectors');
  const count = await write(folder);
  process.stdout.write(`${count} vectors in ${folder}\n`);
}
