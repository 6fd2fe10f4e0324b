/**
 * The only door out: every request over HTTP to an address that came from outside or from the configuration of what
 * lies outside goes through it. It reaches public addresses, and what KEZHENG_EGRESS_ALLOW lists, and nothing else.
 */

/** Why a request through the door came to nothing. Each has its sentence in messages/, subject `outside`. */
export const DOOR_CODES = [
  // The address is one that nobody goes to.
  'door-address-malformed',
  'door-scheme-refused',
  'door-userinfo-refused',
  'door-not-secure',
  'door-fragment-refused',
  'door-port-refused',
  'door-not-public',
  // The way there.
  'door-name-unknown',
  'door-name-unresolved',
  'door-unreachable',
  'door-tls-failed',
  'door-too-slow',
  'door-stopped',
  // What came back.
  'door-redirect-refused',
  'door-redirects-too-many',
  'door-head-too-large',
  'door-status-unexpected',
  'door-type-unexpected',
  'door-encoding-refused',
  'door-answer-too-large',
  'door-answer-broken',
] as const;

export type DoorCode = (typeof DOOR_CODES)[number];

/**
 * Code and detail hold nothing that the other side said, nor where its name led: they may be shown to whoever named
 * the address. `cause` does, and is for the operator's log alone.
 */
export class DoorProblem extends Error {
  readonly code: DoorCode;
  readonly detail: Readonly<Record<string, string | number>>;
  constructor(code: DoorCode, detail: Readonly<Record<string, string | number>> = {}, cause?: unknown) {
    super(`${code} ${JSON.stringify(detail)}`, { cause });
    this.name = 'DoorProblem';
    this.code = code;
    this.detail = detail;
  }
}

export interface DoorRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Beside those that the door writes itself, in lower case. After a redirect only `accept` and `content-type` go along. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** The longest body of an answer that is taken, in bytes. */
  readonly maxBytes: number;
  /** Anything but status 200 is a problem, and any other media type than these; left out: every type will do. */
  readonly expects?: { readonly types?: readonly string[] };
  /** How many redirects are followed, at most and by default 3. */
  readonly redirects?: number;
  /**
   * The status is the whole answer, whatever it is: no redirect is followed, and of a body no more than `maxBytes` is
   * taken and none of it told.
   */
  readonly statusOnly?: boolean;
  readonly signal?: AbortSignal;
}

export interface DoorAnswer {
  readonly status: number;
  /** Media type in lower case without parameters; empty where none is told. */
  readonly type: string;
  readonly body: Uint8Array;
  /** As the other side wrote it. */
  readonly retryAfter?: string;
}

export interface Door {
  /** One answer, whole, or a DoorProblem; any other error is a bug. Nothing is tried again. */
  ask(request: DoorRequest): Promise<DoorAnswer>;
  /** Ends what is under way, with `door-stopped`; what comes later ends at once. */
  close(): void;
}

/** A destination that may be reached although it is not public, or at a port that is not 80 or 443. */
export interface Destination {
  /** A name in lower case and ASCII, or an address as URLs have it, without brackets. */
  readonly host: string;
  readonly port: number;
}
