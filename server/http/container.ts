import type { FastifyRequest } from 'fastify';
import { MAX_CERTIFICATE_BYTES } from '../core/certificate/certificate.ts';
import {
  heldSource,
  type Opened,
  type OpenPackage,
  openContainer,
  type Source,
} from '../core/container/open.ts';
import { CONTAINER_BYTES, containerOf } from '../core/container/package.ts';
import { MAX_PDF_BYTES } from '../core/container/pdf.ts';
import { FormatError } from '../core/reason.ts';
import { bothLanguages } from '../messages/sentence.ts';
import type { OpenSpool, Spool } from '../ports/spool.ts';
import { contentOf, type FormPart } from './form.ts';
import { setStreamed } from './pace.ts';
import { Problem } from './problem.ts';

/*
 * The part of a form that is the certificate, or holds it. What is small is held; a package goes to a temporary file, for
 * its directory stands at its end.
 */

export interface ContainerDeps {
  readonly openSpool: OpenSpool;
  readonly openPackage: OpenPackage;
}

/** Each takes room on the disk and a worker's time for its digests: so many at once, so many of them from one address. */
const MAX_PACKAGES = 16;
const MAX_OF_ONE = 4;

export interface Received {
  readonly source: Source;
  close(): Promise<void>;
}

type Receive = (request: FastifyRequest, part: FormPart, limit: number) => Promise<Received>;

const overloaded = () => new Problem('overloaded', {}, { retryAfterSeconds: 5 });

/** Room for packages: nobody has all places from one address, nor more of the disk than one package may take. */
function createRoom() {
  const sizes = new Map<symbol, number>();
  const owners = new Map<string, number>();
  return {
    enter(address: string) {
      const own = owners.get(address) ?? 0;
      if (sizes.size >= MAX_PACKAGES || own >= MAX_OF_ONE) throw overloaded();
      const place = Symbol(address);
      sizes.set(place, 0);
      owners.set(address, own + 1);
      return {
        /** All that are here together take no more room than the largest one may. */
        grown(size: number, limit: number): void {
          sizes.set(place, size);
          const others = [...sizes.values()].reduce((sum, one) => sum + one, -size);
          if (others > 0 && others + size > limit) throw overloaded();
        },
        leave(): void {
          sizes.delete(place);
          const left = owners.get(address)! - 1;
          if (left === 0) owners.delete(address);
          else owners.set(address, left);
        },
      };
    },
  };
}

/** Receives such parts, a few packages at once. */
export function containerReceiver({ openSpool }: Pick<ContainerDeps, 'openSpool'>): Receive {
  const room = createRoom();
  return async (request, part, limit) => {
    const content = contentOf(part);
    const begun = await firstBytes(content);
    if (containerOf(begun) !== 'package') return held(begun, content);
    const place = room.enter(request.ip);
    try {
      setStreamed(request.raw, true);
      const grown = (size: number) => place.grown(size, limit);
      const { source, close } = await spooled(await openSpool(), begun, content, limit, grown);
      return { source, close: () => close().finally(place.leave) };
    } catch (error) {
      place.leave();
      throw error;
    }
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

async function spooled(
  spool: Spool,
  begun: Buffer,
  content: AsyncIterable<Buffer>,
  limit: number,
  grown: (size: number) => void,
): Promise<Received> {
  try {
    await spool.write(begun);
    for await (const chunk of content) {
      await spool.write(chunk);
      if (spool.size > limit) throw new Problem('file-too-large', { limit });
      grown(spool.size);
    }
    await spool.settled();
    return { source: sourceOf(spool), close: () => spool.close() };
  } catch (error) {
    await spool.close();
    throw error;
  }
}

const sourceOf = (spool: Spool): Source => ({
  size: spool.size,
  async read(offset, length) {
    const bytes = new Uint8Array(Math.min(length, Math.max(0, spool.size - offset)));
    await spool.read(bytes, offset);
    return bytes;
  },
});

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
