import { hintsFor } from '../../cli/hints.ts';
import { verifyCase } from '../../core/verify/case.ts';
import { contentNamedIn } from '../../core/verify/content.ts';
import { verifyCertificate } from '../../core/verify/verify.ts';
import { signatures } from './signatures.ts';
import type { FileSlot, GivenCase, GivenCertificate, Outcome, State } from './state.ts';

/** The whole way from what was given to the report: the same core as service and command line. */
export async function outcomeOf(state: State): Promise<Outcome> {
  const { certificate, case: ofCase, files } = state;
  const waiting = files.filter((slot) => slot.state === 'waiting' || slot.state === 'hashing').length;
  if (state.reading > 0) return { kind: 'waiting', count: waiting };
  if (certificate === undefined && ofCase === undefined) return { kind: 'empty' };
  if (state.trustWrong !== undefined) return { kind: 'stopped', code: 'result-stopped' };
  if (waiting > 0) return { kind: 'waiting', count: waiting };
  return ofCase ? outcomeOfCase(state, ofCase) : outcomeOfCertificate(state, certificate!);
}

const blocksOf = ({ blocks }: State) => [...blocks.values()].map(({ block }) => block);

async function outcomeOfCertificate(state: State, { bytes, pdf }: GivenCertificate): Promise<Outcome> {
  const { files, trust } = state;
  const originals = files.filter((slot) => slot.renewal === undefined && slot.head === undefined);
  if (originals.some((slot) => slot.given === undefined))
    return { kind: 'stopped', code: 'result-file-stopped' };
  const content = contentAmong(originals, bytes);
  const given = originals.filter((slot) => slot !== content).map((slot) => slot.given!);
  const report = await verifyCertificate({
    certificate: bytes,
    pdf,
    files: given,
    content: await content?.bytes?.(),
    trust: trust?.trust,
    blocks: blocksOf(state),
    renewals: files.flatMap(({ renewal }) => renewal ?? []),
    signatures,
  });
  const hints = hintsFor(report, bytes, given, undefined);
  return { kind: 'checked', report, hints, atMs: Date.now() };
}

/** The file that is what the certificate's event is about, by its digest. */
function contentAmong(files: readonly FileSlot[], certificate: Uint8Array): FileSlot | undefined {
  const wanted = contentNamedIn(certificate);
  return wanted === undefined
    ? undefined
    : files.find((slot) => slot.given?.sha256 === wanted && slot.bytes !== undefined);
}

/** Beside a case lie heads that somebody kept, and nothing else. */
async function outcomeOfCase(state: State, { contents }: GivenCase): Promise<Outcome> {
  const { files, trust } = state;
  if (files.some(({ head }) => head === undefined)) return { kind: 'stopped', code: 'result-case-files' };
  const kept = files.map(({ name, head }) => ({ name, bytes: head!, from: 'holder' }) as const);
  const report = await verifyCase({
    ...contents,
    heads: [...contents.heads, ...kept],
    trust: trust?.trust,
    blocks: blocksOf(state),
    signatures,
  });
  return { kind: 'case', report, atMs: Date.now() };
}
