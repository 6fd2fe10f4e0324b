import { type IncomingMessage, request as makeRequest } from 'node:http';
import type { Socket } from 'node:net';
import { type DoorAnswer, DoorProblem, type DoorRequest } from '../ports/door.ts';
import type { Place } from './place.ts';
import { remark } from './remark.ts';

/*
 * One request and its answer on a connection of its own. Whatever comes back was written by somebody else: each part
 * has a bound, and the length that it tells of itself is believed only where that refuses it sooner.
 */

/** What is sent to one place. */
export type Message = Pick<DoorRequest, 'method' | 'headers' | 'body'>;

export type Outcome =
  | { readonly kind: 'answer'; readonly answer: DoorAnswer }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string };

/** RFC 9110 §15.4. 300 leaves the choice to people, 304 answers a question that we do not ask, 305 and 306 are history. */
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

export async function exchange(
  socket: Socket,
  place: Place,
  message: Message,
  request: DoorRequest,
  headBytes: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const giveUp = () => socket.destroy();
  signal.addEventListener('abort', giveUp);
  try {
    signal.throwIfAborted();
    const response = await headOf(socket, place, message, headBytes);
    const { statusCode: status = 0, headers } = response;
    if (request.statusOnly === true) {
      await drain(response, request.maxBytes);
      const retryAfter = headers['retry-after'];
      const answer = { status, type: '', body: new Uint8Array(), ...(retryAfter && { retryAfter }) };
      return { kind: 'answer', answer };
    }
    if (REDIRECTS.includes(status)) return { kind: 'redirect', status, location: headers.location ?? '' };
    const type = (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
    checkHead(place, request, status, type);
    checkCoding(place, response);
    return {
      kind: 'answer',
      answer: { status, type, body: await bodyOf(place, response, request.maxBytes) },
    };
  } finally {
    signal.removeEventListener('abort', giveUp);
    socket.destroy();
  }
}

/** For a body that nobody reads. */
const DRAIN_MS = 1_000;

/**
 * A courtesy to the other side, whose answer counts already: many a server takes a connection that ends in the middle of
 * its answer for a failure.
 */
async function drain(response: IncomingMessage, limit: number): Promise<void> {
  const timer = setTimeout(() => response.destroy(), DRAIN_MS);
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>)
      if ((length += chunk.length) > limit) break;
  } catch {
    // It broke off, or took too long.
  } finally {
    clearTimeout(timer);
  }
}

/** Its own headers come last, so that nobody can put others in their place. */
function headOf(
  socket: Socket,
  { url, asked: host }: Place,
  { method, headers, body }: Message,
  headBytes: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const broken = (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'HPE_HEADER_OVERFLOW'
          ? new DoorProblem('door-head-too-large', { host, limit: headBytes }, remark(error))
          : new DoorProblem('door-answer-broken', { host }, remark(error)),
      );
    const request = makeRequest({
      createConnection: () => socket,
      method,
      path: url.pathname + url.search,
      maxHeaderSize: headBytes,
      insecureHTTPParser: false,
      headers: {
        ...headers,
        host: url.host,
        'user-agent': 'kezheng',
        // What is unpacked has no bound that its sender could be held to.
        'accept-encoding': 'identity',
        connection: 'close',
        ...(method === 'POST' && { 'content-length': body?.length ?? 0 }),
      },
    });
    request.on('response', (response) => {
      // Whoever reads it hears of errors by reading; what is left unread ends with its connection.
      response.on('error', () => {});
      resolve(response);
    });
    request.on('error', broken);
    request.on('close', () => broken(new Error('closed without an answer')));
    request.end(body);
  });
}

function checkHead({ asked: host }: Place, { expects }: DoorRequest, status: number, type: string): void {
  if (expects === undefined) return;
  if (status !== 200) throw new DoorProblem('door-status-unexpected', { host, status });
  if (expects.types !== undefined && !expects.types.includes(type))
    throw new DoorProblem('door-type-unexpected', { host, expected: expects.types.join(', ') }, remark(type));
}

/** We asked for the bytes as they are (RFC 9110 §12.5.3), and unpack nothing. */
function checkCoding({ asked: host }: Place, { headers }: IncomingMessage): void {
  const content = (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const transfer = (headers['transfer-encoding'] ?? 'chunked').trim().toLowerCase();
  if (content !== 'identity' || transfer !== 'chunked')
    throw new DoorProblem('door-encoding-refused', { host }, remark(`${content}, ${transfer}`));
}

async function bodyOf({ asked: host }: Place, response: IncomingMessage, limit: number): Promise<Uint8Array> {
  const tooLarge = () => new DoorProblem('door-answer-too-large', { host, limit });
  if (Number(response.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > limit) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof DoorProblem) throw error;
    throw new DoorProblem('door-answer-broken', { host }, remark(error));
  }
  return new Uint8Array(Buffer.concat(chunks));
}
