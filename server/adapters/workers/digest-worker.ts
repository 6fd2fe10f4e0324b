import { createHash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { DigestJob } from './digests.ts';
import type { Ask, Reply } from './thread.ts';

/** One algorithm for many streams: each is a running hash under its number. */
const { algorithm } = workerData as { algorithm: string };
const running = new Map<number, Hash>();
const port = parentPort!;

function hashOf(stream: number): Hash {
  let hash = running.get(stream);
  if (hash === undefined) running.set(stream, (hash = createHash(algorithm)));
  return hash;
}

function work(job: DigestJob): string | undefined {
  if (job.what === 'update') return void hashOf(job.stream).update(job.block);
  const hash = hashOf(job.stream);
  running.delete(job.stream);
  return job.what === 'finish' ? hash.digest('hex') : undefined;
}

port.on('message', ({ n, job }: Ask<DigestJob>) => {
  const reply: Reply = { n, value: work(job) };
  if (job.what !== 'abandon') port.postMessage(reply);
});
