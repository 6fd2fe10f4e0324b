import type { Source } from '../core/container/open.ts';
import type { OpenSpool, Spool } from '../ports/spool.ts';
import { Problem } from './problem.ts';

/*
 * Packages and archives go to a temporary file, for their directory stands at the end: room for them, and the way there.
 */

/** Each takes room on the disk and a worker's time for its digests: so many at once, so many of them from one address. */
const MAX_PACKAGES = 16;
const MAX_OF_ONE = 4;

export interface Received {
  readonly source: Source;
  close(): Promise<void>;
}

/** What one of them takes. */
export interface Place {
  grown(size: number, limit: number): void;
  leave(): void;
}

export interface Room {
  enter(address: string): Place;
}

const overloaded = () => new Problem('overloaded', {}, { retryAfterSeconds: 5 });

/** Room for packages: nobody has all places from one address, nor more of the disk than one package may take. */
export function createRoom(): Room {
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

/** Takes all that comes to a temporary file. The place is left with it, or where that fails. */
export async function spooled(
  openSpool: OpenSpool,
  place: Place,
  content: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<Received> {
  let spool: Spool | undefined;
  try {
    spool = await openSpool();
    for await (const chunk of content) {
      await spool.write(chunk);
      if (spool.size > limit) throw new Problem('file-too-large', { limit });
      place.grown(spool.size, limit);
    }
    await spool.settled();
  } catch (error) {
    await spool?.close();
    place.leave();
    throw error;
  }
  const { close } = spool;
  return { source: sourceOf(spool), close: () => close().finally(() => place.leave()) };
}

const sourceOf = (spool: Spool): Source => ({
  size: spool.size,
  async read(offset, length) {
    const bytes = new Uint8Array(Math.min(length, Math.max(0, spool.size - offset)));
    await spool.read(bytes, offset);
    return bytes;
  },
});
