import { type FileHandle, mkdir, open } from 'node:fs/promises';

/*
 * What temporary files of uploads have in common, wherever their bytes go afterwards.
 */

/** Opens a new file. A folder that somebody has cleared away is made again: nothing of value is in it. */
export async function openNew(dir: string, path: string, flags: 'wx' | 'wx+'): Promise<FileHandle> {
  try {
    return await open(path, flags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dir, { recursive: true });
    return open(path, flags, 0o600);
  }
}

/** All of the bytes: a disk may take fewer at a time. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, start: number): Promise<void> {
  for (let at = 0; at < bytes.length; )
    at += (await file.write(bytes, at, bytes.length - at, start + at)).bytesWritten;
}

/** Writes that run at once, and the first thing that went wrong with any of them. */
export interface UnderWay {
  /** The same promise, watched. */
  add(written: Promise<void>): Promise<void>;
  /** Nothing is under way any more, whatever became of it. */
  ended(): Promise<void>;
  /** As `ended`; throws what went wrong. */
  settled(): Promise<void>;
}

export function writesUnderWay(): UnderWay {
  const underWay = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;

  async function ended(): Promise<void> {
    await Promise.all(underWay);
  }

  return {
    add(written) {
      const watched: Promise<void> = written
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .then(() => void underWay.delete(watched));
      underWay.add(watched);
      return written;
    },
    ended,
    async settled() {
      await ended();
      if (failure !== undefined) throw failure.error;
    },
  };
}
