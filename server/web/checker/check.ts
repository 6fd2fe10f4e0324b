import { type Hint, hintsFor } from '../../cli/hints.ts';
import type { Report } from '../../core/verify/report.ts';
import { verifyCertificate } from '../../core/verify/verify.ts';
import type { State } from './desk.ts';
import { signatures } from './signatures.ts';

/** What stands under «result». Only `checked` says anything of the certificate. */
export type Outcome =
  | { readonly kind: 'empty' }
  /** files that are still hashed: half of what was given is no basis for a verdict */
  | { readonly kind: 'waiting'; readonly count: number }
  /** something that was given is wrong; the code of its sentence (subject `page`) */
  | { readonly kind: 'stopped'; readonly code: string }
  | { readonly kind: 'broken'; readonly why: string }
  | {
      readonly kind: 'checked';
      readonly report: Report;
      readonly hints: readonly Hint[];
      readonly atMs: number;
    };

/** The whole way from what was given to the report: the same core as service and command line. */
export async function outcomeOf(state: State): Promise<Outcome> {
  const { certificate, files, trust } = state;
  const waiting = files.filter((slot) => slot.state === 'waiting' || slot.state === 'hashing').length;
  if (certificate === undefined) return { kind: 'empty' };
  if (state.trustWrong !== undefined) return { kind: 'stopped', code: 'result-stopped' };
  if (waiting > 0) return { kind: 'waiting', count: waiting };
  if (files.some((slot) => slot.given === undefined)) return { kind: 'stopped', code: 'result-file-stopped' };
  const given = files.map((slot) => slot.given!);
  try {
    const report = await verifyCertificate({
      certificate: certificate.bytes,
      files: given,
      trust: trust?.trust,
      blocks: [...state.blocks.values()].map(({ block }) => block),
      signatures,
    });
    const hints = hintsFor(report, certificate.bytes, given, undefined);
    return { kind: 'checked', report, hints, atMs: Date.now() };
  } catch (error) {
    // Never a verdict that was not reached, and never silence: what broke is told.
    return {
      kind: 'broken',
      why: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    };
  }
}
