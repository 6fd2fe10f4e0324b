import type { LogIdentity } from '../ports/chain.ts';
import type { RawLog } from '../ports/inspect.ts';
import { at, type Place, type Report } from './finding.ts';

/*
 * Which logs must be there. Whoever can write to the database can also empty it, or anchor another history under
 * another key; then only what is known from elsewhere says that the roots on the chain are ours.
 */

/** Settings say nothing of a genesis block: then it is the one of the chain that is asked. */
export interface ExpectedLog extends Omit<LogIdentity, 'genesisHash'> {
  readonly genesisHash: string | undefined;
}

export interface Expectation {
  readonly logs: readonly ExpectedLog[];
  /** They stand beside the data that are looked at: whoever changed the one could change the other. */
  readonly fromData: boolean;
}

/** A log to be compared with the chain; without an id where the records do not know it. */
export interface ComparedLog extends LogIdentity {
  readonly id: number | undefined;
}

/** As the records call it; else as the chain does. */
export const logPlace = ({ id, operator }: ComparedLog): Place =>
  id === undefined ? at('log', operator) : at('logs', id);

/** `anchors/LOG:INDEX` where the log is recorded: what people and the contract call an anchor. */
export const indexPlace = ({ id, operator }: ComparedLog, index: number): Place =>
  id === undefined ? at('log', `${operator}:${index}`) : at('anchors', `${id}:${index}`);

const isSame = (expected: ExpectedLog, log: LogIdentity): boolean =>
  expected.chainId === log.chainId &&
  expected.contract === log.contract &&
  expected.operator === log.operator &&
  (expected.genesisHash ?? log.genesisHash) === log.genesisHash;

/** Of the recorded logs those that nobody expects; and what is not known about which to expect. */
export function checkExpected(report: Report, recorded: readonly RawLog[], expectation: Expectation): void {
  const { logs, fromData } = expectation;
  if (logs.length === 0) report.found('log-not-known', at('logs', '*'));
  else if (fromData) report.found('log-known-from-data', at('logs', '*'));
  for (const log of recorded)
    if (logs.length > 0 && !logs.some((expected) => isSame(expected, log)))
      report.found('log-unexpected', at('logs', log.id), {
        found: `${log.chainId} ${log.contract} ${log.operator}`,
      });
}

/** The recorded logs, and then the expected ones that the records lack, once each. */
export function logsToCompare(
  recorded: readonly RawLog[],
  expected: readonly ExpectedLog[],
  genesisHash: string,
): readonly ComparedLog[] {
  const logs: ComparedLog[] = [...recorded];
  for (const one of expected) {
    const log = { ...one, id: undefined, genesisHash: one.genesisHash ?? genesisHash };
    if (!logs.some((known) => isSame(log, known))) logs.push(log);
  }
  return logs;
}
