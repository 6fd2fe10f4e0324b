import type { BlobRoom } from '../../ports/blobs.ts';

const ROOMS: readonly BlobRoom[] = ['files', 'trees'];
const NAME = /^[0-9a-f]{64}$/;

/** The key of a blob: its digest. No key is ever built from a name that is not 64 hex digits. */
export const keysUnder =
  (prefix: string) =>
  (room: BlobRoom, name: string): string => {
    if (!ROOMS.includes(room)) throw new TypeError(`no such room: ${room}`);
    if (!NAME.test(name)) throw new TypeError('the name of a blob has 64 hex digits');
    return `${prefix}${room}/${name.slice(0, 2)}/${name}`;
  };

/** Everything of ours under a prefix, and nothing of a neighbour's. */
export const roomsUnder = (prefix: string): readonly string[] => ROOMS.map((room) => `${prefix}${room}/`);
