import type { BlobRoom, Blobs } from '../../ports/blobs.ts';

/**
 * Two places that read as one. What is new goes to the near one; what is not there is looked for in the far one, where
 * `move-cold` has put it. A blob that is in both (the move was broken off, or the same file came again) is read from
 * the near one. The far one being away stops nothing but reading what is only there.
 */
export function tieredBlobs(near: Blobs, far: Blobs): Blobs {
  /** The near place says what went wrong; only where it has no such blob is the far one asked. */
  async function reading<T>(room: BlobRoom, name: string, read: (blobs: Blobs) => Promise<T>): Promise<T> {
    try {
      return await read(near);
    } catch (error) {
      if ((await near.size(room, name)) !== undefined) throw error;
      return read(far);
    }
  }

  return {
    receive: () => near.receive(),
    keep: (room, name, bytes) => near.keep(room, name, bytes),
    size: async (room, name) => (await near.size(room, name)) ?? far.size(room, name),
    // A stream may say only when it is read that there is nothing: too late to go elsewhere.
    async stream(room, name, start, end) {
      if ((await near.size(room, name)) === undefined) return far.stream(room, name, start, end);
      // It may go to the far place at this very moment.
      return reading(room, name, (blobs) => blobs.stream(room, name, start, end));
    },
    read: (room, name, start, length) =>
      reading(room, name, (blobs) => blobs.read(room, name, start, length)),
    readEach: (room, name, ranges) => reading(room, name, (blobs) => blobs.readEach(room, name, ranges)),
  };
}
