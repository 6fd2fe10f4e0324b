import { PassThrough, type Readable } from 'node:stream';
import { ZipFile } from 'yazl';

/*
 * A package as a stream: ZIP, with ZIP64 where it is needed. Nothing is deflated: what is large is packed already, and
 * whoever checks a package hashes an original where it lies.
 */

export type PackageItem =
  | { readonly name: string; readonly bytes: Uint8Array }
  /** opened when it is its turn */
  | { readonly name: string; readonly size: number; readonly open: () => Promise<Readable> };

/** Whoever stops reading closes what is open; an item that fails breaks the stream off, so that nobody takes it for whole. */
export function zipOf(items: readonly PackageItem[], madeMs: number): Readable {
  const zip = new ZipFile();
  const out = new PassThrough();
  let current: Readable | undefined;
  const fail = (error: Error): void => {
    out.destroy(error);
  };
  const options = { mtime: new Date(madeMs), mode: 0o100644, compress: false };
  for (const item of items) {
    if ('bytes' in item) zip.addBuffer(Buffer.from(item.bytes), item.name, options);
    else
      zip.addReadStreamLazy(item.name, { ...options, size: item.size }, (take) => {
        if (out.destroyed) return;
        item.open().then((stream) => {
          current = stream;
          if (out.destroyed) stream.destroy();
          else take(null, stream.on('error', fail));
        }, fail);
      });
  }
  zip.on('error', fail);
  out.on('close', () => {
    zip.outputStream.unpipe(out);
    current?.destroy();
  });
  zip.outputStream.on('error', fail).pipe(out);
  zip.end();
  return out;
}
