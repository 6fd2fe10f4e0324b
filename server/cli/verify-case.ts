import process from 'node:process';
import { MAX_HEAD_BYTES } from '../core/case/head.ts';
import type { CaseContents } from '../core/container/case-package.ts';
import { type GivenHead, verifyCase } from '../core/verify/case.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import type { Trust } from '../core/verify/trust.ts';
import { presentCase } from '../messages/report.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { briefCaseText, caseText } from './case-text.ts';
import { readSmall } from './read-small.ts';
import { jsonText } from './report-text.ts';
import type { NodeAnswer } from './rpc.ts';
import { EXIT } from './usage.ts';

interface CaseOptions {
  /** files with heads that whoever checks has kept himself */
  readonly heads: readonly string[];
  readonly trust: Trust | undefined;
  readonly signatures: SignatureVerifier;
  readonly blocksOf: (certificates: readonly Uint8Array[]) => Promise<NodeAnswer>;
  readonly output: { readonly json?: boolean; readonly brief?: boolean };
}

/** Checks the whole history of a case out of its package. */
export async function verifyCaseCommand(
  contents: CaseContents,
  { heads, trust, signatures, blocksOf, output }: CaseOptions,
): Promise<number> {
  const own: GivenHead[] = [];
  for (const name of heads)
    own.push({ name, bytes: await readSmall(name, MAX_HEAD_BYTES + 1), from: 'holder' });
  const certified = contents.events.flatMap((one) => ('certificate' in one ? one.certificate : []));
  const { blocks, trouble } = await blocksOf([
    ...certified,
    ...contents.evidence.map(({ certificate }) => certificate),
  ]);
  const report = await verifyCase({
    ...contents,
    heads: [...contents.heads, ...own],
    trust,
    blocks,
    signatures,
  });
  const presented = presentCase(report);
  const hints = trouble
    ? [bothLanguages('hint', trouble.code, { source: trouble.source, why: trouble.why })]
    : [];
  if (output.json) process.stdout.write(jsonText(hints.length > 0 ? { ...presented, hints } : presented));
  else process.stdout.write((output.brief ? briefCaseText : caseText)(presented, hints));
  return EXIT[report.verdict];
}
