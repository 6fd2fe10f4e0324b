import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { parseCertificate } from '../../server/core/certificate/certificate.ts';
import { otsProof } from '../../server/core/ots/proof.ts';
import { utf8 } from '../../server/core/read/bytes.ts';
import type { ComparedBlock } from '../../server/core/verify/anchors.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../server/core/verify/verify.ts';
import type { GivenCase } from '../vectors/cases.ts';
import { givenFile } from '../vectors.ts';
import { removeFolder, temporaryFolder } from './cleanup.ts';
import { pairs, type Row } from './row.ts';

/*
 * A certificate checked in full, off line: everything from its bytes to the block hash, tokens with their chains too.
 * Beside it the other implementation of the same rules, in Python, a process for each.
 */

const VECTORS = join(import.meta.dirname, '..', '..', 'test', 'vectors');
const CHECKER = join(import.meta.dirname, '..', '..', 'test', 'independent', 'checker.py');

const PAIRS = 5;
const CHECKS = 300;

/** Below 3 ms each. */
const LEAST_PER_SECOND = 334;

/** Reading recomputes each step. Prints readings a second. */
const READ_OTS = `
import sys, time
from opentimestamps.core.serialize import BytesDeserializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile
proof, times = open(sys.argv[1], "rb").read(), int(sys.argv[2])
began = time.perf_counter()
for _ in range(times):
    DetachedTimestampFile.deserialize(BytesDeserializationContext(proof))
print(times / (time.perf_counter() - began))
`;

interface Case {
  readonly certificate: string;
  readonly files: readonly GivenCase[];
  readonly trust: object | null;
  readonly blocks: readonly (ComparedBlock & { readonly hash: string })[];
  readonly verdict: string;
  readonly checks: readonly unknown[];
  readonly authorities: readonly string[];
}

/** The valid one with an independent time-stamp and the most to check. */
function fullest(): Case {
  const cases = JSON.parse(readFileSync(join(VECTORS, 'cases.json'), 'utf8')) as readonly Case[];
  const [first] = cases
    .filter(({ verdict, authorities }) => verdict === 'valid' && authorities.length > 0)
    .toSorted((a, b) => b.checks.length - a.checks.length);
  return first!;
}

export async function run(): Promise<Row[]> {
  const folder = temporaryFolder();
  try {
    const chosen = fullest();
    const certificate = readFileSync(join(VECTORS, chosen.certificate));
    const trustText = JSON.stringify(chosen.trust);
    const [trust, files] = [parseTrust(utf8(trustText)), chosen.files.map(givenFile)];
    writeFileSync(join(folder, 'trust.json'), trustText);
    const check = async (): Promise<void> => {
      const { blocks } = chosen;
      const { verdict } = await verifyCertificate({
        certificate,
        files,
        trust,
        blocks,
        signatures: nodeSignatures,
      });
      if (verdict !== 'valid') throw new Error(`the vector is ${verdict}`);
    };
    const rate = async (): Promise<number> => {
      const began = performance.now();
      for (let i = 0; i < CHECKS; i++) await check();
      return (1_000 * CHECKS) / (performance.now() - began);
    };
    const args = [
      CHECKER,
      '--check',
      join(VECTORS, chosen.certificate),
      '--trust',
      join(folder, 'trust.json'),
    ];
    args.push('--block-hash', chosen.blocks[0]!.hash);
    const found = await pairs(PAIRS, rate, () => {
      const began = performance.now();
      try {
        execFileSync('python3', args, { stdio: 'pipe' });
      } catch (error) {
        // Without the files it is incomplete, which is all that this side leaves out.
        if ((error as { status?: number }).status !== 2) throw error;
      }
      return 1_000 / (performance.now() - began);
    });
    const each = (value: number): string => `${(1_000 / value).toFixed(2)} ms each`;
    const { bytes: ots } = otsProof(parseCertificate(certificate), 0);
    writeFileSync(join(folder, 'proof.ots'), ots);
    const beside = await pairs(PAIRS, rate, () =>
      Number(execFileSync('/usr/bin/python3', ['-c', READ_OTS, join(folder, 'proof.ots'), String(CHECKS)])),
    );
    const size = (bytes: number): string => `${bytes.toLocaleString('en')} bytes`;
    return [
      {
        what: 'size of that certificate',
        ours: size(certificate.length),
        other: size(ots.length),
        otherName:
          'an OpenTimestamps proof out of it: one file to the block, without receipt, tokens, issuer',
        ratio: certificate.length / ots.length,
      },
      {
        what: 'checked in full, off line',
        ours: each(beside.ours),
        other: each(beside.other),
        otherName: 'that proof read and recomputed by python3-opentimestamps, which is all that it asks',
        ratio: beside.other / beside.ours,
      },
      {
        what: `certificate of ${certificate.length.toLocaleString('en')} bytes with ${chosen.checks.length} checks, in full, off line`,
        ours: each(found.ours),
        other: each(found.other),
        otherName: 'test/independent/checker.py, the same rules by somebody else, without the files',
        ratio: found.ratio,
        goal: { reached: found.ours, least: LEAST_PER_SECOND },
      },
    ];
  } finally {
    removeFolder(folder);
  }
}
