import { type Both, type PaperWord, paperWords } from '../messages/paper.ts';

/*
 * What a document says, before anything is drawn: sections of rows, each with its label in both languages. The values
 * know what they are, so that drawing decides how each kind looks.
 */

export type Value =
  /** as somebody outside gave it: any character, line breaks kept */
  | { readonly kind: 'given'; readonly text: string }
  /** as the depositor wrote it: set apart, so that nothing in it looks like a word of ours */
  | { readonly kind: 'stated'; readonly text: string }
  /** our own words */
  | { readonly kind: 'words'; readonly zh: string; readonly en: string }
  /** digests and addresses: printed in groups, never cut; `prefix` is 0x or nothing */
  | { readonly kind: 'hex'; readonly prefix: string; readonly hex: string; readonly name: string | undefined }
  /** an instant, ISO 8601 UTC */
  | { readonly kind: 'time'; readonly at: string }
  /** identifiers, numbers, addresses of pages */
  | { readonly kind: 'code'; readonly text: string }
  /** typed as it stands */
  | { readonly kind: 'command'; readonly text: string };

export interface Row {
  readonly label: Both;
  readonly values: readonly Value[];
}

export interface FileLine {
  readonly number: number;
  readonly name: string;
  readonly mediaType: Value;
  readonly size: string;
  readonly basis: Both;
  readonly digests: readonly Value[];
}

export interface ClockLine {
  readonly name: Both;
  readonly at: string;
  readonly by: Value;
  readonly force: Both;
  readonly counts: boolean;
}

export interface Section {
  readonly title: Both;
  readonly rows?: readonly Row[];
  readonly files?: readonly FileLine[];
  readonly clocks?: readonly ClockLine[];
  readonly notes?: readonly Both[];
}

export interface Content {
  readonly title: Both;
  readonly number: string;
  readonly revision: number;
  /** what the first page shows large */
  readonly summary: {
    readonly label: Both;
    readonly time: Value;
    readonly by: Both;
    readonly text: Both;
  };
  readonly provider: string;
  readonly issuedAt: string;
  readonly testChain: boolean;
  /** where the QR code leads */
  readonly checkUrl: string;
  readonly sections: readonly Section[];
}

export const given = (text: string): Value => ({ kind: 'given', text });
export const stated = (text: string): Value => ({ kind: 'stated', text });
export const code = (text: string | number): Value => ({ kind: 'code', text: String(text) });
export const time = (at: string): Value => ({ kind: 'time', at });
export const command = (text: string): Value => ({ kind: 'command', text });

/** `0x` stays apart from the groups. */
export function hex(text: string, name?: string): Value {
  const prefix = text.startsWith('0x') ? '0x' : '';
  return { kind: 'hex', prefix, hex: text.slice(prefix.length), name };
}

export const words = (word: PaperWord, values?: Readonly<Record<string, string | number>>): Value => ({
  kind: 'words',
  ...paperWords(word, values),
});

export const row = (label: PaperWord, ...values: readonly Value[]): Row => ({
  label: paperWords(label),
  values,
});

/** What the depositor gave, or that nothing was given: a field is never left out because it is empty. */
export const orNone = (text: string | null | undefined): Value =>
  text ? stated(text) : words('not-provided');

/** Beijing has had no summer time since 1991, and UTC+8 is what its clocks show: enough for times of this service. */
const BEIJING_MS = 8 * 3_600_000;

/** `2026-11-22 15:00:00.000` in Beijing. */
export const beijing = (at: string): string =>
  new Date(Date.parse(at) + BEIJING_MS).toISOString().replace('T', ' ').slice(0, -1);

/** `2026-11-22 07:00:00.000` in UTC. */
export const utc = (at: string): string => at.replace('T', ' ').slice(0, -1);
