import { isIP } from 'node:net';
import {
  type Destination,
  type Door,
  type DoorAnswer,
  type DoorCode,
  DoorProblem,
  type DoorRequest,
} from '../ports/door.ts';
import { connect, type Dial, dialAddress } from './connect.ts';
import { exchange, type Message } from './exchange.ts';
import { checkPublic, type Place, placeOf } from './place.ts';
import { openResolver, type Resolve } from './resolve.ts';

/*
 * A request goes: address → place → all addresses of its name → all of them looked at → a connection to one that was
 * looked at → one exchange, and each redirect the same way again from its beginning. Nothing is shared between
 * requests, no connection and no answer of the DNS; no variable of the environment names a proxy.
 */

export interface DoorLimits {
  /** From the question for the name to the last byte, all redirects included: whoever asked comes again later. */
  readonly totalMs: number;
  /** For a connection to one address; its TLS handshake has as long again. */
  readonly connectMs: number;
  /** Names and values of an answer's headers together; servers send one or two thousand. */
  readonly headBytes: number;
}

const LIMITS: DoorLimits = { totalMs: 20_000, connectMs: 5_000, headBytes: 16 * 1_024 };

/** From http to https, from a name to another and from an old path to a new one. */
const MAX_REDIRECTS = 3;

export interface DoorParts {
  readonly allow: readonly Destination[];
  readonly limits?: Partial<DoorLimits>;
  readonly resolve?: Resolve;
  readonly dial?: Dial;
  /** PEM of roots for TLS; left out: those of Node and of NODE_EXTRA_CA_CERTS. */
  readonly ca?: readonly string[];
}

interface Ways {
  readonly allow: readonly Destination[];
  readonly limits: DoorLimits;
  readonly resolve: Resolve;
  readonly dial: Dial;
  readonly ca: readonly string[] | undefined;
}

export function openDoor(parts: DoorParts): Door {
  const { allow, ca, resolve = openResolver(), dial = dialAddress } = parts;
  const ways: Ways = { allow, ca, resolve, dial, limits: { ...LIMITS, ...parts.limits } };
  const underWay = new Set<AbortController>();
  let closed = false;
  return {
    async ask(request) {
      const ending = new AbortController();
      const end = (code: DoorCode, limit?: number) => ending.abort(ended(code, request.url, limit));
      const stop = () => end('door-stopped');
      const timer = setTimeout(() => end('door-too-slow', ways.limits.totalMs), ways.limits.totalMs);
      request.signal?.addEventListener('abort', stop);
      if (closed || request.signal?.aborted) stop();
      underWay.add(ending);
      try {
        return await follow(request, ways, ending.signal);
      } catch (error) {
        // What breaks because we gave up is no fault of the other side.
        throw ending.signal.aborted ? ending.signal.reason : error;
      } finally {
        underWay.delete(ending);
        request.signal?.removeEventListener('abort', stop);
        clearTimeout(timer);
      }
    },
    close() {
      closed = true;
      for (const ending of underWay) ending.abort(new DoorProblem('door-stopped'));
    },
  };
}

function ended(code: DoorCode, url: string, limit: number | undefined): DoorProblem {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  return new DoorProblem(code, { host, ...(limit !== undefined && { limit }) });
}

async function follow(request: DoorRequest, ways: Ways, signal: AbortSignal): Promise<DoorAnswer> {
  const most = Math.min(request.redirects ?? MAX_REDIRECTS, MAX_REDIRECTS);
  const { connectMs, headBytes } = ways.limits;
  let place = placeOf(request.url, ways.allow);
  let addresses = await addressesOf(place, ways.resolve, signal);
  let message: Message = request;
  for (let redirects = 0; ; redirects++) {
    const socket = await connect(place, addresses, { ...ways, connectMs }, signal);
    const outcome = await exchange(socket, place, message, request, headBytes, signal);
    if (outcome.kind === 'answer') return outcome.answer;
    if (redirects === most)
      throw new DoorProblem('door-redirects-too-many', { host: place.asked, limit: most });
    [place, addresses] = await nextPlace(place, outcome.location, ways, signal);
    message = redirected(message, outcome.status);
  }
}

/**
 * All of them, each looked at. One that is not public spoils the name: honest names have none, and a choice among the
 * others would let whoever answers find out, by what we then do, what there is inside.
 */
async function addressesOf(place: Place, resolve: Resolve, signal: AbortSignal): Promise<readonly string[]> {
  const { host, listed } = place;
  signal.throwIfAborted();
  const addresses = isIP(host) === 0 ? await orGiveUp(resolve(host, listed, signal), signal) : [host];
  for (const address of addresses) checkPublic(place, address);
  return addresses;
}

function orGiveUp<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    signal.addEventListener('abort', giveUp);
    if (signal.aborted) giveUp();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

/** Where nobody goes when it is named by whoever asked, nobody goes when it is named by a redirect either. */
const REFUSED: readonly DoorCode[] = [
  'door-address-malformed',
  'door-scheme-refused',
  'door-userinfo-refused',
  'door-port-refused',
  'door-not-public',
  'door-name-unknown',
  'door-name-unresolved',
];

/** The same way again from its beginning. */
async function nextPlace(
  from: Place,
  location: string,
  ways: Ways,
  signal: AbortSignal,
): Promise<[Place, readonly string[]]> {
  try {
    const place = placeOf(location, ways.allow, from);
    // What was private on its way must not go on in the open.
    if (from.secure && !place.secure) throw new DoorProblem('door-scheme-refused');
    return [place, await addressesOf(place, ways.resolve, signal)];
  } catch (error) {
    if (!(error instanceof DoorProblem) || !REFUSED.includes(error.code)) throw error;
    throw new DoorProblem('door-redirect-refused', { host: from.asked }, error);
  }
}

/** What is meant for whoever gets it; all else (authorization, cookies, signatures) was meant for the first alone. */
const GO_ALONG: readonly string[] = ['accept', 'content-type'];

/**
 * 303 asks for something else with GET (RFC 9110 §15.4.4). 301 and 302 may be followed with GET after a POST, "for
 * historical reasons" that are those of forms (§15.4.2); a query stays a query, as with 307 and 308.
 */
function redirected({ method, headers, body }: Message, status: number): Message {
  const kept = Object.entries(headers ?? {}).filter(([name]) => GO_ALONG.includes(name));
  if (status !== 303)
    return { method, headers: Object.fromEntries(kept), ...(body !== undefined && { body }) };
  return { method: 'GET', headers: Object.fromEntries(kept.filter(([name]) => name === 'accept')) };
}
