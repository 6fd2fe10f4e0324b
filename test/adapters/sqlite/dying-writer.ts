import { parentPort } from 'node:worker_threads';

/** Answers its first request and dies at the second: what a writer does that meets a bug. Run by faults.test.ts. */
let count = 0;
parentPort!.on('message', ({ n }: { n: number }) => {
  if (++count > 1) throw new Error('on purpose');
  parentPort!.postMessage({ n, value: 'answered' });
});
