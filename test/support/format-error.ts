import { FormatError, type ReasonCode } from '../../server/core/reason.ts';

/** The code with which `work` is refused; undefined where it is not. Any other error is a bug and passes through. */
export function refusal(work: () => unknown): ReasonCode | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof FormatError) return error.code;
    throw error;
  }
}
