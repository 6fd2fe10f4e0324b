/*
 * The shortest edit, and so a longest common subsequence: E. W. Myers, An O(ND) Difference Algorithm and Its Variations,
 * Algorithmica 1 (1986).
 */

export interface Edit {
  readonly kind: 'same' | 'removed' | 'added';
  readonly token: string;
}

/** Edits of one comparison: the furthest points of each round are kept, so that memory grows with the square. */
const MAX_EDITS = 2_000;

/** Undefined where it would take more steps than `budget` has left; those that were taken are taken off. */
export function edits(
  before: readonly string[],
  after: readonly string[],
  budget: { steps: number },
): Edit[] | undefined {
  const head = commonHead(before, after);
  const tail = commonTail(before, after, head);
  const [a, b] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  const middle = shortest(a, b, budget);
  const same = (token: string): Edit => ({ kind: 'same', token });
  return (
    middle && [...before.slice(0, head).map(same), ...middle, ...before.slice(before.length - tail).map(same)]
  );
}

function commonHead(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function commonTail(a: readonly string[], b: readonly string[], head: number): number {
  const most = Math.min(a.length, b.length) - head;
  let length = 0;
  while (length < most && a.at(-1 - length) === b.at(-1 - length)) length++;
  return length;
}

/** Of each round the furthest place in `a` on each diagonal, from −d to d by steps of two. */
type Rounds = readonly Int32Array[];

function shortest(a: readonly string[], b: readonly string[], budget: { steps: number }): Edit[] | undefined {
  const rounds: Int32Array[] = [];
  for (let d = 0; d <= Math.min(a.length + b.length, MAX_EDITS); d++) {
    const round = new Int32Array(d + 1);
    rounds.push(round);
    for (let i = 0; i <= d; i++) {
      const k = 2 * i - d;
      const start = startOf(rounds, d, k);
      const x = alongDiagonal(a, b, start, start - k);
      round[i] = x;
      budget.steps -= 1 + x - start;
      if (x >= a.length && x - k >= b.length) return traced(a, b, rounds);
    }
    if (budget.steps < 0) return undefined;
  }
  return undefined;
}

const furthest = (round: Int32Array, d: number, k: number): number => round[(k + d) / 2] ?? -1;

/** One step down (an addition) from the diagonal above, or right (a removal) from the one below: what leads further. */
function startOf(rounds: Rounds, d: number, k: number): number {
  if (d === 0) return 0;
  const last = rounds[d - 1]!;
  return isAddition(last, d, k) ? furthest(last, d - 1, k + 1) : furthest(last, d - 1, k - 1) + 1;
}

const isAddition = (last: Int32Array, d: number, k: number): boolean =>
  k === -d || (k !== d && furthest(last, d - 1, k - 1) < furthest(last, d - 1, k + 1));

function alongDiagonal(a: readonly string[], b: readonly string[], x: number, y: number): number {
  let length = 0;
  while (x + length < a.length && y + length < b.length && a[x + length] === b[y + length]) length++;
  return x + length;
}

/** Back from the end, round by round. */
function traced(a: readonly string[], b: readonly string[], rounds: Rounds): Edit[] {
  const found: Edit[] = [];
  let x = a.length;
  let y = b.length;
  for (let d = rounds.length - 1; d > 0; d--) {
    const k = x - y;
    const start = startOf(rounds, d, k);
    for (; x > start; x--, y--) found.push({ kind: 'same', token: a[x - 1]! });
    if (isAddition(rounds[d - 1]!, d, k)) found.push({ kind: 'added', token: b[--y]! });
    else found.push({ kind: 'removed', token: a[--x]! });
  }
  for (; x > 0; x--) found.push({ kind: 'same', token: a[x - 1]! });
  return found.reverse();
}
