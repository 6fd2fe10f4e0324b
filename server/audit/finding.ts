import type { Reason } from '../core/reason.ts';

/*
 * What an audit tells. A finding is a difference between what stands somewhere and what follows from something else; it
 * names the place and both values. Sentences stand in messages/, under `finding`; codes never change meaning.
 *
 * error: something promised is not there, or is not what it was. warning: a record that is wrong but takes nothing away.
 * note: allowed, as what a crash may leave behind, or what the service will set right by itself.
 */
export type Severity = 'error' | 'warning' | 'note';

export const FINDINGS = {
  // the engine
  'database-damaged': 'error',
  'table-unreadable': 'error',
  // journal
  'row-repeated': 'error',
  'entry-missing': 'error',
  'entry-unreadable': 'error',
  'entry-format-unknown': 'note',
  'entry-column-differs': 'error',
  'entry-owner-missing': 'error',
  'entry-claim-invalid': 'warning',
  'entry-altered': 'error',
  'leaf-differs': 'error',
  'key-owner-missing': 'error',
  'bulk-call-differs': 'error',
  // the operator's own tokens
  'stamp-missing': 'error',
  'stamp-place-wrong': 'error',
  'stamp-wrong': 'error',
  'stamp-waiting': 'note',
  'stamp-too-early': 'error',
  'stamp-serial-repeated': 'error',
  'stamp-state-differs': 'error',
  'signer-unknown': 'error',
  'signers-not-known': 'note',
  // batches and trees
  'batch-number-gap': 'error',
  'batch-range-differs': 'error',
  'batch-entries-missing': 'error',
  'batch-root-differs': 'error',
  'batch-oldest-differs': 'error',
  'batch-progress-differs': 'error',
  'batch-sealed-early': 'warning',
  'tree-missing': 'error',
  'tree-differs': 'error',
  // anchors
  'anchor-log-missing': 'error',
  'anchor-batch-missing': 'error',
  'anchor-index-gap': 'error',
  'anchor-order-differs': 'error',
  'anchor-state-invalid': 'error',
  'anchor-proof-invalid': 'error',
  'anchor-column-differs': 'error',
  'anchor-root-differs': 'error',
  'attempt-invalid': 'warning',
  'event-invalid': 'warning',
  'event-order-differs': 'warning',
  'event-detail-differs': 'warning',
  'event-time-differs': 'warning',
  'attempt-event-differs': 'warning',
  'anchor-adopted': 'note',
  'anchor-time-differs': 'warning',
  // anchors and the chain
  'contract-differs': 'error',
  'anchor-block-differs': 'error',
  'anchor-not-final': 'error',
  'anchor-not-on-chain': 'error',
  'anchor-unrecorded': 'error',
  'anchor-behind': 'note',
  'log-root-foreign': 'error',
  'log-state-differs': 'error',
  'log-unrecorded': 'error',
  'log-unexpected': 'warning',
  'log-not-known': 'note',
  'log-known-from-data': 'note',
  'chain-not-asked': 'note',
  'log-on-other-chain': 'note',
  'events-incomplete': 'note',
  // certificates
  'certificate-unreadable': 'error',
  'certificate-check-failed': 'error',
  'certificate-issuer-unknown': 'warning',
  'certificate-entry-missing': 'error',
  'certificate-entry-differs': 'error',
  'certificate-column-differs': 'error',
  'certificate-number-differs': 'error',
  'certificate-serial-missing': 'error',
  'certificate-revision-gap': 'error',
  'certificate-revision-loses': 'error',
  'serial-entry-missing': 'error',
  'serial-gap': 'error',
  'serial-unused': 'note',
  'certificates-none': 'note',
  // tokens of outside authorities
  'batch-token-missing': 'error',
  'batch-token-batch-missing': 'error',
  'batch-token-place-differs': 'error',
  'batch-token-invalid': 'error',
  'batch-token-entry-missing': 'error',
  'batch-token-entry-differs': 'error',
  'token-evidence-missing': 'error',
  'token-evidence-differs': 'error',
  'token-evidence-invalid': 'error',
  'batch-token-chain-missing': 'error',
  'batch-token-root-unknown': 'warning',
  'authority-progress-differs': 'error',
  'authority-batches-skipped': 'note',
  // cases
  'case-missing': 'error',
  'case-differs': 'error',
  'case-events-missing': 'error',
  'case-event-missing': 'error',
  'case-event-entry-missing': 'error',
  'case-event-differs': 'error',
  'case-content-differs': 'error',
  'case-content-erased': 'note',
  // files
  'file-missing': 'error',
  'file-size-differs': 'error',
  'file-differs': 'error',
  'file-sm3-differs': 'error',
  'fixity-bad': 'warning',
  'blob-unreferenced': 'note',
  'blob-name-invalid': 'note',
  'temporary-file': 'note',
  // look-up
  'lookup-missing': 'warning',
  'lookup-surplus': 'warning',
  'lookup-mark-wrong': 'warning',
  // from outside
  'service-batch-missing': 'error',
  'service-answer-invalid': 'error',
  'service-leaves-missing': 'error',
  'service-leaves-differ': 'error',
  'service-size-differs': 'error',
  'service-root-differs': 'error',
  'service-anchor-differs': 'error',
  'service-not-anchored': 'error',
  'service-anchored-late': 'error',
  'service-order-differs': 'error',
  'service-time-future': 'error',
  'service-time-differs': 'warning',
  'index-claimed-twice': 'error',
  'root-without-batch': 'error',
  'event-repeated': 'error',
} as const satisfies Readonly<Record<string, Severity>>;

