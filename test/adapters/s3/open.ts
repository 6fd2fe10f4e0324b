import type { Test } from 'tap';
import { openS3Blobs, type S3Options } from '../../../server/adapters/s3/blobs.ts';

/** Impatient, so that tests need not wait. */
const QUICK = { connectMs: 500, silenceMs: 600, attempts: 3 };

/** Closed with the test. */
export async function openBlobs(t: Test, address: string, more: Partial<S3Options> = {}) {
  const blobs = await openS3Blobs(address, { ...QUICK, ...more, spoolDir: more.spoolDir ?? t.testdir() });
  t.teardown(() => blobs.close());
  return blobs;
}

/** Milliseconds that it took. */
export async function took(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
