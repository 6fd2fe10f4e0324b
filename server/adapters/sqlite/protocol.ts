import type { StamperSpec } from '../../ports/stamp.ts';
import type { Methods } from './methods.ts';

/** What the main thread and the writer say to each other; `n` counts requests of one writer. */
export interface WriterOptions {
  readonly path: string;
  /** rows of the look-up in memory before they are merged; tests make it small */
  readonly slice: number | undefined;
  /** signs tokens for what is deposited; without it nothing is stamped */
  readonly stamper?: StamperSpec | undefined;
}

export type VerbName = Exclude<keyof Methods, 'group' | 'tidy'>;

export type Request =
  | { readonly n: number; readonly group: ArrayBuffer; readonly count: number }
  | { readonly n: number; readonly name: VerbName; readonly args: readonly unknown[] };

export interface Failure {
  /** the disk or another process is the reason, not the request */
  readonly isStorage: boolean;
  readonly error: unknown;
}

export interface Answer {
  readonly n: number;
  readonly value?: unknown;
  readonly failure?: Failure;
  /** the group's buffer, to be used again */
  readonly buffer?: ArrayBuffer;
}
