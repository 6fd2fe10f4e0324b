/** An outside time-stamp authority, as the operator configured it. */
export interface OutsideAuthority {
  /** Who runs it, as trust lists call them; several addresses may share a label, and count once. */
  readonly label: string;
  readonly url: string;
  /** Object identifiers, dotted: those of its policies that are accepted. At least one. */
  readonly policies: readonly string[];
  /** DER. At least one. */
  readonly roots: readonly Uint8Array[];
}

/** The way to an authority and back (RFC 3161 §3.4). What is in the bytes, the asking and the checking, is core's matter. */
export interface TspTransport {
  /** DER of a TimeStampReq → what came back as TimeStampResp, unread; or a DoorProblem. */
  ask(url: string, query: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
}
