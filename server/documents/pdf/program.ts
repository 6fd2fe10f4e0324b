export type { DeedJob } from './deed.ts';
export type { PaperJob, Unsigned } from './render.ts';

/** Run by a worker thread: it alone loads the libraries and fonts of documents. */
export const PAPER_PROGRAM = new URL('./worker.ts', import.meta.url);
