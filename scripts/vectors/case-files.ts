import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { sha256 } from '../../server/core/hash/sha256.ts';
import { toHex, utf8 } from '../../server/core/read/bytes.ts';
import { type CaseEvent, type CaseReport, verifyCase } from '../../server/core/verify/case.ts';
import type { SignatureVerifier } from '../../server/core/verify/signatures.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { caseVectors } from './case-cases.ts';
import type { CaseVector } from './case-sample.ts';
import { eventVectors } from './event-cases.ts';

/*
 * case-cases.json, event-cases.json and cases/: beside the other vectors, for they are of several files.
 */

export const verifyCaseVector = (
  { events, heads, evidence, trust, blocks }: Omit<CaseVector, 'name' | 'expect'>,
  signatures: SignatureVerifier = nodeSignatures,
): Promise<CaseReport> =>
  verifyCase({
    events: events as readonly CaseEvent[],
    heads: heads.map((head, i) => ({ ...head, name: `head ${i}` })),
    evidence: evidence.map((certificate, i) => ({ name: `evidence ${i}`, certificate })),
    trust: trust && parseTrust(utf8(JSON.stringify(trust))),
    blocks,
    signatures,
  });

type FileOf = (content: Uint8Array) => string;

const failedOf = (checks: readonly { readonly id: string; readonly status: string }[]): string =>
  [...new Set(checks.filter(({ status }) => status === 'failed').map(({ id }) => id))].sort().join();

async function describe(one: CaseVector, fileOf: FileOf): Promise<object> {
  const report = await verifyCaseVector(one);
  const wanted = [...one.expect.failed].sort().join();
  if (report.verdict !== one.expect.verdict || failedOf(report.checks) !== wanted)
    throw new Error(
      `${one.name}: ${report.verdict}, failed ${failedOf(report.checks)}; meant to be ${one.expect.verdict}, ${wanted}\n${JSON.stringify(report.checks.filter((c) => c.status !== 'passed'))}`,
    );
  return {
    name: one.name,
    events: one.events.map(({ place, certificate, entry, content }) => ({
      place,
      ...(certificate && { certificate: fileOf(certificate) }),
      ...(entry && { entry: fileOf(entry) }),
      content: content ? fileOf(content) : null,
    })),
    heads: one.heads.map(({ bytes, from }) => ({ file: fileOf(bytes), from })),
    evidence: one.evidence.map(fileOf),
    trust: one.trust ?? null,
    blocks: one.blocks,
    verdict: report.verdict,
    testChain: report.testChain,
    checks: report.checks.map(({ id, at, status }) => ({ id, ...(at !== undefined && { at }), status })),
    counts: report.facts?.events.map(({ counts }) => counts?.at ?? null) ?? [],
    held: report.facts?.held ?? 0,
  };
}

/** Each file once, however many cases it stands in. `describeOne` is how a single certificate is told. */
export async function writeCases(
  folder: string,
  describeOne: (one: Awaited<ReturnType<typeof eventVectors>>[number], file: string) => Promise<object>,
): Promise<number> {
  const files = new Map<string, { readonly file: string; readonly content: Uint8Array }>();
  const fileOf: FileOf = (content) => {
    const key = toHex(sha256(content));
    const known = files.get(key)?.file ?? `cases/${String(files.size + 1).padStart(3, '0')}.json`;
    files.set(key, { file: known, content });
    return known;
  };
  const cases = await caseVectors();
  const described: object[] = [];
  for (const one of cases) described.push(await describe(one, fileOf));
  const events = await eventVectors();
  const singles: object[] = [];
  for (const one of events) {
    const told = await describeOne(one, fileOf(one.certificate));
    singles.push({ ...told, content: one.content ? fileOf(one.content) : null });
  }
  await mkdir(join(folder, 'cases'), { recursive: true });
  for (const { file, content } of files.values()) await writeFile(join(folder, file), content);
  await writeFile(join(folder, 'case-cases.json'), `${JSON.stringify(described, undefined, 1)}\n`);
  await writeFile(join(folder, 'event-cases.json'), `${JSON.stringify(singles, undefined, 1)}\n`);
  return cases.length + events.length;
}
