/** A request to a worker thread: `n` tells the answers apart, `job` is the program's own. */
export interface Ask<J> {
  readonly n: number;
  readonly job: J;
}

export interface Reply {
  readonly n: number;
  readonly value?: unknown;
  readonly error?: unknown;
}

/** Heavy arithmetic, off the main thread. */
export interface TreeBuilder {
  /**
   * Builds the RFC 6962 tree over leaf hashes (32 bytes each, not empty) by our own core and by merkletreejs.
   * `nodes` are tiled (core/tree/tiles.ts), as they are stored.
   * Throws TreesDisagree where their roots differ, so that no error of one of them reaches a chain.
   */
  build(leaves: Uint8Array): Promise<{ readonly root: Uint8Array; readonly nodes: Uint8Array }>;
  close(): Promise<void>;
}

export class TreesDisagree extends Error {
  constructor(ours: string, theirs: string) {
    super(`core computed root ${ours}, merkletreejs ${theirs}`);
    this.name = 'TreesDisagree';
  }
}

/** Both digests of a stream in one pass. */
export interface Digests {
  begin(): StreamDigest;
  close(): Promise<void>;
}

export interface StreamDigest {
  /**
   * Bytes in the order of the calls, which need not wait for each other. Resolves when the memory may be used again.
   * Large blocks of shared memory are hashed by other threads where they are; others are copied first.
   */
  update(chunk: Uint8Array): Promise<void>;
  /** Lower-case hex and the number of bytes seen. */
  finish(): Promise<{ readonly sha256: string; readonly sm3: string; readonly size: number }>;
  abandon(): void;
}