export type FindingCode = keyof typeof FINDINGS;

/** What says that something was not looked at counts as that too: nothing is known of it, so nothing is well with it. */
const NOT_LOOKED_AT: ReadonlySet<FindingCode> = new Set([
  'chain-not-asked',
  'log-on-other-chain',
  'log-not-known',
  'signers-not-known',
]);

/** A table, a room of files or the chain; and the key in it. */
export interface Place {
  readonly table: string;
  readonly key: string;
}

export interface Evidence {
  readonly expected?: string | number;
  readonly found?: string | number;
  /** which column, field or check */
  readonly what?: string;
  readonly reason?: Reason;
}

export interface Finding extends Place, Evidence {
  readonly code: FindingCode;
  readonly severity: Severity;
}

/** What --repair can do; each is told by the code of the finding that it takes away. */
export type Repaired =
  | 'anchor-unrecorded'
  | 'anchor-behind'
  | 'temporary-file'
  | 'tree-missing'
  | 'lookup-missing';

/** Where an audit puts what it finds. Nothing is kept: a million findings take no memory. */
export interface Report {
  found(code: FindingCode, place: Place, evidence?: Evidence): void;
  repaired(code: Repaired, place: Place): void;
  /** A part that could not be looked at, and why. */
  unread(part: string, why: string): void;
  progress(part: string, done: number): void;
}

export const at = (table: string, key: string | number): Place => ({ table, key: String(key) });

export interface Listener {
  found?(finding: Finding): void;
  repaired?(code: Repaired, place: Place): void;
  unread?(part: string, why: string): void;
  progress?(part: string, done: number): void;
}

export interface Outcome {
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
  readonly repaired: number;
  readonly unread: number;
}

/** Counts, and hands on. */
export function listening(listener: Listener): Report & { outcome(): Outcome } {
  const counts = { error: 0, warning: 0, note: 0 };
  let [repaired, unread] = [0, 0];
  return {
    found(code, place, evidence = {}) {
      const severity = FINDINGS[code];
      counts[severity]++;
      if (NOT_LOOKED_AT.has(code)) unread++;
      listener.found?.({ code, severity, ...place, ...evidence });
    },
    repaired(code, place) {
      repaired++;
      listener.repaired?.(code, place);
    },
    unread(part, why) {
      unread++;
      listener.unread?.(part, why);
    },
    progress: (part, done) => listener.progress?.(part, done),
    outcome: () => ({
      errors: counts.error,
      warnings: counts.warning,
      notes: counts.note,
      repaired,
      unread,
    }),
  };
}

/** Values of a row against what they should be; each difference is a finding of its own. */
export function compare(
  report: Report,
  code: FindingCode,
  place: Place,
  values: Readonly<Record<string, readonly [expected: string | number, found: string | number | undefined]>>,
): void {
  for (const [what, [expected, found]] of Object.entries(values))
    if (expected !== found) report.found(code, place, { what, expected, found: found ?? '—' });
}
