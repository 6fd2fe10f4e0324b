import { bothLanguages } from './sentence.ts';

/*
 * A report of core with its sentences in both languages, for whoever shows it: interface, command line, page. The
 * shape is taken structurally, so that this room depends on nothing.
 */

type Detail = Readonly<Record<string, string | number>>;

interface CheckShape {
  readonly id: string;
  readonly at: string | undefined;
  readonly status: string;
  readonly reason: { readonly code: string; readonly detail: Detail };
}

interface ReportShape {
  readonly verdict: string;
  readonly checks: readonly CheckShape[];
  readonly facts: unknown;
  readonly notProven: readonly string[];
  readonly remaining: readonly { readonly what: string; readonly detail: Detail }[];
  readonly testChain: boolean;
}

const presentCheck =
  (subject: 'check' | 'case-check') =>
  ({ id, at, status, reason }: CheckShape) => ({
    id,
    ...(at !== undefined && { at }),
    status,
    name: bothLanguages(subject, id),
    reason: { code: reason.code, ...bothLanguages('reason', reason.code, reason.detail) },
  });

export const presentReport = <R extends ReportShape>(report: R) => present(report, 'check');

/**
 * The report of a case, whose checks have names of their own. What is shown may be whole and yet not all: where no head
 * that the reader kept says so, the first sentence says that.
 */
export function presentCase<R extends ReportShape>(report: R) {
  const presented = present(report, 'case-check');
  const isEndKnown = report.checks.some(({ id, status }) => id === 'tail' && status === 'passed');
  return report.verdict === 'valid' && !isEndKnown
    ? { ...presented, verdictText: bothLanguages('verdict', 'valid-as-shown') }
    : presented;
}

function present<R extends ReportShape>(report: R, subject: 'check' | 'case-check') {
  return {
    verdict: report.verdict,
    verdictText: bothLanguages('verdict', report.verdict),
    testChain: report.testChain,
    // Of what could not be read nothing is known: neither that it stands on a test chain.
    ...(report.testChain &&
      report.facts !== undefined && { testChainText: bothLanguages('verdict', 'test-chain') }),
    checks: report.checks.map(presentCheck(subject)),
    facts: (report.facts ?? null) as NonNullable<R['facts']> | null,
    notProven: report.notProven.map((code) => ({ code, ...bothLanguages('not-proven', code) })),
    remaining: report.remaining.map(({ what, detail }) => ({
      what,
      ...detail,
      ...bothLanguages('remaining', what, detail),
    })),
  };
}
