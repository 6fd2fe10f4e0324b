import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Manifest } from '../core/entry/manifest.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { FixityStore, StoredEntry } from '../ports/store.ts';
import { Problem } from './problem.ts';
import { parseRange } from './range.ts';

export interface StoredFiles {
  readonly store: FixityStore;
  readonly blobs: Blobs;
}

/** File number `n` (from 0) of an entry, whole or a range of it; whether the caller may have it was asked before. */
export async function sendStoredFile(
  deps: StoredFiles,
  request: FastifyRequest,
  reply: FastifyReply,
  entry: StoredEntry,
  n: number,
): Promise<FastifyReply> {
  const manifest = JSON.parse(entry.entry) as Manifest;
  const file = manifest.files[n];
  if (file === undefined) throw new Problem('not-found');
  // Declared digests name no bytes of ours: another organization's file with the same digest stays its own.
  if (file.digests !== 'computed') throw new Problem('file-not-stored');
  await expectWhole(deps, request, file);
  const { size } = file;
  const head = request.method === 'HEAD';
  // Ranges are of GET only (RFC 9110 §14.2).
  const range = head ? undefined : parseRange(request.headers.range, size);
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${size}`);
    throw new Problem('range-not-satisfiable');
  }
  const { start, end } = range ?? { start: 0, end: size };
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${size}`);
  reply
    .header('accept-ranges', 'bytes')
    .header('content-length', end - start)
    .header('etag', `"${file.sha256}"`)
    // The type is the depositor's word: a browser must never run what was handed in.
    .header('content-type', file.mediaType ?? 'application/octet-stream')
    .header('content-disposition', attachment(file.name))
    .header('content-security-policy', "default-src 'none'; sandbox");
  return head ? reply.send() : reply.send(await deps.blobs.stream('files', file.sha256, start, end));
}

/**
 * Of a file that we took, nothing else is ever sent under its digest than what we took: not what its last check found
 * damaged, nor what has another size. Both are our loss, so the log hears of it each time that somebody asks.
 */
async function expectWhole(
  { store, blobs }: StoredFiles,
  request: FastifyRequest,
  { sha256, size }: Manifest['files'][number],
): Promise<void> {
  const [actual, [check]] = await Promise.all([blobs.size('files', sha256), store.fixityOf([sha256])]);
  const isDamaged = check?.result === 'damaged' || actual !== size;
  if (actual !== undefined && !isDamaged) return;
  const code = actual === undefined ? 'stored-file-missing' : 'stored-file-damaged';
  request.log.error({ sha256, request: request.id }, code);
  throw new Problem(code);
}

/** RFC 6266 with RFC 8187's encoding, and a plain name for old clients. */
export function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
