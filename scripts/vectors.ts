import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeSignatures } from '../server/adapters/signatures-node.ts';
import { sha256 } from '../server/core/hash/sha256.ts';
import { sm3 } from '../server/core/hash/sm3.ts';
import { toHex, utf8 } from '../server/core/read/bytes.ts';
import type { GivenFile } from '../server/core/verify/files.ts';
import { parseTrust } from '../server/core/verify/trust.ts';
import { verifyCertificate } from '../server/core/verify/verify.ts';
import { damagedCases, type GivenCase, goodCases, openCases, type VectorCase } from './vectors/cases.ts';
import { writeRenewals } from './vectors/renewals.ts';
import { FILES } from './vectors/sample.ts';
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

async function describe(one: VectorCase, certificate: string) {
  const report = await verifyCertificate({
    certificate: one.certificate,
    files: one.files.map(givenFile),
    trust: one.trust && parseTrust(utf8(JSON.stringify(one.trust))),
    blocks: one.blocks,
    signatures: nodeSignatures,
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
    verdict: report.verdict,
    testChain: report.testChain,
    checks: report.checks.map(({ id, at, status }) => ({ id, ...(at !== undefined && { at }), status })),
    counts: report.facts?.counts?.at ?? null,
    authorities: report.facts?.authorities ?? [],
  };
}

/** Worked out whole before the old ones go. */
async function write(folder: string): Promise<number> {
  const cases = await Promise.all([...goodCases(), ...openCases(), ...damagedCases(), ...tokenCases()]);
  const named = cases.map((one, i) => ({ one, file: `certificates/${String(i + 1).padStart(3, '0')}.json` }));
  const described: object[] = [];
  for (const { one, file } of named) described.push(await describe(one, file));
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'files'), { recursive: true });
  await mkdir(join(folder, 'certificates'), { recursive: true });
  for (const [name, bytes] of Object.entries(FILES)) await writeFile(join(folder, 'files', name), bytes);
  for (const { one, file } of named) await writeFile(join(folder, file), one.certificate);
  await writeFile(join(folder, 'cases.json'), `${JSON.stringify(described, undefined, 1)}\n`);
  return cases.length + (await writeRenewals(folder));
}

if (import.meta.main) {
  const folder = process.argv[2] ?? join(import.meta.dirname, '..', 'test', 'vectors');
  const count = await write(folder);
  process.stdout.write(`${count} vectors in ${folder}\n`);
}
