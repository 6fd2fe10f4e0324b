/** So long a name is remembered at least: longer than anything that is named so is good. */
export const REMEMBERED_MS = 600_000;

/** Names that are good once, over all instances of a service. */
export interface UsedOnce {
  /** What was used before this moment may have been forgotten (Unix ms), so nothing that was made before it is good. */
  readonly sinceMs: number;
  /** True the first time. Throws StoreOverloaded where no more can be remembered: to forget one would make it good again. */
  use(name: string, nowMs: number): Promise<boolean>;
}
