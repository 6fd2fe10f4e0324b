import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { sm3 } from '../../server/core/hash/sm3.ts';
import { toHex } from '../../server/core/read/bytes.ts';
import { tiled } from '../../server/core/tree/tiles.ts';
import { buildTree, HASH_LENGTH, rootOf } from '../../server/core/tree/tree.ts';
import { type BlobRoom, type Blobs, BlobUnavailable, type IncomingBlob } from '../../server/ports/blobs.ts';
import type { Digests, TreeBuilder } from '../../server/ports/work.ts';
import { callOver, type Medium } from './faults.ts';
import type { Life } from './schedule.ts';

/*
 * A disk that keeps what was synced: bytes are written under a temporary name, synced, named, and the name is synced.
 * A process that dies leaves what it has done so far; a machine that loses power keeps of what was not synced what
 * chance leaves of it.
 */

interface Kept {
  readonly bytes: Uint8Array;
  /** whether the bytes were synced before they got their name, and whether the name was */
  bytesSynced: boolean;
  nameSynced: boolean;
}

export interface Disk {
  away: boolean;
  /** left by processes that died */
  leftovers: number;
  /** whether these bytes would be there after a power failure */
  isDurable(room: BlobRoom, name: string): boolean;
  read(room: BlobRoom, name: string): Uint8Array | undefined;
  list(room: BlobRoom): readonly { readonly name: string; readonly size: number }[];
  powerFails(): void;
  client(life: Life): Blobs;
}

/** A disk that says that it has synced and has not: put in on purpose, to be found. */
export interface DiskBug {
  readonly neverSyncs?: boolean;
}

export function createDisk(medium: Medium, bug: DiskBug = {}): Disk {
  const { random, schedule, faults } = medium;
  const kept = new Map<string, Kept>();
  const disk: Disk = {
    away: false,
    leftovers: 0,
    isDurable(room, name) {
      const file = kept.get(`${room}/${name}`);
      return file?.bytesSynced === true && file.nameSynced;
    },
    read: (room, name) => kept.get(`${room}/${name}`)?.bytes,
    list: (room) =>
      [...kept].flatMap(([path, { bytes }]) =>
        path.startsWith(`${room}/`) ? { name: path.slice(room.length + 1), size: bytes.length } : [],
      ),
    powerFails() {
      for (const [name, file] of kept) {
        if (!file.nameSynced && random.chance(0.5)) kept.delete(name);
        else if (!file.bytesSynced)
          kept.set(name, {
            ...file,
            bytes: file.bytes.subarray(0, random.between(0, file.bytes.length - 1)),
          });
      }
    },
    client: (life) => blobsOf(life),
  };
  const failure = (why: string) => new BlobUnavailable(why);
  const call = <T>(life: Life, what: string, reads: boolean, run: () => T): Promise<T> =>
    callOver(medium, {
      ...{ life, what: `blobs.${what}`, reads, run, failure },
      away: () => (disk.away ? new BlobUnavailable('the disk is full') : undefined),
    });

  /** Two steps that a death may come between: named, and the name synced. */
  async function keep(life: Life, room: BlobRoom, name: string, bytes: Uint8Array): Promise<void> {
    const path = `${room}/${name}`;
    await call(life, `write ${room}`, false, () => {
      disk.leftovers++;
    });
    if (random.chance(faults.now().half)) {
      schedule.note(`${life.name} dies before the blob has its name`);
      medium.kill(life, 'half a blob');
    }
    await call(life, `rename ${room}`, false, () => {
      const before = kept.get(path);
      const isSame = before?.nameSynced === true;
      kept.set(path, { bytes: Uint8Array.from(bytes), bytesSynced: !bug.neverSyncs, nameSynced: isSame });
      disk.leftovers--;
    });
    if (bug.neverSyncs) return;
    await call(life, `sync ${room}`, false, () => {
      const file = kept.get(path);
      if (file === undefined) throw failure('the blob is gone');
      file.nameSynced = true;
    });
  }

  function bytesOf(room: BlobRoom, name: string, start: number, length: number): Uint8Array {
    const bytes = kept.get(`${room}/${name}`)?.bytes;
    if (bytes === undefined || bytes.length < start + length)
      throw new BlobUnavailable(`${room}/${name} ends before ${start + length} bytes`);
    return bytes.slice(start, start + length);
  }

  const blobsOf = (life: Life): Blobs => ({
    receive: () => call(life, 'receive', false, () => incoming(life)),
    keep: (room, name, bytes) => keep(life, room, name, bytes),
    size: (room, name) => call(life, 'size', true, () => kept.get(`${room}/${name}`)?.bytes.length),
    stream: (room, name, start, end) =>
      call(life, 'stream', true, () => Readable.from([bytesOf(room, name, start, end - start)])),
    read: (room, name, start, length) => call(life, 'read', true, () => bytesOf(room, name, start, length)),
    readEach: (room, name, ranges) =>
      call(life, `readEach ${room}`, true, () =>
        ranges.map(({ start, length }) => bytesOf(room, name, start, length)),
      ),
  });

  function incoming(life: Life): IncomingBlob {
    const parts: Uint8Array[] = [];
    return {
      async write(chunk) {
        const part = Uint8Array.from(chunk);
        const at = parts.push(part) - 1;
        await call(life, 'write', false, () => {
          parts[at] = part;
        });
      },
      keep: (room, name) => keep(life, room, name, Buffer.concat(parts)),
      discard: () => call(life, 'discard', true, () => {}),
    };
  }

  return disk;
}

/** The tree as it is stored; where it is built takes time, and the process may die meanwhile. */
export const treesOf = (medium: Medium, life: Life): TreeBuilder => ({
  build: (leaves) =>
    callOver(medium, {
      ...{ life, what: 'trees.build', reads: true, failure: (why: string) => new Error(why) },
      run: () => {
        const nodes = buildTree(Uint8Array.from(leaves));
        return { root: rootOf(nodes), nodes: tiled(nodes, leaves.length / HASH_LENGTH) };
      },
    }),
  close: async () => {},
});

export const digestsOf = (): Digests => ({
  begin() {
    const parts: Uint8Array[] = [];
    return {
      async update(chunk) {
        parts.push(Uint8Array.from(chunk));
      },
      async finish() {
        const bytes = Buffer.concat(parts);
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        return { sha256, sm3: toHex(sm3(bytes)), size: bytes.length };
      },
      abandon() {},
    };
  },
  close: async () => {},
});
