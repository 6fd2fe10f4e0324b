import type { Hint } from '../../cli/hints.ts';
import type { CaseContents } from '../../core/container/case-package.ts';
import type { Pdf } from '../../core/container/pdf.ts';
import type { ComparedBlock } from '../../core/verify/anchors.ts';
import type { CaseReport } from '../../core/verify/case.ts';
import type { GivenFile } from '../../core/verify/files.ts';
import type { Report } from '../../core/verify/report.ts';
import type { Trust } from '../../core/verify/trust.ts';
import type { Both } from '../shared/words.ts';
import type { NotHashed } from './hashing.ts';

/*
 * What lies on the desk of the one who checks, and what comes of it.
 */

/** Who gave it: a person, or the service that is being checked. */
export type From = 'person' | 'service';

export interface GivenCertificate {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** the document that they were taken from */
  readonly pdf: Pdf | undefined;
  /** of the certificate's own bytes */
  readonly sha256: string;
}

/** The package of a case, in place of a certificate. */
export interface GivenCase {
  readonly name: string;
  readonly contents: CaseContents;
}

export interface GivenTrust {
  /** the file's name, or the service's host */
  readonly name: string;
  readonly from: From;
  readonly sha256: string;
  readonly trust: Trust;
}

export interface FileSlot {
  readonly name: string;
  readonly size: number | undefined;
  state: 'waiting' | 'hashing' | 'done' | NotHashed;
  /** bytes hashed so far */
  done: number;
  given: GivenFile | undefined;
  /** of a kezheng-renewal/1, which is no original: its bytes */
  readonly renewal?: Uint8Array;
  /** of a kezheng-case-head/1 that somebody kept, which is no original either: its bytes */
  readonly head?: Uint8Array;
  /** reads it again: what is small may be the content of an event */
  readonly bytes?: () => Promise<Uint8Array>;
  readonly takeBack: () => void;
}

export interface GivenBlock {
  readonly from: From;
  readonly block: ComparedBlock;
}

/** What is on the desk, all of it; whatever shows it reads it from here. */
export interface State {
  /** how many files are being read just now */
  readonly reading: number;
  /** at most one of the two */
  readonly certificate: GivenCertificate | undefined;
  readonly case: GivenCase | undefined;
  readonly certificateWrong: Both | undefined;
  readonly files: readonly FileSlot[];
  readonly trust: GivenTrust | undefined;
  readonly trustWrong: Both | undefined;
  /** by a key of whoever gave them, so that a second answer takes the place of the first */
  readonly blocks: ReadonlyMap<string, GivenBlock>;
  readonly outcome: Outcome;
}

/** What stands under «result». Only `checked` and `case` say anything of what was given. */
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
    }
  | { readonly kind: 'case'; readonly report: CaseReport; readonly atMs: number };

export const EMPTY: State = {
  reading: 0,
  certificate: undefined,
  case: undefined,
  certificateWrong: undefined,
  files: [],
  trust: undefined,
  trustWrong: undefined,
  blocks: new Map(),
  outcome: { kind: 'empty' },
};
