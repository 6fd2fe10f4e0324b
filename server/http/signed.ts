import { pipeline, Transform } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  type ContentCheck,
  contentCheck,
  SignatureRefused,
  type SignedMessage,
} from '../identity/http-signatures.ts';
import type { SignedCalls } from '../identity/signed-calls.ts';
import { Problem } from './problem.ts';

declare module 'fastify' {
  interface FastifyInstance {
    signedCalls: SignedCalls;
    /** http or https, as callers see this service */
    publicScheme: string;
  }
  interface FastifyRequest {
    /** of a signed request with a body: what it has to be */
    content: Content | null;
  }
}

/** A body under a signature, while it comes in. */
export interface Content {
  readonly check: ContentCheck;
  /** resolves when all of it has come and was the one; else rejects with a Problem */
  readonly checked: Promise<void>;
  readonly settle: (problem?: Problem) => void;
  /** the body as it comes, through the check; where nobody parses it, as with forms */
  stream?: NodeJS.ReadableStream;
}

/** Requests may be signed instead of bearing a key: auth.ts asks, and what comes in under a signature is compared here. */
export function installSigned(app: FastifyInstance, calls: SignedCalls, publicUrl: string): void {
  app.decorate('signedCalls', calls);
  app.decorate('publicScheme', new URL(publicUrl).protocol.replace(':', ''));
  app.decorateRequest('content', null);
  app.addHook('preParsing', (request, _reply, payload, done) => {
    if (request.content === null) done(null, payload);
    else done(null, through(request.content, payload));
  });
}

export const messageOf = ({ raw, host, server }: FastifyRequest): SignedMessage => ({
  method: raw.method!,
  scheme: server.publicScheme,
  authority: host,
  target: raw.url!,
  rawHeaders: raw.rawHeaders,
});

/** Before the body is read: what it has to be. Nothing where there is none. */
export function expectContent(request: FastifyRequest, message: SignedMessage): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if ((length === undefined || length === '0') && encoding === undefined) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Whoever reads the body to its end hears it from the stream as well.
  promise.catch(() => {});
  request.content = {
    check: contentCheck(message),
    checked: promise,
    settle: (problem) => (problem === undefined ? resolve() : reject(problem)),
  };
}

function through(content: Content, payload: NodeJS.ReadableStream): Transform {
  const { check, settle } = content;
  const checking = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      check.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const problem = check.matches() ? undefined : new Problem('content-digest-mismatch');
      settle(problem);
      done(problem ?? null);
    },
  });
  pipeline(payload, checking, (error) => {
    if (error) settle(error instanceof Problem ? error : new Problem('upload-broken', {}, { cause: error }));
  });
  content.stream = checking;
  return checking;
}

/** What is wrong with a signature, as an answer. */
export function signatureProblem(error: unknown): unknown {
  return error instanceof SignatureRefused ? new Problem(error.fault, error.detail, { cause: error }) : error;
}
