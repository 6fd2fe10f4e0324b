import { presentReport } from './report.ts';
import { bothLanguages } from './sentence.ts';

/*
 * The check of many certificates, item by item and in the end, with its sentences in both languages: each as a line of its
 * own for programs. Shapes are taken structurally, as those of one report.
 */

type Detail = Readonly<Record<string, string | number>>;

interface FactsShape {
  readonly certificate: { readonly number: string };
  readonly what: { readonly title: string } | undefined;
  readonly who: { readonly depositor: { readonly name: string } | undefined };
  readonly counts: { readonly clock: string; readonly at: string } | undefined;
}

type ReportShape = Parameters<typeof presentReport>[0] & { readonly facts: FactsShape | undefined };

interface Place {
  readonly item: number;
  readonly name: string;
}

export type ResultShape = Place &
  (
    | { readonly report: ReportShape; readonly sha256: string; readonly sameAs: number | undefined }
    | {
        readonly refused: {
          readonly subject: 'reason' | 'item';
          readonly code: string;
          readonly detail: Detail;
        };
      }
  );

type Presented = ReturnType<typeof presentReport>;

interface Both {
  readonly zh: string;
  readonly en: string;
}

/** `verdict` is null where there was nothing to check, and `problem` says why. */
export interface ItemLine extends Place {
  readonly verdict: string | null;
  readonly verdictText: Both;
  readonly number: string | null;
  readonly title: string | null;
  readonly depositor: string | null;
  /** the time that counts, where any is proven */
  readonly earliest: FactsShape['counts'] | null;
  readonly testChainText?: Both;
  readonly checks: readonly Presented['checks'][number][];
  readonly remaining: readonly Presented['remaining'][number][];
  readonly sha256: string | null;
  readonly sameAs: number | null;
  readonly problem?: Both & { readonly code: string };
}

export function presentItem(result: ResultShape): ItemLine {
  const { item, name } = result;
  if ('refused' in result) return { item, name, ...NOTHING, problem: problemOf(result.refused) };
  const { report, sha256, sameAs = null } = result;
  const { verdict, verdictText, checks, remaining, testChainText } = presentReport(report);
  const { certificate, what, who, counts = null } = report.facts ?? UNREAD;
  return {
    item,
    name,
    verdict,
    verdictText,
    number: certificate?.number ?? null,
    title: what?.title ?? null,
    depositor: who?.depositor?.name ?? null,
    earliest: counts,
    ...(testChainText && { testChainText }),
    checks,
    remaining,
    sha256,
    sameAs,
  };
}

const UNREAD: Partial<FactsShape> = {};

const NOTHING = {
  verdict: null,
  verdictText: bothLanguages('table', 'not-checked'),
  number: null,
  title: null,
  depositor: null,
  earliest: null,
  checks: [],
  remaining: [],
  sha256: null,
  sameAs: null,
} as const;

const problemOf = ({
  subject,
  code,
  detail,
}: {
  readonly subject: 'reason' | 'item';
  readonly code: string;
  readonly detail: Detail;
}) => ({ code, ...detail, ...bothLanguages(subject, code, detail) });

interface Names {
  readonly count: number;
  /** the first of them */
  readonly names: readonly string[];
}

/** The last line: where it is missing the answer is not whole. */
export interface TotalsLine {
  readonly total: number;
  readonly valid: number;
  readonly invalid: number;
  readonly incomplete: number;
  /** of which nothing could be checked */
  readonly refused: number;
  /** that hold the same certificate as an earlier one */
  readonly repeated: number;
  /** evidence that came along, by content */
  readonly files: number;
  /** evidence that no certificate lists */
  readonly unmatched: Names;
  /** what was not looked at */
  readonly aside: Names;
}

export interface BesideShape {
  readonly files: number;
  unmatched(): readonly string[];
  readonly aside: readonly string[];
}

/** More names help nobody. */
const MOST_NAMES = 100;

const firstOf = (names: readonly string[]): Names => ({
  count: names.length,
  names: names.slice(0, MOST_NAMES),
});

/** Counts lines as they go by. */
export function tally() {
  const counts = { total: 0, valid: 0, invalid: 0, incomplete: 0, refused: 0, repeated: 0 };
  return {
    add({ verdict, sameAs }: Pick<ItemLine, 'verdict' | 'sameAs'>): void {
      counts.total++;
      counts[(verdict ?? 'refused') as 'valid' | 'invalid' | 'incomplete' | 'refused']++;
      if (sameAs !== null) counts.repeated++;
    },
    totals: ({ files, unmatched, aside }: BesideShape): TotalsLine => ({
      ...counts,
      files,
      unmatched: firstOf(unmatched()),
      aside: firstOf(aside),
    }),
  };
}
