/** So long a name is remembered at least: longer than anything that is named so is good. */
export const REMEMBERED_MS = 310_000;

/** Names that are good once, over all instances of a service. */
export interface UsedOnce {
  /** What was used before this moment may have been forgotten (Unix ms): nothing that may have been is good any more. */
  readonly sinceMs: number;
  /**
   * True the first time. Throws StoreOverloaded where no more can be remembered, of this owner or at all: to forget one
   * would make it good again.
   */
  use(owner: string, name: string, nowMs: number): Promise<boolean>;
}
