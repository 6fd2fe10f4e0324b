import type { FastifyRequest } from 'fastify';
import { MAX_CERTIFICATE_BYTES } from '../core/certificate/certificate.ts';
import { heldSource, type Opened, type OpenPackage, openContainer } from '../core/container/open.ts';
import { CONTAINER_BYTES, containerOf } from '../core/container/package.ts';
import { MAX_PDF_BYTES } from '../core/container/pdf.ts';
import { FormatError } from '../core/reason.ts';
import { bothLanguages } from '../messages/sentence.ts';
import type { OpenSpool } from '../ports/spool.ts';
import { contentOf, type FormPart } from './form.ts';
import { setStreamed } from './pace.ts';
import { Problem } from './problem.ts';
import { type Received, type Room, spooled } from './room.ts';

/*
 * The part of a form that is the certificate, or holds it. What is small is held; a package goes to a temporary file, for
 * its directory stands at its end.
 */

export interface ContainerDeps {
  readonly openSpool: OpenSpool;
  readonly openPackage: OpenPackage;
}

type Receive = (request: FastifyRequest, part: FormPart, limit: number) => Promise<Received>;

/** Receives such parts, a few packages at once. */
export function containerReceiver({ openSpool }: Pick<ContainerDeps, 'openSpool'>, room: Room): Receive {
  return async (request, part, limit) => {
    const content = contentOf(part);
    const begun = await firstBytes(content);
    if (containerOf(begun) !== 'package') return held(begun, content);
    const place = room.enter(request.ip);
    setStreamed(request.raw, true);
    return spooled(openSpool, place, behind(begun, content), limit);
  };
}

/** As many as tell what it is, or all. The stream goes on behind them. */
async function firstBytes(content: AsyncGenerator<Buffer>): Promise<Buffer> {
  let begun = Buffer.alloc(0);
  while (begun.length < CONTAINER_BYTES) {
    const { done, value } = await content.next();
    if (done) break;
    begun = Buffer.concat([begun, value]);
  }
  return begun;
}

async function* behind(begun: Buffer, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield begun;
  yield* content;
}

async function held(begun: Buffer, content: AsyncIterable<Buffer>): Promise<Received> {
  const chunks = [begun];
  let size = begun.length;
  const limit = containerOf(begun) === 'pdf' ? MAX_PDF_BYTES : MAX_CERTIFICATE_BYTES;
  for await (const chunk of content) {
    chunks.push(chunk);
    size += chunk.length;
    // One byte more is let in: whoever reads it says what is wrong with it.
    if (size > limit + 1) throw new Problem('body-too-large', { limit });
  }
  return { source: heldSource(Buffer.concat(chunks)), close: async () => {} };
}

/** What holds no certificate is not a certificate that is invalid: it is an error of whoever asks. */
export async function asContainer<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { code, detail } = error;
    const because = bothLanguages('reason', code, detail);
    throw new Problem('container-unreadable', {}, { members: { reason: code }, because, cause: error });
  }
}

export const opened = (
  { source }: Received,
  { openPackage }: ContainerDeps,
  limit: number,
): Promise<Opened> => asContainer(() => openContainer(source, openPackage, limit));
