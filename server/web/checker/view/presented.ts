import { presentReport } from '../../../messages/report.ts';
import type { Outcome } from '../state.ts';

export type Checked = Extract<Outcome, { kind: 'checked' }>;
export type Presented = ReturnType<typeof present>;

/** The report with its sentences in both languages, as service and command line show it. */
export const present = ({ report }: Checked) => presentReport(report);
