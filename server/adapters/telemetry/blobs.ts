import type { Blobs, IncomingBlob } from '../../ports/blobs.ts';
import type { Tracing } from '../../ports/metrics.ts';
import type { Families } from './families.ts';
import { watchCalls, watched } from './wrap.ts';

/** The blobs with every call timed and bytes counted. */
export function watchBlobs<T extends Blobs>(blobs: T, families: Families, tracing: Tracing | undefined): T {
  const calls = watchCalls(families, 'blobs', 'calls to the blobs', tracing);
  const bytes = families.counts('kezheng_upload_bytes_total', 'Bytes of files that were uploaded').with({});
  const files = families.counts('kezheng_upload_files_total', 'Files that were uploaded and kept').with({});
  const write = calls.times.with({ verb: 'write' });
  const watchIncoming = (blob: IncomingBlob): IncomingBlob => ({
    async write(chunk) {
      const start = performance.now();
      await blob.write(chunk);
      write.observe(performance.now() - start);
      bytes.value += chunk.length;
    },
    keep: calls.watch('keepUpload', async (room, name) => {
      await blob.keep(room, name);
      files.value++;
    }),
    discard: () => blob.discard(),
  });
  const counted: Partial<Blobs> = {
    receive: calls.watch('receive', async () => watchIncoming(await blobs.receive())),
  };
  return watched(blobs, calls, counted as Partial<T>);
}
