import { createHash } from 'node:crypto';
import { type BlobRoom, type Blobs, BlobUnavailable } from '../ports/blobs.ts';

/**
 * `there`: the bytes that are read back from the new place are those of the old. `damaged`: the old ones are not those
 * of their name, and nothing was copied. Throws BlobUnavailable where a place does not keep what it is given.
 */
export async function copyBlob(
  from: Blobs,
  to: Blobs,
  room: BlobRoom,
  name: string,
  size: number,
  /** what is there already may not be durable: where the old one is removed afterwards it is written again */
  { isLast = false }: { readonly isLast?: boolean } = {},
): Promise<'there' | 'damaged'> {
  const expected = await digestOf(from, room, name, size);
  if (room === 'files' && expected !== name) return 'damaged';
  const isThere = async () =>
    (await to.size(room, name)) === size && (await digestOf(to, room, name, size)) === expected;
  if (!isLast && (await isThere())) return 'there';
  const incoming = await to.receive();
  try {
    for await (const chunk of await from.stream(room, name, 0, size))
      await incoming.write(chunk as Uint8Array);
    await incoming.keep(room, name);
  } finally {
    await incoming.discard();
  }
  if (!(await isThere()))
    throw new BlobUnavailable(
      `${room}/${name} 写入后读出的内容不同 / comes back different from what was written`,
    );
  return 'there';
}

async function digestOf(blobs: Blobs, room: BlobRoom, name: string, size: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of await blobs.stream(room, name, 0, size)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
