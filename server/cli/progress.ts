import process from 'node:process';

/* How far a long work is, for people: on a terminal in one line that changes, otherwise now and then a line. */

export interface Progress {
  /** `text` is asked for when it is time to show it. */
  show(text: () => string): void;
  /** Whatever is printed next has a line of its own. */
  end(): void;
}

const ON_TERMINAL_MS = 200;
const ELSEWHERE_MS = 10_000;

export function openProgress(nowMs: () => number): Progress {
  const { stderr } = process;
  let shownMs = nowMs();
  let isLineOpen = false;
  return {
    show(text) {
      const now = nowMs();
      if (now - shownMs < (stderr.isTTY ? ON_TERMINAL_MS : ELSEWHERE_MS)) return;
      shownMs = now;
      stderr.write(stderr.isTTY ? `\r\u001b[2K${text().slice(0, stderr.columns - 1)}` : `${text()}\n`);
      isLineOpen = stderr.isTTY;
    },
    end() {
      if (isLineOpen) stderr.write('\r\u001b[2K');
      isLineOpen = false;
    },
  };
}
