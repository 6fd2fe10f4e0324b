import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { sha256 } from '../../server/core/hash/sha256.ts';
import { sm3 } from '../../server/core/hash/sm3.ts';
import { toHex, utf8 } from '../../server/core/read/bytes.ts';
import type { GivenFile } from '../../server/core/verify/files.ts';
import type { Report } from '../../server/core/verify/report.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../server/core/verify/verify.ts';
import { type RenewalCase, renewalCases } from './renewal-cases.ts';
import { FILES } from './sample.ts';

/*
 * renewals.json and renewals/: beside the other vectors, for they are of several files.
 */

const bytes = FILES['photo.jpg']!;
/** Every case is about this one file. */
export const PHOTOGRAPH: GivenFile = {
  name: 'photo.jpg',
  size: bytes.length,
  sha256: toHex(sha256(bytes)),
  sm3: toHex(sm3(bytes)),
  basis: 'recomputed',
};

export const verifyCase = (one: Omit<RenewalCase, 'name' | 'expect'>): Promise<Report> =>
  verifyCertificate({
    certificate: one.certificate,
    renewals: one.renewals,
    files: [PHOTOGRAPH],
    trust: one.trust && parseTrust(utf8(JSON.stringify(one.trust))),
    blocks: one.blocks,
    signatures: nodeSignatures,
  });

/** `verdict`, and of each renewal the first letters of its three checks. */
export const inShort = ({ verdict, checks }: Report): string =>
  [verdict, ...new Set(checks.flatMap(({ at }) => (at?.startsWith('renewals') ? at : [])))]
    .map((at) =>
      at === verdict
        ? at
        : checks
            .filter((check) => check.at === at)
            .map(({ status }) => status[0])
            .join(''),
    )
    .join(' ');

async function describe(one: RenewalCase, fileOf: (content: Uint8Array) => string) {
  const report = await verifyCase(one);
  if (inShort(report) !== one.expect)
    throw new Error(
      `${one.name}: ${inShort(report)}, meant to be ${one.expect}\n${JSON.stringify(report.checks.filter((c) => c.status !== 'passed'))}`,
    );
  return {
    name: one.name,
    certificate: fileOf(one.certificate),
    renewals: one.renewals.map(fileOf),
    trust: one.trust ?? null,
    blocks: one.blocks,
    verdict: report.verdict,
    checks: report.checks
      .filter(({ at }) => at?.startsWith('renewals'))
      .map(({ id, at, status }) => ({ id, at, status })),
    counts: report.facts?.counts?.at ?? null,
    authorities: report.facts?.authorities ?? [],
    layers: report.facts?.layers.map((layer) => ({ ...layer, carriedBy: layer.carriedBy ?? null })) ?? [],
  };
}

/** Each file once, however many cases it stands in. */
export async function writeRenewals(folder: string): Promise<number> {
  const files = new Map<string, { readonly file: string; readonly content: Uint8Array }>();
  const fileOf = (content: Uint8Array): string => {
    const key = toHex(sha256(content));
    const known = files.get(key)?.file ?? `renewals/${String(files.size + 1).padStart(3, '0')}.json`;
    files.set(key, { file: known, content });
    return known;
  };
  const cases = renewalCases();
  const described: object[] = [];
  for (const one of cases) described.push(await describe(one, fileOf));
  await mkdir(join(folder, 'renewals'), { recursive: true });
  for (const { file, content } of files.values()) await writeFile(join(folder, file), content);
  await writeFile(join(folder, 'renewals.json'), `${JSON.stringify(described, undefined, 1)}\n`);
  return cases.length;
}
