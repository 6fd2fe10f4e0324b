import { DepositQueue, QUEUE_LIMITS } from '../../server/ports/overload.ts';

/** Refuses nobody for waiting long: for tests that hand in thousands at once, on whatever machine. */
export const patientQueue = (): DepositQueue =>
  new DepositQueue({ ...QUEUE_LIMITS, shallow: QUEUE_LIMITS.most });
