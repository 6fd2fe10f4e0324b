import { hintsFor } from '../../cli/hints.ts';
import { verifyCertificate } from '../../core/verify/verify.ts';
import { signatures } from './signatures.ts';
import type { Outcome, State } from './state.ts';

/** The whole way from what was given to the report: the same core as service and command line. */
export async function outcomeOf(state: State): Promise<Outcome> {
  const { certificate, files, trust } = state;
  const waiting = files.filter((slot) => slot.state === 'waiting' || slot.state === 'hashing').length;
  if (state.reading > 0) return { kind: 'waiting', count: waiting };
  if (certificate === undefined) return { kind: 'empty' };
  if (state.trustWrong !== undefined) return { kind: 'stopped', code: 'result-stopped' };
  if (waiting > 0) return { kind: 'waiting', count: waiting };
  const originals = files.filter((slot) => slot.renewal === undefined);
  if (originals.some((slot) => slot.given === undefined))
    return { kind: 'stopped', code: 'result-file-stopped' };
  const given = originals.map((slot) => slot.given!);
  const report = await verifyCertificate({
    certificate: certificate.bytes,
    pdf: certificate.pdf,
    files: given,
    trust: trust?.trust,
    blocks: [...state.blocks.values()].map(({ block }) => block),
    renewals: files.flatMap(({ renewal }) => renewal ?? []),
    signatures,
  });
  const hints = hintsFor(report, certificate.bytes, given, undefined);
  return { kind: 'checked', report, hints, atMs: Date.now() };
}
