/**
 * Of any number of instances one seals and anchors. The right to do so dies with its holder: when its process is
 * killed or its machine is gone, another instance has it within ten seconds. It is not what keeps the log right (a
 * batch is sealed once, an index is taken once, whoever tries: the store and the contract compare and swap); it keeps
 * instances from working against each other.
 */
export interface Leadership {
  /** True where this instance may seal and anchor now. Becomes the one where there is none; never waits for another. */
  lead(): Promise<boolean>;
  /** Grows whenever this instance becomes the one: what it knew before may be of other data. */
  term(): number;
  /** Gives it up for now, where others might do better; this one may have it again when it asks. */
  resign(): Promise<void>;
  /** Gives it up for good. */
  close(): Promise<void>;
}
