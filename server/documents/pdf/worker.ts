import { parentPort } from 'node:worker_threads';
import type { Ask, Reply } from '../../ports/work.ts';
import { type DeedJob, renderDeed } from './deed.ts';
import { type PaperJob, renderPaper } from './render.ts';

/* A document of a hundred files takes longer to draw than a deposit may wait: it is drawn on a thread of its own. */

const port = parentPort!;

port.on('message', async ({ n, job }: Ask<PaperJob | DeedJob>) => {
  try {
    const value = await ('deed' in job ? renderDeed(job) : renderPaper(job));
    const reply: Reply = { n, value };
    port.postMessage(reply, [value.bytes.buffer as ArrayBuffer]);
  } catch (error) {
    const reply: Reply = { n, error };
    port.postMessage(reply);
  }
});
